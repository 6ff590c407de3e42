//! `arena run --dry-run`: what would be run, and what it may cost as far as that can be known before the first reply.

use std::collections::BTreeMap;

use arena_bundle::{Bundle, ProviderSpec, Scenario};
use arena_evaluate::check_type;
use owo_colors::OwoColorize;
use serde::Serialize;

use crate::output::println;
use crate::session::{Session, provider_settings};
use crate::terminal::{line, plural};

/// Bytes of text that are about one token.
const TOKEN_BYTES: u64 = 4;
/// Kinds of providers that call nobody.
const OFFLINE: [&str; 2] = ["mock", "replay"];
/// Scenarios that are listed.
const SHOWN: usize = 50;

/// What would be run.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outlook {
    bundle: String,
    bundle_digest: String,
    cases: u64,
    scenarios: Vec<Row>,
    providers: Vec<Estimate>,
    /// Evaluations by check type.
    checks: BTreeMap<String, u64>,
}

/// A scenario.
#[derive(Serialize)]
struct Row {
    id: String,
    providers: Vec<String>,
    trials: u32,
    turns: usize,
    cases: u64,
}

/// A provider under test. Tokens are bytes / 4 of texts as they stand in the bundle, variables not filled in.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Estimate {
    id: String,
    model: String,
    /// Whether a server is called at all.
    offline: bool,
    cases: u64,
    calls: u64,
    /// Prompts without the replies in them.
    prompt_tokens: u64,
    /// Longest replies; none if nothing limits them.
    reply_tokens_most: Option<u64>,
    /// Of the prompts alone; none if there are no prices.
    prompts_usd: Option<f64>,
    /// If every reply is as long as it may be; none if there are no prices or no limit.
    most_usd: Option<f64>,
}

/// Prints it, as one JSON object if `json`. With `mocked`, the mock answers for all providers.
pub fn print(session: &Session, mocked: bool, json: bool) {
    let outlook = outlook(session, mocked);
    if json {
        println!("{:#}", serde_json::to_value(&outlook).unwrap_or_default());
    } else {
        print_text(&outlook);
    }
}

fn outlook(session: &Session, mocked: bool) -> Outlook {
    let (bundle, plan, scenarios) = (&session.bundle, &session.matrix.plan, session.matrix.scenarios());
    let mut cells: BTreeMap<(u32, u32), u64> = BTreeMap::new();
    for case in (0..plan.len()).filter_map(|index| plan.case(index)) {
        *cells.entry((case.scenario, case.provider)).or_default() += 1;
    }
    let name = |lane: u32| plan.lanes().get(lane as usize).map_or("", |lane| lane.provider.as_str());
    let mut rows = Vec::new();
    let mut checks: BTreeMap<String, u64> = BTreeMap::new();
    for (at, scenario) in (0..).zip(scenarios) {
        let of_it = || cells.range((at, 0)..=(at, u32::MAX));
        let cases: u64 = of_it().map(|(_, cases)| cases).sum();
        if cases == 0 {
            continue;
        }
        let turns = scenario.turns.iter().flat_map(|turn| &turn.assertions);
        for assertion in turns.chain(scenario.conversation_assertions.iter().map(AsRef::as_ref)) {
            *checks.entry(check_type(assertion).into_owned()).or_default() += cases;
        }
        rows.push(Row {
            id: scenario.id.clone(),
            providers: of_it().map(|((_, lane), _)| name(*lane).to_owned()).collect(),
            trials: scenario.trials,
            turns: scenario.turns.len(),
            cases,
        });
    }
    let estimate = |spec: &ProviderSpec| {
        let offline = mocked || OFFLINE.contains(&spec.kind.as_str());
        let of_it = cells.iter().filter(|((_, lane), _)| name(*lane) == spec.id);
        let of_it = of_it.filter_map(|((at, _), cases)| Some((session.example(scenarios.get(*at as usize)?), *cases)));
        Estimate::of(spec, bundle, offline, of_it)
    };
    let providers = bundle.providers.iter().map(estimate).filter(|estimate| estimate.cases > 0).collect();
    let (name, digest) = (bundle.name.clone(), bundle.digest.to_string());
    Outlook { bundle: name, bundle_digest: digest, cases: plan.len(), scenarios: rows, providers, checks }
}

