//! What can be known before the first case costs anything: params that their check refuses, checks that no
//! component offers, templates that lack values.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use arena_bundle::Assertion;
use arena_model::Fault;

use crate::check::unwrap;
use crate::evaluator::Evaluator;
use crate::prompt;

/// A check that will be `error` whatever the model answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckProblem {
    /// Stable name, the same that the check's record will carry.
    pub reason: &'static str,
    /// File of the assertion.
    pub file: String,
    /// Its line.
    pub line: u32,
    /// Its type.
    pub kind: String,
    /// What is wrong.
    pub text: String,
}

/// A prompt that cannot be rendered as the scenario asks, or will reach the model with tokens left in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateProblem {
    /// `VariableMissing`, or a warning: `VariableUnresolved`.
    pub reason: &'static str,
    /// The prompt's file.
    pub file: String,
    /// The scenario.
    pub scenario: String,
    /// What is wrong.
    pub text: String,
}

impl Evaluator {
    /// Tries the params of checks until `most` different ones were tried. What is left is seen when its case is judged.
    pub async fn check_params(&self, most: usize) -> Vec<CheckProblem> {
        let mut tried: HashMap<(String, String), Option<(&'static str, String)>> = HashMap::new();
        let mut problems = Vec::new();
        for scenario in &self.parts.bundle.scenarios {
            let turns = scenario.turns.iter().flat_map(|turn| &turn.assertions);
            for assertion in turns.chain(scenario.conversation_assertions.iter().map(AsRef::as_ref)) {
                let key = (assertion.kind.clone(), assertion.params.as_str().to_owned());
                let found = match tried.get(&key) {
                    Some(found) => found.clone(),
                    None if tried.len() >= most => continue,
                    None => {
                        let found = self.try_params(assertion).await;
                        tried.insert(key, found.clone());
                        found
                    }
                };
                if let Some((reason, text)) = found {
                    let (file, line, kind) = (assertion.file.to_string(), assertion.line, assertion.kind.clone());
                    problems.push(CheckProblem { reason, file, line, kind, text });
                }
            }
        }
        problems
    }

    async fn try_params(&self, assertion: &Assertion) -> Option<(&'static str, String)> {
        let unwrapped = match unwrap(assertion) {
            Ok(unwrapped) => unwrapped,
            Err(text) => return Some(("BadParams", text)),
        };
        let Some(entry) = self.parts.library.find(&unwrapped.kind) else {
            return Some(("CheckUnknown", self.parts.library.unknown(&unwrapped.kind)));
        };
        let component = match entry.ready() {
            Ok(component) => component.clone(),
            Err(why) => return Some(why),
        };
        let sandbox = self.parts.sandbox.clone();
        let tried = self
            .parts
            .sandbox
            .on_pool(async move { sandbox.validate(&component, &unwrapped.kind, &unwrapped.params).await.result });
        match tried.await.and_then(|result| result) {
            Ok(Ok(())) => None,
            Ok(Err(text)) => Some(("BadParams", text)),
            Err(error) => Some((error.reason(), error.to_string())),
        }
    }

    /// Compares what each used prompt needs with what its scenarios give it.
    pub async fn check_templates(&self) -> Vec<TemplateProblem> {
        let bundle = &self.parts.bundle;
        let mut needs: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        let mut problems = Vec::new();
        for scenario in &bundle.scenarios {
            let Some(prompt) = bundle.prompts.get(&scenario.task_type) else { continue };
            let values = prompt::variables(prompt, scenario, None);
            let mut problem = |reason, text| {
                let (file, scenario) = (prompt.file.to_string(), scenario.id.clone());
                problems.push(TemplateProblem { reason, file, scenario, text });
            };
            let missing = prompt::missing(prompt, &values);
            if !missing.is_empty() {
                problem("VariableMissing", format!("no value for {}", missing.join(", ")));
            }
            if !needs.contains_key(prompt.task_type.as_str()) {
                let names = match self.template() {
                    Ok(engine) => {
                        let (sandbox, engine) = (self.parts.sandbox.clone(), engine.clone());
                        let source = prompt.system_template.clone();
                        let asked = async move { sandbox.variables(&engine, &source).await.result };
                        self.parts.sandbox.on_pool(asked).await.and_then(|result| result)
                    }
                    Err(_) => Ok(Vec::new()),
                };
                match names {
                    Ok(names) => drop(needs.insert(&prompt.task_type, names)),
                    Err(error) => {
                        problem(error.reason(), error.to_string());
                        needs.insert(&prompt.task_type, Vec::new());
                    }
                }
            }
            let known: BTreeSet<&str> = values.keys().map(String::as_str).chain(["region"]).collect();
            let named = needs.get(prompt.task_type.as_str()).into_iter().flatten();
            let unresolved: Vec<&str> = named.map(String::as_str).filter(|name| !known.contains(name)).collect();
            if !unresolved.is_empty() && missing.is_empty() {
                let text = format!("no variable is named {}; the model will see the token", unresolved.join(", "));
                problem("VariableUnresolved", text);
            }
        }
        problems
    }
}
