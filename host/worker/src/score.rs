//! Conversations that were held elsewhere, judged as the cases of a plan: in plan order, nobody is called.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use arena_bundle::{Bundle, Scenario};
use arena_evaluate::{Again, CaseInput, Earlier, Evaluator, Which};
use arena_model::Record;
use arena_results::ResultsError;
use tokio::task::JoinHandle;

use crate::stored::Stored;
use crate::{Matrix, Planned, WorkerError, bare};

/// Gives what was said in a case, as a record without checks.
pub type Said = dyn Fn(&CaseInput) -> Result<Record, WorkerError> + Send + Sync;

/// How conversations are judged.
pub struct Score {
    /// The cases.
    pub matrix: Arc<Matrix>,
    /// Judges them.
    pub evaluator: Arc<Evaluator>,
    /// What was said.
    pub said: Arc<Said>,
    /// Whether judges and embedders may be asked.
    pub may_ask: bool,
    /// Cases at once, at least 1.
    pub concurrency: usize,
    /// Longest line, bytes.
    pub limit: u32,
}

impl Score {
    /// Judges every case and gives the line of its record to `each`, in plan order. `each` ends it by an error.
    ///
    /// # Errors
    /// Those of `said` and of reading rows.
    pub async fn run<E: From<WorkerError>>(self, mut each: impl FnMut(Vec<u8>) -> Result<(), E>) -> Result<(), E> {
        let (count, shared) = (self.matrix.plan.len(), Arc::new(self));
        // Nothing of it had judged what was said.
        let mut bundle = Bundle::clone(&shared.evaluator.parts().bundle);
        bundle.evals.clear();
        bundle.prompts.clear();
        let bundle = Arc::new(bundle);
        let mut next = 0..count;
        let mut under_way: VecDeque<JoinHandle<Result<Vec<u8>, WorkerError>>> = VecDeque::new();
        loop {
            while under_way.len() < shared.concurrency.max(1) {
                let Some(index) = next.next() else { break };
                let (shared, bundle) = (shared.clone(), bundle.clone());
                under_way.push_back(tokio::spawn(async move { shared.one(index, &bundle).await }));
            }
            let Some(first) = under_way.pop_front() else { return Ok(()) };
            each(first.await.map_err(WorkerError::from)??)?;
        }
    }

    async fn one(&self, index: u64, unjudged: &Bundle) -> Result<Vec<u8>, WorkerError> {
        let unplanned = || WorkerError::Unplanned { lane: 0, j: index };
        let Planned { case, refused } = self.matrix.read(index, 1).await?.ok_or_else(unplanned)?;
        let record = match refused {
            Some(why) => bare::refused(&case, &why, &self.evaluator.parts().worker),
            None => self.judged(&case, unjudged).await?,
        };
        let stored = Stored::new(record, self.limit);
        Ok(stored.map_err(|error| ResultsError::RecordInvalid { detail: error.to_string() })?.line)
    }

    async fn judged(&self, case: &CaseInput, unjudged: &Bundle) -> Result<Record, WorkerError> {
        let said = (self.said)(case)?;
        let mut bare = Scenario::clone(&case.scenario);
        bare.conversation_assertions.clear();
        bare.turns.iter_mut().for_each(|turn| turn.assertions.clear());
        let (bare, evaluators) = (Arc::new(bare), BTreeMap::new());
        let earlier = Earlier { bundle: unjudged, scenario: &bare, evaluators: &evaluators };
        let again = Again { which: Which::All, may_ask: self.may_ask };
        let judged = self.evaluator.judge_again(case, &said, earlier, again).await?;
        let (checks, checks_us) = judged.checks.into_iter().map(|check| (check.record, check.micros)).unzip();
        let mut measured = said.measured.clone();
        measured.checks_us = checks_us;
        Ok(Record {
            outcome: judged.outcome,
            reason: judged.reason,
            error: judged.error,
            checks,
            usage: judged.usage,
            cost_usd_micro: judged.cost_usd_micro,
            measured,
            ..said
        })
    }
}
