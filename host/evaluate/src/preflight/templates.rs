//! Prompts: what each needs, against what its scenarios give it.

use std::collections::{BTreeMap, BTreeSet};

use arena_bundle::{Prompt, Scenario, expand};
use arena_model::Fault;
use arena_sandbox::GuestError;

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
            for prompt in prompt::reached(bundle, scenario) {
                let names = match needs.get(prompt.task_type.as_str()) {
                    Some(names) => names.clone(),
                    None => {
                        let names = self.needs(prompt).await.unwrap_or_else(|error| {
                            let text = format!("scenario `{}`: {error}", scenario.id);
                            let place = prompt.file.to_string();
                            findings.push(Finding { fatal: true, reason: error.reason(), place, text });
                            Vec::new()
                        });
                        needs.insert(&prompt.task_type, names.clone());
                        names
                    }
                };
                self.values_for(scenario, prompt, &names, &mut findings);
            }
            for play in scenario.turns.iter().filter_map(|turn| turn.play.as_ref()) {
                let Some(persona) = bundle.personas.get(&play.persona) else { continue };
                let has =
                    |name: &&String| !persona.variables.contains_key(*name) && !scenario.variables.contains_key(*name);
                let missing: Vec<&str> = persona.required.iter().filter(has).map(String::as_str).collect();
                if !missing.is_empty() {
                    let text = format!(
                        "scenario `{}`: no value for {}, which persona `{}` needs",
                        scenario.id,
                        missing.join(", "),
                        persona.id
                    );
                    let place = persona.file.to_string();
                    findings.push(Finding { fatal: true, reason: "VariableMissing", place, text });
                }
            }
        }
        findings.list
    }

    /// The names in a prompt's template.
    async fn needs(&self, prompt: &Prompt) -> Result<Vec<String>, GuestError> {
        let Ok(engine) = self.template() else { return Ok(Vec::new()) };
        let (sandbox, engine) = (self.parts.sandbox.clone(), engine.clone());
        // What keeps a fragment out of place is an error of the document.
        let source = expand(&prompt.system_template, &prompt.fragments, |_| false).unwrap_or_default();
        let asked = async move { sandbox.variables(&engine, &source).await.result };
        self.parts.sandbox.on_pool(asked).await.and_then(|result| result)
    }

    /// What a scenario lacks for a prompt that it may come to.
    fn values_for(&self, scenario: &Scenario, prompt: &Prompt, names: &[String], findings: &mut Findings) {
        let values = prompt::variables(prompt, scenario, None);
        // Under a workflow, more is known by the time a prompt is rendered.
        let later = |name: &str| {
            self.parts.bundle.workflow.is_some() && (name == "workflow_context" || name.starts_with("artifacts."))
        };
        let what = match prompt.task_type == scenario.task_type {
            true => format!("scenario `{}`", scenario.id),
            false => format!("scenario `{}`, prompt `{}`", scenario.id, prompt.task_type),
        };
        let mut push = |fatal, reason, text: String| {
            findings.push(Finding { fatal, reason, place: prompt.file.to_string(), text: format!("{what}: {text}") });
        };
        let missing: Vec<&str> = prompt::missing(prompt, &values).into_iter().filter(|name| !later(name)).collect();
        if !missing.is_empty() {
            push(true, "VariableMissing", format!("no value for {}", missing.join(", ")));
        }
        let known: BTreeSet<&str> = values.keys().chain(prompt.fragments.keys()).map(String::as_str).collect();
        let unresolved = names.iter().map(String::as_str);
        let unresolved: Vec<&str> =
            unresolved.filter(|name| !known.contains(name) && !later(name) && !missing.contains(name)).collect();
        if !unresolved.is_empty() {
            let text = format!("no variable is named {}; the model will see the token", unresolved.join(", "));
            push(false, "VariableUnresolved", text);
        }
    }
}
