//! Guardrails: those that would make their case an error, as nobody knows them or as their params are refused.

use arena_bundle::{Prompt, Validator};
use serde_json::Value;

use super::{Finding, Findings};
use crate::check::Unwrapped;
use crate::conversation::guard_params;
use crate::evaluator::Evaluator;
use crate::score::Threshold;

impl Evaluator {
    /// Tries the validators of all prompts with their params.
    pub async fn check_guardrails(&self) -> Vec<Finding> {
        let mut findings = Findings::default();
        for prompt in self.parts.bundle.prompts.values() {
            for validator in &prompt.validators {
                let Err(why) = self.try_guardrail(validator).await else { continue };
                findings.push(Finding {
                    fatal: self.answers(prompt),
                    reason: "GuardrailFailed",
                    place: format!("{}:{}", validator.file, validator.line),
                    text: format!("guardrail `{}` of prompt `{}`: {why}", validator.kind, prompt.task_type),
                });
            }
        }
        findings.list
    }

    /// Whether conversations are sure to be held under the prompt: not only as a step of a composition, or in a state
    /// that may never be entered. A pack alone has no conversations, and is to be whole.
    fn answers(&self, prompt: &Prompt) -> bool {
        let bundle = &self.parts.bundle;
        let asks = bundle.scenarios.iter().any(|scenario| scenario.task_type == prompt.task_type);
        bundle.scenarios.is_empty() || bundle.workflow.is_none() && asks
    }

    async fn try_guardrail(&self, validator: &Validator) -> Result<(), String> {
        let params: Value = guard_params(validator);
        let (threshold, params) = Threshold::split(&params)?;
        let unwrapped = Unwrapped { kind: validator.kind.clone(), params: params.to_string(), threshold };
        let library = &self.parts.library;
        let entry = library.find(&unwrapped.kind).ok_or_else(|| library.unknown(&unwrapped.kind))?;
        match self.refusal(entry, &unwrapped).await {
            Some((reason, why)) => Err(format!("{reason}: {why}")),
            None => Ok(()),
        }
    }
}
