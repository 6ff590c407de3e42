//! Checks: tried with their params, without a reply to judge.

use std::collections::HashMap;

use arena_bundle::Assertion;
use arena_model::Fault;
use serde_json::Value;

use super::params::{misplaced, unknown};
use super::{Finding, Findings};
use crate::check::{Unwrapped, unknown_tool, unwrap};
use crate::condition::undecidable;
use crate::evaluator::Evaluator;
use crate::guardrails::unknown_validator;
use crate::library::Resolved;
use crate::score::Threshold;

/// Params of a group beside its thresholds.
const GROUP_PARAMS: [&str; 2] = ["checks", "assertions"];
const GROUP_WORDS: &str = "`min_score` and `max_score`";

/// What is wrong with one pair of type and params: fatal or not, stable name, sentence.
pub(super) type Found = (bool, &'static str, String);

impl Evaluator {
    /// Tries the params of checks until `most` different ones were tried. What is left is seen when its case is judged.
    pub async fn check_params(&self, most: usize) -> Vec<Finding> {
        let mut tried: HashMap<(&str, &str), Vec<Found>> = HashMap::new();
        let mut findings = Findings::default();
        for scenario in &self.parts.bundle.scenarios {
            let mut turns = scenario.turns.iter().flat_map(|turn| &turn.assertions).peekable();
            if turns.peek().is_none() && scenario.conversation_assertions.is_empty() && !scenario.turns.is_empty() {
                let text = format!("scenario `{}` has no checks: it passes if the model answers", scenario.id);
                findings.push(Finding {
                    fatal: false,
                    reason: "ChecksMissing",
                    place: scenario.file.to_string(),
                    text,
                });
            }
            let conversation = scenario.conversation_assertions.iter().map(AsRef::as_ref);
            let all: Vec<&Assertion> = turns.chain(conversation).flat_map(Assertion::checks).collect();
            for assertion in &all {
                let bundle = &self.parts.bundle;
                let why = unknown_validator(bundle, scenario, assertion).or_else(|| unknown_tool(bundle, assertion));
                let Some(why) = why else { continue };
                findings.push(Finding {
                    fatal: true,
                    reason: "BadParams",
                    place: format!("{}:{}", assertion.file, assertion.line),
                    text: format!("check `{}`: {why}", assertion.kind),
                });
            }
            self.try_all(all, most, &mut tried, &mut findings).await;
        }
        self.conditions(&mut findings);
        let own = self.parts.bundle.prompts.values().flat_map(|prompt| &prompt.evals);
        let evals: Vec<&Assertion> = self.parts.bundle.evals.iter().chain(own).map(|eval| &eval.check).collect();
        self.try_all(evals, most, &mut tried, &mut findings).await;
        findings.list
    }

    /// Conditions that can never be decided, and params of groups, which no component looks at.
    fn conditions(&self, findings: &mut Findings) {
        let bundle = &self.parts.bundle;
        let of_scenario = |scenario: &'_ std::sync::Arc<arena_bundle::Scenario>| {
            let turns = scenario.turns.iter().flat_map(|turn| &turn.assertions).cloned();
            turns.chain(scenario.conversation_assertions.iter().map(|check| (**check).clone())).collect::<Vec<_>>()
        };
        for written in bundle.scenarios.iter().flat_map(of_scenario) {
            let mut tell = |check: &Assertion, reason: &'static str, text: String| {
                findings.push(Finding {
                    fatal: true,
                    reason,
                    place: format!("{}:{}", check.file, check.line),
                    text: format!("check `{}`: {text}", check.kind),
                });
            };
            let members = written.group.iter().flat_map(|group| &group.checks);
            for check in std::iter::once(&written).chain(members) {
                if let Some(why) = check.when.as_deref().and_then(undecidable) {
                    tell(check, "ConditionInvalid", why);
                }
            }
            if written.group.is_none() {
                continue;
            }
            match Threshold::split(&written.params.to_value()) {
                Err(why) => tell(&written, "BadParams", why),
                Ok((_, Value::Object(rest))) => {
                    for name in rest.keys().filter(|name| !GROUP_PARAMS.contains(&name.as_str())) {
                        let text = format!("a group has no param `{name}`; there are {}", GROUP_WORDS);
                        tell(&written, "BadParams", text);
                    }
                }
                Ok(_) => {}
            }
        }
    }

    async fn try_all<'b>(
        &'b self,
        assertions: Vec<&'b Assertion>,
        most: usize,
        tried: &mut HashMap<(&'b str, &'b str), Vec<Found>>,
        findings: &mut Findings,
    ) {
        for assertion in assertions {
            let key = (assertion.kind.as_str(), assertion.params.as_str());
            if !tried.contains_key(&key) {
                if tried.len() >= most {
                    continue;
                }
                tried.insert(key, self.try_params(assertion).await);
            }
            for (fatal, reason, text) in &tried[&key] {
                findings.push(Finding {
                    fatal: *fatal,
                    reason,
                    place: format!("{}:{}", assertion.file, assertion.line),
                    text: format!("check `{}`: {text}", assertion.kind),
                });
            }
        }
    }

    async fn try_params(&self, assertion: &Assertion) -> Vec<Found> {
        let unwrapped = match unwrap(assertion) {
            Ok(unwrapped) => unwrapped,
            Err(text) => return vec![(true, "BadParams", text)],
        };
        let Some(entry) = self.parts.library.find(&unwrapped.kind) else {
            return vec![(true, "CheckUnknown", self.parts.library.unknown(&unwrapped.kind))];
        };
        let ignored = misplaced(assertion).into_iter().chain(unknown(entry, &unwrapped));
        let mut found: Vec<Found> = ignored.map(|text| (false, "ParamUnknown", text)).collect();
        match self.refusal(entry, &unwrapped).await {
            Some((reason, text)) => found.push((true, reason, text)),
            None => found.extend(self.lacking(entry, &unwrapped).map(|text| (true, "BadParams", text))),
        }
        found
    }

    /// Why the check refuses its params, or cannot be asked.
    pub(super) async fn refusal(&self, entry: &Resolved, unwrapped: &Unwrapped) -> Option<(&'static str, String)> {
        let component = match entry.ready() {
            Ok(component) => component.clone(),
            Err(why) => return Some(why),
        };
        let (sandbox, kind, params) = (self.parts.sandbox.clone(), unwrapped.kind.clone(), unwrapped.params.clone());
        let tried = async move { sandbox.validate(&component, &kind, &params).await.result };
        match self.parts.sandbox.on_pool(tried).await.and_then(|result| result) {
            Ok(Ok(())) => None,
            Ok(Err(text)) => Some(("BadParams", text)),
            Err(error) => Some((error.reason(), error.to_string())),
        }
    }

    /// What a check that asks others lacks: any judge or provider of embeddings, or the one its params name.
    pub(super) fn lacking(&self, entry: &Resolved, unwrapped: &Unwrapped) -> Option<String> {
        let check = entry.check(&unwrapped.kind)?;
        // Whoever runs a pack brings the judges.
        if self.parts.bundle.scenarios.is_empty() {
            return None;
        }
        let params: Value = serde_json::from_str(&unwrapped.params).unwrap_or_default();
        // By that name only where the check itself says that it has such a parameter.
        let named = |key: &str| params.get(key).filter(|_| check.params["properties"].get(key).is_some())?.as_str();
        let wants = |name: &str| check.capabilities.iter().any(|capability| capability == name);
        let judge = || wants("judge").then(|| self.judges.find(named("judge")).err()).flatten();
        let embedder = || wants("embed").then(|| self.embedders.find(named("embedder")).err()).flatten();
        judge().or_else(embedder)
    }
}
