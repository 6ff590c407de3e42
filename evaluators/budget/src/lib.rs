//! Checks on what a conversation took: takes the time, the tokens and the money the host measured, gives verdicts
//! against the user's limits. Measures nothing itself; what the host does not know is an error, never a pass.
//!
//! Names and scores are PromptArena's; where ours differ, `docs/compat-notes-a.md` says why.

mod cost;
mod latency;

use arena_guest::prelude::*;

use cost::CostBudget;
use latency::LatencyBudget;

/// Checks on time and cost.
#[evaluator(name = "budget")]
mod checks {
    use super::*;

    /// Passes when the newest reply took at most this long; the score is max/actual.
    #[check(name = "latency_budget", input = "reply")]
    fn latency_budget(subject: &Subject<'_>, params: LatencyBudget) -> Result<Verdict, CheckError> {
        params.judge(subject)
    }

    /// Passes when the conversation so far is within all limits; the score is the share of the money that is left.
    #[check(name = "cost_budget", input = "conversation")]
    fn cost_budget(subject: &Subject<'_>, params: CostBudget) -> Result<Verdict, CheckError> {
        params.judge(subject)
    }
}
