//! Guardrails: those that would make their case an error, as nobody knows them or as their params are refused.

use arena_bundle::{Prompt, Validator};

use super::checks::Found;
use super::params::unknown;
use super::{Finding, Findings};
use crate::check::Unwrapped;
use crate::conversation::{bad_direction, guard_params};
use crate::evaluator::Evaluator;
use crate::score::Threshold;

impl Evaluator {
    /// Tries the validators of all prompts with their params.
    pub async fn check_guardrails(&self) -> Vec<Finding> {
        let mut findings = Findings::default();
        for prompt in self.parts.bundle.prompts.values() {
            for validator in &prompt.validators {
                for (fatal, reason, why) in self.try_guardrail(validator).await {
                    findings.push(Finding {
                        fatal: fatal && self.answers(prompt),
                        reason,
                        place: format!("{}:{}", validator.file, validator.line),
                        text: format!("guardrail `{}` of prompt `{}`: {why}", validator.kind, prompt.task_type),
                    });
                }
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

    async fn try_guardrail(&self, validator: &Validator) -> Vec<Found> {
        let failed = |why: String| (true, "GuardrailFailed", why);
        if let Some(why) = bad_direction(validator) {
            return vec![failed(why)];
        }
        let (threshold, params) = match Threshold::split(&guard_params(validator)) {
            Ok(split) => split,
            Err(why) => return vec![failed(why)],
        };
        let unwrapped = Unwrapped { kind: validator.kind.clone(), params: params.to_string(), threshold };
        let library = &self.parts.library;
        let Some(entry) = library.find(&unwrapped.kind) else { return vec![failed(library.unknown(&unwrapped.kind))] };
        let mut found: Vec<Found> =
            unknown(entry, &unwrapped).into_iter().map(|text| (false, "ParamUnknown", text)).collect();
        let refused = self.refusal(entry, &unwrapped).await.map(|(reason, why)| format!("{reason}: {why}"));
        let lacking = || self.lacking(entry, &unwrapped).map(|why| format!("BadParams: {why}"));
        found.extend(refused.or_else(lacking).map(failed));
        found
    }
}
