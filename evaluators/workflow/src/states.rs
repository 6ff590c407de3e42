//! States of the workflow: the one it is in, those it went to, those in which something was said.

use arena_guest::prelude::*;

use crate::record::{Spoken, Transition, events, workflow};
use crate::{LISTED, SHOWN, listed, not_empty};

/// The reason of checks that have no workflow to judge.
const NO_WORKFLOW: &str = "there is no workflow";

/// Params of `state_is`, `transitioned_to` and `spoke_in_state`.
#[derive(Deserialize, Params)]
#[params(validate = State::sensible)]
pub struct State {
    /// Name of the state.
    state: String,
}

impl State {
    fn sensible(&self) -> Result<(), String> {
        not_empty("state", &self.state)
    }

    pub fn is_current(&self, subject: &Subject<'_>) -> Result<Verdict, CheckError> {
        let wanted = excerpt(&self.state, SHOWN);
        Ok(match workflow(subject)? {
            None => Verdict::fail(NO_WORKFLOW),
            Some(workflow) if workflow.state == self.state => Verdict::pass(format!("the workflow is in {wanted}")),
            Some(workflow) => {
                Verdict::fail(format!("the workflow is in {}, not in {wanted}", excerpt(&workflow.state, SHOWN)))
            }
        })
    }

    pub fn was_reached(&self, subject: &Subject<'_>) -> Result<Verdict, CheckError> {
        let Some(states) = reached(subject)? else { return Ok(Verdict::fail(NO_WORKFLOW)) };
        let wanted = excerpt(&self.state, SHOWN);
        Ok(match states.contains(&self.state) {
            true => Verdict::pass(format!("the workflow went to {wanted}")),
            false => Verdict::fail(format!("the workflow never went to {wanted}{}", instead(&states))),
        })
    }

    pub fn spoke(&self, subject: &Subject<'_>) -> Result<Verdict, CheckError> {
        if workflow(subject)?.is_none() {
            return Ok(Verdict::fail(NO_WORKFLOW));
        }
        let spoken: Vec<Spoken> = events(subject, "state")?;
        let wanted = excerpt(&self.state, SHOWN);
        let replies: Vec<_> = spoken.iter().filter(|spoken| spoken.state == self.state).collect();
        if replies.is_empty() {
            return Ok(Verdict::fail(format!("no reply with text was given in {wanted}")));
        }
        let mut verdict = Verdict::pass(format!("{} replies were given in {wanted}", replies.len()));
        for reply in replies.into_iter().take(LISTED) {
            let text = subject.text(reply.message).unwrap_or_default();
            verdict = verdict.evidence(reply.message, 0..text.len(), format!("said in {wanted}"));
        }
        Ok(verdict)
    }
}

/// Whether the workflow has come to an end.
pub fn complete(subject: &Subject<'_>) -> Result<Verdict, CheckError> {
    Ok(match workflow(subject)? {
        None => Verdict::fail(NO_WORKFLOW),
        Some(workflow) => {
            let state = excerpt(&workflow.state, SHOWN);
            match workflow.complete {
                true => Verdict::pass(format!("the workflow ended in {state}")),
                false => Verdict::fail(format!("the workflow is in {state}, which is not a terminal state")),
            }
        }
    })
}

/// Params of `workflow_transition_order`.
#[derive(Deserialize, Params)]
#[params(validate = TransitionOrder::sensible)]
pub struct TransitionOrder {
    /// States in the order in which the workflow must go to them; others may lie between. The entry is not gone to.
    sequence: Vec<String>,
}

impl TransitionOrder {
    fn sensible(&self) -> Result<(), String> {
        if self.sequence.is_empty() {
            return Err("parameter `sequence`: give at least one state".to_owned());
        }
        self.sequence.iter().try_for_each(|state| not_empty("sequence", state))
    }

    pub fn judge(&self, subject: &Subject<'_>) -> Result<Verdict, CheckError> {
        let Some(states) = reached(subject)? else { return Ok(Verdict::fail(NO_WORKFLOW)) };
        let next = |at: usize, state: &String| at + usize::from(self.sequence.get(at) == Some(state));
        let (steps, all) = (states.iter().fold(0, next), self.sequence.len());
        Ok(match self.sequence.get(steps) {
            None => Verdict::pass(format!("all {all} states in order")),
            Some(missing) => {
                let missing = excerpt(missing, SHOWN);
                let reason = format!("{steps} of {all} states in order, missing {missing}{}", instead(&states));
                Verdict::score(steps as f64 / all as f64, reason).passed(false)
            }
        })
    }
}

/// The states that the workflow went to, in order; none without a workflow.
fn reached(subject: &Subject<'_>) -> Result<Option<Vec<String>>, CheckError> {
    if workflow(subject)?.is_none() {
        return Ok(None);
    }
    let transitions: Vec<Transition> = events(subject, "transition")?;
    Ok(Some(transitions.into_iter().map(|transition| transition.to).collect()))
}

/// Where the workflow went, for the end of a reason.
fn instead(states: &[String]) -> String {
    if states.is_empty() { "; it went nowhere".to_owned() } else { format!("; it went to {}", listed(states)) }
}
