//! Calls one after the other, each with what it must satisfy.

use std::collections::BTreeMap;

use arena_guest::prelude::*;

use crate::constraints::Constraints;
use crate::scope::{Scope, calls};
use crate::{SHOWN, joined, names};

/// One step of `tool_call_chain`.
#[derive(Deserialize, Params)]
pub struct Step {
    /// The tool.
    tool: String,
    /// Texts that the result must contain, without regard to case.
    #[serde(default)]
    result_includes: Vec<String>,
    /// Regular expression (RE2 syntax) that the result must match.
    result_matches: Option<String>,
    /// For each argument a regular expression (RE2 syntax) that its value must match.
    #[serde(default)]
    args_match: BTreeMap<String, String>,
    /// Whether the call must succeed.
    #[serde(default)]
    no_error: bool,
}

impl Step {
    fn constraints(&self) -> Constraints<'_> {
        Constraints {
            args_match: &self.args_match,
            result_includes: &self.result_includes,
            result_matches: self.result_matches.as_ref(),
            no_error: self.no_error,
        }
    }
}

/// Params of `tool_call_chain`.
#[derive(Deserialize, Params)]
#[params(validate = ToolCallChain::sensible, preflight = ToolCallChain::compiles)]
pub struct ToolCallChain {
    /// Calls that must follow each other. For each step the next call of its tool counts, and no later one.
    #[serde(alias = "chain")]
    steps: Vec<Step>,
    /// `transcript` (default) or `turn`.
    scope: Option<Scope>,
}

impl ToolCallChain {
    fn sensible(&self) -> Result<(), String> {
        if self.steps.is_empty() {
            return Err("parameter `steps`: give at least one step".to_owned());
        }
        self.each(|step| names::not_empty("tool", Some(&step.tool)).and_then(|()| step.constraints().sensible()))
    }

    fn compiles(&self) -> Result<(), String> {
        self.each(|step| step.constraints().compile())
    }

    fn each(&self, check: impl Fn(&Step) -> Result<(), String>) -> Result<(), String> {
        let mut steps = self.steps.iter().enumerate();
        steps.try_for_each(|(at, step)| check(step).map_err(|error| format!("parameter `steps[{at}]`: {error}")))
    }

    pub fn judge(&self, subject: &Subject<'_>) -> Result<Verdict, CheckError> {
        let (all, mut done) = (self.steps.len(), 0);
        let stopped = |done: usize, text: String| {
            let reason = format!("{done} of {all} steps, then {text}");
            Ok(Verdict::score(done as f64 / all as f64, reason).passed(false))
        };
        for call in calls(subject, self.scope) {
            let Some(step) = self.steps.get(done) else { break };
            if call.name != step.tool {
                continue;
            }
            let violations = step.constraints().violations(&call)?;
            if !violations.is_empty() {
                let tool = excerpt(&call.name, SHOWN);
                return stopped(done, format!("{tool} in message {}: {}", call.message, joined(&violations)));
            }
            done += 1;
        }
        match self.steps.get(done) {
            Some(step) => stopped(done, format!("no call of {}", excerpt(&step.tool, SHOWN))),
            None => Ok(Verdict::pass(format!("all {all} steps in order"))),
        }
    }
}
