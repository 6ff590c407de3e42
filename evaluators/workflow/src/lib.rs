//! Checks on what happened around the replies: takes a conversation with what the host recorded of its workflow, its
//! composition and its guardrails, gives verdicts on states, steps and guards. Runs no workflow and no guardrail, and
//! reads replies only to point at them.
//!
//! Names, aliases and scores are PromptArena's; where ours differ, `docs/compat-notes-a.md` says why. Without a workflow
//! or composition the checks on it fail.

mod access;
mod composition;
mod guardrail;
mod record;
mod states;
mod switch;

use arena_guest::prelude::*;

use access::ToolAccess;
use composition::{BranchTaken, CompositionOutput, ParallelComplete, StepOutput};
use guardrail::GuardrailTriggered;
use states::{State, TransitionOrder};

/// Longest stretch of a name or output that is shown in a reason, in characters.
const SHOWN: usize = 60;

/// Most names or calls that a reason lists, and most pieces of evidence.
const LISTED: usize = 20;

/// Checks on workflows, compositions and guardrails.
#[evaluator(name = "workflow")]
mod checks {
    use super::*;

    /// Passes when the workflow is in this state now.
    #[check(name = "state_is", aliases = ["workflow_state_is"], input = "conversation")]
    fn state_is(subject: &Subject<'_>, params: State) -> Result<Verdict, CheckError> {
        params.is_current(subject)
    }

    /// Passes when the workflow went to this state at any time; starting in it does not count.
    #[check(name = "transitioned_to", aliases = ["workflow_transitioned_to"], input = "conversation")]
    fn transitioned_to(subject: &Subject<'_>, params: State) -> Result<Verdict, CheckError> {
        params.was_reached(subject)
    }

    /// Passes when the workflow has reached a terminal state.
    #[check(name = "workflow_complete", input = "conversation")]
    fn workflow_complete(subject: &Subject<'_>) -> Result<Verdict, CheckError> {
        states::complete(subject)
    }

    /// Passes when the workflow went to the states in this order, others between or not; the score is the share.
    #[check(name = "workflow_transition_order", input = "conversation")]
    fn workflow_transition_order(subject: &Subject<'_>, params: TransitionOrder) -> Result<Verdict, CheckError> {
        params.judge(subject)
    }

    /// Passes when in each state that has a rule only the tools of that rule were called.
    #[check(name = "workflow_tool_access", input = "conversation")]
    fn workflow_tool_access(subject: &Subject<'_>, params: ToolAccess) -> Result<Verdict, CheckError> {
        params.judge(subject)
    }

    /// Passes when a reply with text was given in this state.
    #[check(name = "spoke_in_state", input = "conversation")]
    fn spoke_in_state(subject: &Subject<'_>, params: State) -> Result<Verdict, CheckError> {
        params.spoke(subject)
    }

    /// Passes when the output of a step equals or contains the text, or if neither is given, is not empty.
    #[check(name = "composition_step_output", input = "conversation")]
    fn composition_step_output(subject: &Subject<'_>, params: StepOutput) -> Result<Verdict, CheckError> {
        params.judge(subject)
    }

    /// Passes when a branch went to the expected step.
    #[check(name = "composition_branch_taken", input = "conversation")]
    fn composition_branch_taken(subject: &Subject<'_>, params: BranchTaken) -> Result<Verdict, CheckError> {
        params.judge(subject)
    }

    /// Passes when all branches of a parallel step have ended.
    #[check(name = "composition_parallel_complete", input = "conversation")]
    fn composition_parallel_complete(subject: &Subject<'_>, params: ParallelComplete) -> Result<Verdict, CheckError> {
        params.judge(subject)
    }

    /// Passes when the output of the composition equals or contains the text, or if neither is given, is not empty.
    #[check(name = "composition_output", input = "conversation")]
    fn composition_output(subject: &Subject<'_>, params: CompositionOutput) -> Result<Verdict, CheckError> {
        params.judge(subject)
    }

    /// Passes when the guardrail acted on the last reply, or did not with `should_trigger: false`.
    #[check(name = "guardrail_triggered", input = "reply")]
    fn guardrail_triggered(subject: &Subject<'_>, params: GuardrailTriggered) -> Result<Verdict, CheckError> {
        params.judge(subject)
    }
}

/// An error if `name` is empty.
fn not_empty(parameter: &str, name: &str) -> Result<(), String> {
    if name.is_empty() { Err(format!("parameter `{parameter}`: is empty")) } else { Ok(()) }
}

/// Names from a list, in quotes, cut to what a reason can show.
fn listed<T: AsRef<str>>(names: &[T]) -> String {
    excerpts(names.iter().map(AsRef::as_ref), LISTED, SHOWN)
}
