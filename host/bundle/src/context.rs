//! `context_policy` of a scenario: how much of a conversation its model is sent.

use crate::ProviderSpec;
use crate::feature::{Without, unsupported};
use crate::report::Report;
use crate::scenario::Known;
use crate::yaml::Cursor;

/// Tune what has no effect here, whatever they say.
const IGNORED: [&str; 1] = ["cache_breakpoints"];
/// Messages that are kept, or looked at, where nothing is said or 0.
const USUAL_MESSAGES: usize = 3;

/// What a request may hold, and what happens to what does not fit. Tokens are estimated, see `docs/reference`.
#[derive(Clone, Debug, PartialEq)]
pub struct ContextPolicy {
    /// Tokens of a request and its answer together, at least 1.
    pub budget: u64,
    /// Of these, tokens kept for the answer.
    pub reserve: u64,
    /// What happens to what is too much.
    pub strategy: ContextStrategy,
}

/// What happens when a conversation no longer fits.
#[derive(Clone, Debug, PartialEq)]
pub enum ContextStrategy {
    /// The oldest exchanges are left out.
    Oldest,
    /// The oldest exchanges are told in short by the model itself.
    Summarize,
    /// The exchanges that have least to do with what is asked are left out.
    Relevance(Relevance),
    /// The case is an error.
    Fail,
}

/// What makes an exchange worth sending.
#[derive(Clone, Debug, PartialEq)]
pub struct Relevance {
    /// Id of the provider that makes the vectors, or why there is none.
    pub embedder: Result<String, String>,
    /// Exchanges with one of so many newest messages are always sent.
    pub recent: usize,
    /// Exchanges less alike than this are not sent, 0 to 1.
    pub threshold: f64,
    /// What exchanges are compared with.
    pub query: RelevanceQuery,
}

/// What exchanges are compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RelevanceQuery {
    /// The newest message of the user.
    LastUser,
    /// So many newest messages together.
    Last(usize),
    /// This text.
    Custom(String),
}

impl ContextStrategy {
    /// The word of the format.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Oldest => "oldest",
            Self::Summarize => "summarize",
            Self::Relevance(_) => "relevance",
            Self::Fail => "fail",
        }
    }
}

impl ContextPolicy {
    /// Reads `context_policy`; none where nothing is limited.
    pub(crate) fn decode(policy: &Cursor<'_>, known: &Known<'_>, report: &mut Report) -> Option<Self> {
        let set = |key: &&str| policy.boolean(key) != Some(false);
        let ignored: Vec<_> = IGNORED.into_iter().filter(set).collect();
        unsupported(policy, &ignored, Without::Works, report);
        let budget = policy.whole("token_budget", 0, report).filter(|budget| *budget > 0)?;
        let reserve = policy.whole("reserve_for_output", 0, report).unwrap_or(0);
        let strategy = match policy.text("strategy").as_deref() {
            None | Some("" | "oldest" | "truncate") => ContextStrategy::Oldest,
            Some("summarize") => ContextStrategy::Summarize,
            Some("relevance") => ContextStrategy::Relevance(Relevance::decode(policy, known, report)),
            Some("fail") => ContextStrategy::Fail,
            Some(_) => return None,
        };
        Some(Self { budget, reserve, strategy })
    }
}

impl Relevance {
    fn decode(policy: &Cursor<'_>, known: &Known<'_>, report: &mut Report) -> Self {
        let it = policy.get("relevance");
        let text = |key: &str| it.as_ref().and_then(|it| it.text(key)).filter(|text| !text.is_empty());
        let (provider, model) = (text("provider"), text("model"));
        let embedder = find(provider.as_deref(), model.as_deref(), known);
        if let Err(why) = &embedder {
            let place = it.as_ref().and_then(|it| it.get_text("provider"));
            let place = place.as_ref().or(it.as_ref()).unwrap_or(policy);
            let problem = place.error_with_value("EmbedderMissing", format!("{why}: each case is an error")).defect();
            report
                .push(problem.hint("add a provider with `role: embedding` to `spec.providers`, and name its id here"));
        }
        let mut count = |key: &str| {
            let count: Option<usize> = it.as_ref().and_then(|it| it.whole(key, 0, report));
            count.filter(|count| *count > 0).unwrap_or(USUAL_MESSAGES)
        };
        let (recent, last) = (count("min_recent_messages"), count("last_n_count"));
        let threshold = it.as_ref().and_then(|it| it.number_in("similarity_threshold", 0.0, 1.0, report));
        let query = match text("query_source").as_deref() {
            Some("last_n") => RelevanceQuery::Last(last),
            Some("custom") => RelevanceQuery::Custom(text("custom_query").unwrap_or_else(|| {
                let place = it.as_ref().unwrap_or(policy);
                report.push(place.error("MissingKey", "`query_source: custom` needs the key `custom_query`"));
                String::new()
            })),
            _ => RelevanceQuery::LastUser,
        };
        if let Some(it) = it.as_ref().filter(|it| it.boolean("always_keep_system_role") == Some(false)) {
            unsupported(it, &["always_keep_system_role"], Without::Works, report);
        }
        Self { embedder, recent, threshold: threshold.unwrap_or(0.0), query }
    }
}

/// The provider of this id, else the first of this type, with this model if one is named. Where nothing is named, the
/// arena's usual one.
fn find(provider: Option<&str>, model: Option<&str>, known: &Known<'_>) -> Result<String, String> {
    let embedders = known.embedders;
    let fits = |spec: &&ProviderSpec| model.is_none_or(|model| spec.model == model);
    let named = provider.or(known.embedder).and_then(|provider| embedders.get(provider));
    let of_type = || embedders.values().filter(fits).find(|spec| provider.is_none_or(|kind| spec.kind == kind));
    if let Some(found) = named.filter(fits).or_else(of_type) {
        return Ok(found.id.clone());
    }
    let with = model.map(|model| format!(" with the model `{model}`")).unwrap_or_default();
    Err(match provider {
        _ if embedders.is_empty() => "the arena has no provider of embeddings".to_owned(),
        Some(provider) => format!("no provider of embeddings has the id or type `{provider}`{with}"),
        None => format!("there is no provider of embeddings{with}"),
    })
}
