//! Prompts: what each needs, against what its scenarios give it.

use std::collections::{BTreeMap, BTreeSet};

use arena_bundle::expand;
use arena_model::Fault;

use super::{Finding, Findings};
use crate::evaluator::Evaluator;
use crate::prompt;

impl Evaluator {
    /// Compares what each used prompt needs with what its scenarios give it.
    pub async fn check_templates(&self) -> Vec<Finding> {
        let bundle = &self.parts.bundle;
        let mut needs: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        let mut findings = Findings::default();
        for scenario in &bundle.scenarios {
            for prompt in prompt::reached(bundle, scenario) {
                let Some(why) = prompt::invalid(prompt, &prompt::variables(prompt, scenario, None)) else { continue };
                let text = format!("scenario `{}`, prompt `{}`: {why}", scenario.id, prompt.task_type);
                findings.push(Finding {
                    fatal: true,
                    reason: "VariableInvalid",
                    place: scenario.file.to_string(),
                    text,
                });
            }
            let Some(prompt) = bundle.prompts.get(&scenario.task_type) else { continue };
            let values = prompt::variables(prompt, scenario, None);
            let mut push = |fatal, reason, text: String| {
                let text = format!("scenario `{}`: {text}", scenario.id);
                findings.push(Finding { fatal, reason, place: prompt.file.to_string(), text });
            };
            let missing = prompt::missing(prompt, &values);
            if !missing.is_empty() {
                push(true, "VariableMissing", format!("no value for {}", missing.join(", ")));
            }
            if !needs.contains_key(prompt.task_type.as_str()) {
                let names = match self.template() {
                    Ok(engine) => {
                        let (sandbox, engine) = (self.parts.sandbox.clone(), engine.clone());
                        // What keeps a fragment out of place is an error of the document.
                        let source = expand(&prompt.system_template, &prompt.fragments, |_| false).unwrap_or_default();
                        let asked = async move { sandbox.variables(&engine, &source).await.result };
                        self.parts.sandbox.on_pool(asked).await.and_then(|result| result)
                    }
                    Err(_) => Ok(Vec::new()),
                };
                match names {
                    Ok(names) => drop(needs.insert(&prompt.task_type, names)),
                    Err(error) => {
                        push(true, error.reason(), error.to_string());
                        needs.insert(&prompt.task_type, Vec::new());
                    }
                }
            }
            let known: BTreeSet<&str> =
                values.keys().chain(prompt.fragments.keys()).map(String::as_str).chain(["region"]).collect();
            let named = needs.get(prompt.task_type.as_str()).into_iter().flatten();
            let unresolved: Vec<&str> = named.map(String::as_str).filter(|name| !known.contains(name)).collect();
            if !unresolved.is_empty() && missing.is_empty() {
                let text = format!("no variable is named {}; the model will see the token", unresolved.join(", "));
                push(false, "VariableUnresolved", text);
            }
        }
        findings.list
    }
}
