//! Which tools may be called in which state.

use std::collections::BTreeMap;

use arena_guest::prelude::*;

use crate::record::{Transition, events, workflow};
use crate::{listed, not_empty};

/// What one state allows.
#[derive(Deserialize, Params)]
pub struct Rule {
    /// Name of the state.
    state: String,
    /// Tools that may be called in it, those of the workflow itself included (`workflow__transition`).
    allowed: Vec<String>,
}

/// Params of `workflow_tool_access`.
#[derive(Deserialize, Params)]
#[params(validate = ToolAccess::sensible)]
pub struct ToolAccess {
    /// What the states allow. In a state without a rule every tool may be called.
    rules: Vec<Rule>,
}

impl ToolAccess {
    fn sensible(&self) -> Result<(), String> {
        if self.rules.is_empty() {
            return Err("parameter `rules`: give at least one rule".to_owned());
        }
        let mut seen = Vec::new();
        for rule in &self.rules {
            not_empty("rules.state", &rule.state)?;
            if seen.contains(&&rule.state) {
                return Err(format!("parameter `rules`: two rules for the state {:?}", rule.state));
            }
            seen.push(&rule.state);
        }
        Ok(())
    }

    pub fn judge(&self, subject: &Subject<'_>) -> Result<Verdict, CheckError> {
        let Some(workflow) = workflow(subject)? else { return Ok(Verdict::fail("there is no workflow")) };
        let transitions: Vec<Transition> = events(subject, "transition")?;
        let rules: BTreeMap<_, _> = self.rules.iter().map(|rule| (rule.state.as_str(), &rule.allowed)).collect();
        let calls = subject.tool_calls();
        let mut hits = Vec::new();
        for call in &calls {
            // What stands in the message that makes a transition was called before it.
            let left = transitions.iter().rfind(|transition| transition.message < call.message);
            let state = left.map_or(workflow.entry.as_str(), |transition| transition.to.as_str());
            if rules.get(state).is_some_and(|allowed| !allowed.contains(&call.name)) {
                hits.push(format!("{} in {state}, message {}", call.name, call.message));
            }
        }
        Ok(match hits.is_empty() {
            true => Verdict::pass(format!("all {} calls are allowed", calls.len())),
            false => {
                Verdict::fail(format!("{} of {} calls are not allowed: {}", hits.len(), calls.len(), listed(&hits)))
            }
        })
    }
}
