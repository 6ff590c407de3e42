//! Evals: checks that observe a conversation and decide nothing about it.

use std::sync::Arc;

use arena_bundle::{PackEval, Prompt, Trigger};
use arena_model::{Conversation, LookAt};

use super::Run;
use crate::case::Trouble;
use crate::check::Bench;

/// What has just happened.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Moment {
    /// The model has answered the user.
    Turn,
    /// The workflow has moved on.
    Step,
    /// Nothing more will be said.
    End,
}

/// Parts in which percentages of sampling are taken.
const PARTS: u64 = 10_000;

impl Moment {
    /// Whether an eval looks now. `exchange` is the number of the exchange from 0.
    pub(super) fn calls_for(self, eval: &PackEval, session: &str, exchange: usize) -> bool {
        match (self, eval.trigger) {
            (Self::Turn, Trigger::EveryTurn) | (Self::Step, Trigger::WorkflowStep) => true,
            (Self::Turn, Trigger::SampleTurns) => sampled(session, exchange, eval.sample_percentage),
            (Self::End, Trigger::SessionComplete | Trigger::ConversationComplete) => true,
            (Self::End, Trigger::SampleSessions) => sampled(session, 0, eval.sample_percentage),
            _ => false,
        }
    }
}

/// The same choice for the same session and turn, wherever and whenever it is made, by the hash of the original runner.
fn sampled(session: &str, turn: usize, percentage: f64) -> bool {
    fnv1a(session.bytes().chain(turn.to_string().into_bytes())) % PARTS < (percentage * 100.0) as u64
}

fn fnv1a(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

impl<'a> Run<'a> {
    /// Remembers the prompt in force, whose evals look at what is said under it.
    pub(super) fn note_prompt(&mut self) {
        self.under = self.prompt().ok();
        self.note_entered();
    }

    /// Remembers that the prompt in force was.
    pub(super) fn note_entered(&mut self) {
        if let Ok(prompt) = self.prompt()
            && !self.prompts.iter().any(|known| known.task_type == prompt.task_type)
        {
            self.prompts.push(prompt);
        }
    }

    /// Lets the evals look that are due. What they find is recorded and stops nothing.
    pub(super) async fn observe(&mut self, moment: Moment, turn: Option<u32>) -> Result<(), Trouble> {
        let prompts: Vec<&'a Prompt> = match moment {
            Moment::End => self.prompts.clone(),
            Moment::Turn | Moment::Step => self.under.into_iter().collect(),
        };
        let exchange = self.turns.len().saturating_sub(1);
        let evals = PackEval::resolve(&self.evaluator.parts.bundle.evals, prompts);
        let due: Vec<(u32, Arc<PackEval>)> =
            (0u32..).zip(evals).filter(|(_, eval)| moment.calls_for(eval, &self.key, exchange)).collect();
        if due.is_empty() {
            return Ok(());
        }
        if moment == Moment::Step {
            self.note_look(LookAt::Step, turn);
        }
        self.call_for_checks(due.iter().map(|(_, eval)| &eval.check), turn).await;
        let observing = |bench: Bench, subject: Arc<Conversation>, key: String| async move {
            let mut observed = Vec::new();
            for (index, eval) in due {
                observed.push(bench.observe(&eval, (turn, index), &subject, &key).await);
            }
            observed
        };
        self.looked_at(turn, observing).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_stable_and_as_large_as_it_says() {
        // A value that the original runner's function gives.
        assert_eq!(fnv1a("a".bytes()), 0xaf63_dc4c_8601_ec8c);
        let taken = |percentage: f64| (0..10_000).filter(|at| sampled(&format!("session {at}"), 3, percentage)).count();
        assert_eq!((taken(0.0), taken(100.0)), (0, 10_000));
        let tenth = taken(10.0);
        assert!((900..1100).contains(&tenth), "{tenth}");
        assert!((0..100).all(|at| sampled("x", at, 30.0) == sampled("x", at, 30.0)));
    }
}
