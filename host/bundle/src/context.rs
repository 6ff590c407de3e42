//! `context_policy` of a scenario: how much of a conversation its model is sent.

use crate::feature::{Without, unsupported};
use crate::report::Report;
use crate::yaml::Cursor;

/// Without embeddings there is no telling what is relevant.
pub(crate) const RELEVANCE: &str = "relevance";
/// Tune what has no effect here, whatever they say.
const IGNORED: [&str; 1] = ["cache_breakpoints"];

/// What a request may hold, and what happens to what does not fit. Tokens are estimated, see `docs/reference`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContextPolicy {
    /// Tokens of a request and its answer together, at least 1.
    pub budget: u64,
    /// Of these, tokens kept for the answer.
    pub reserve: u64,
    /// What happens to what is too much.
    pub strategy: ContextStrategy,
}

/// What happens when a conversation no longer fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContextStrategy {
    /// The oldest exchanges are left out.
    Oldest,
    /// The oldest exchanges are told in short by the model itself.
    Summarize,
    /// The case is an error.
    Fail,
}

impl ContextStrategy {
    /// The word of the format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Oldest => "oldest",
            Self::Summarize => "summarize",
            Self::Fail => "fail",
        }
    }
}

impl ContextPolicy {
    /// Reads `context_policy`; none where nothing is limited, or where the strategy cannot be carried out.
    pub(crate) fn decode(policy: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let set = |key: &&str| policy.boolean(key) != Some(false);
        let ignored: Vec<_> = IGNORED.into_iter().filter(set).collect();
        unsupported(policy, &ignored, Without::Works, report);
        let budget = policy.whole("token_budget", 0, report).filter(|budget| *budget > 0)?;
        let reserve = policy.whole("reserve_for_output", 0, report).unwrap_or(0);
        let strategy = match policy.text("strategy").as_deref() {
            None | Some("" | "oldest" | "truncate") => ContextStrategy::Oldest,
            Some("summarize") => ContextStrategy::Summarize,
            Some("fail") => ContextStrategy::Fail,
            Some(_) => return None,
        };
        Some(Self { budget, reserve, strategy })
    }

    /// Whether cases need a strategy that there is not; reports it.
    pub(crate) fn unsupported(policy: &Cursor<'_>, report: &mut Report) -> bool {
        let Some(strategy) = policy.get_text("strategy").filter(|it| it.node.as_text() == Some(RELEVANCE)) else {
            return false;
        };
        let message = "there are no embeddings yet to tell what is relevant: each case is an error";
        let problem = strategy.error_with_value("FeatureUnsupported", message).defect();
        report.push(problem.hint("use `oldest`, `summarize` or `fail`"));
        true
    }
}