impl Estimate {
    fn of<'a>(
        spec: &ProviderSpec,
        bundle: &Bundle,
        offline: bool,
        scenarios: impl Iterator<Item = (&'a Scenario, u64)>,
    ) -> Self {
        let longest = bundle.defaults.max_tokens.or(spec.defaults.max_tokens).map(u64::from);
        let mut estimate = Self { id: spec.id.clone(), model: spec.model.clone(), offline, ..Self::default() };
        // Replies that come back in later prompts of their conversation.
        let mut repeated = 0;
        for (scenario, cases) in scenarios {
            let prompt =
                bundle.prompts.get(&scenario.task_type).map_or(0, |prompt| prompt.system_template.len() as u64);
            let (mut said, mut bytes) = (prompt, 0);
            for turn in &scenario.turns {
                said += turn.content.text().len() as u64;
                bytes += said;
            }
            let turns = scenario.turns.len() as u64;
            estimate.cases += cases;
            estimate.calls += turns * cases;
            estimate.prompt_tokens += bytes.div_ceil(TOKEN_BYTES) * cases;
            repeated += turns * turns.saturating_sub(1) / 2 * cases;
        }
        estimate.reply_tokens_most = longest.map(|longest| longest * estimate.calls);
        let price = |tokens: u64, per_1k: f64| tokens as f64 / 1000.0 * per_1k;
        if let Some(prices) = arena_provider::price(&provider_settings(spec)).filter(|_| !offline) {
            estimate.prompts_usd = Some(price(estimate.prompt_tokens, prices.input_per_1k));
            estimate.most_usd = longest.map(|longest| {
                price(estimate.prompt_tokens + repeated * longest, prices.input_per_1k)
                    + price(longest * estimate.calls, prices.output_per_1k)
            });
        }
        estimate
    }

    fn cost(&self) -> String {
        match (self.prompts_usd, self.most_usd) {
            _ if self.offline => "nothing: it calls nobody".to_owned(),
            (Some(prompts), Some(most)) => {
                format!(
                    "about {prompts:.4} USD for the prompts alone, {most:.4} USD if every reply is as long as it may be"
                )
            }
            (Some(prompts), None) => {
                format!("about {prompts:.4} USD for the prompts alone; no max_tokens, so no upper bound is known")
            }
            _ => "unknown: the provider has no pricing".to_owned(),
        }
    }
}

fn print_text(outlook: &Outlook) {
    let Outlook { bundle, cases, scenarios, providers, checks, .. } = outlook;
    println!("{} {}, nobody was called", format!("{}:", line(bundle)).bold(), plural(*cases, "case"));
    for Row { id, providers, trials, turns, cases } in scenarios.iter().take(SHOWN) {
        let providers: Vec<String> = providers.iter().map(|id| line(id)).collect();
        let (trials, turns) = (plural(*trials, "trial"), plural(*turns as u64, "turn"));
        println!("  scenario {}: {} ({}; {trials}, {turns})", line(id), plural(*cases, "case"), providers.join(", "));
    }
    if scenarios.len() > SHOWN {
        println!("  and {} more", plural((scenarios.len() - SHOWN) as u64, "scenario"));
    }
    for (kind, count) in checks {
        println!("  check {}: {}", line(kind), plural(*count, "evaluation"));
    }
    for estimate in providers {
        let (calls, tokens) = (plural(estimate.calls, "call"), estimate.prompt_tokens);
        println!(
            "  provider {}: {calls}, about {tokens} tokens of prompts; cost: {}",
            line(&estimate.id),
            estimate.cost()
        );
    }
    println!("Calls of judges and for embeddings are not counted, nor calls that a failing check saves.");
}
