//! Evals: checks that observe a conversation and decide nothing about it.

use std::sync::Arc;

use arena_bundle::{PackEval, Prompt, Trigger};
use arena_model::Conversation;

use super::Run;
use crate::case::Trouble;

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
    fn calls_for(self, eval: &PackEval, session: &str, exchange: usize) -> bool {
        match (self, eval.trigger) {
            (Self::Turn, Trigger::EveryTurn) | (Self::Step, Trigger::WorkflowStep) => true,
            (Self::Turn, Trigger::SampleTurns) => sampled(session, exchange, eval.sample_percentage),
            (Self::End, Trigger::SessionComplete | Trigger::ConversationComplete) => true,
            (Self::End, Trigger::SampleSessions) => sampled(session, 0, eval.sample_percentage),
            _ => false,
        }
    }
}

/// The same choice for the same session and turn, wherever and whenever it is made: FNV-1a, as the original runner has it.
fn sampled(session: &str, turn: usize, percentage: f64) -> bool {
    let bytes = session.bytes().chain(turn.to_string().into_bytes());
    let hash =
        bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    hash % PARTS < (percentage * 100.0) as u64
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
        self.set_facts();
        let conversation = Arc::new(Conversation { turn, ..std::mem::take(&mut self.conversation) });
        let (bench, key, subject) = (self.evaluator.bench.clone(), self.key.clone(), conversation.clone());
        let observed = self.evaluator.parts.sandbox.on_pool(async move {
            let mut observed = Vec::new();
            for (index, eval) in due {
                observed.push(bench.observe(&eval, (turn, index), &subject, &key).await);
            }
            observed
        });
        let observed = observed.await;
        self.conversation = Arc::unwrap_or_clone(conversation);
        for (record, micros) in observed.map_err(Trouble::from_sandbox)? {
            self.checks.push(record);
            self.checks_us.push(micros);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_stable_and_as_large_as_it_says() {
        // Values that the original runner's function gives.
        assert_eq!(
            "a".bytes()
                .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)),
            0xaf63_dc4c_8601_ec8c
        );
        let taken = |percentage: f64| (0..10_000).filter(|at| sampled(&format!("session {at}"), 3, percentage)).count();
        assert_eq!((taken(0.0), taken(100.0)), (0, 10_000));
        let tenth = taken(10.0);
        assert!((900..1100).contains(&tenth), "{tenth}");
        assert!((0..100).all(|at| sampled("x", at, 30.0) == sampled("x", at, 30.0)));
    }
}
