//! A finished run judged again from its records: in plan order, nobody is called.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use arena_bundle::Bundle;
use arena_evaluate::{Again, Earlier, Evaluator, Rejudged, ReplayError};
use arena_model::{EvaluatorPin, Outcome, Record};
use arena_results::{ResultsError, RunView, stored_lines};
use serde_json::value::RawValue;
use tokio::task::JoinHandle;

use crate::splice::Fields;
use crate::stored::Stored;
use crate::{Matrix, WorkerError};

/// The run whose records are judged again.
pub struct EarlierRun {
    /// Its bundle.
    pub bundle: Arc<Bundle>,
    /// Its cases.
    pub matrix: Arc<Matrix>,
    /// Its components.
    pub evaluators: BTreeMap<String, EvaluatorPin>,
}

/// How records are judged again.
pub struct Rescore {
    /// The run that they are of.
    pub earlier: Arc<EarlierRun>,
    /// The same cases as they are now.
    pub matrix: Arc<Matrix>,
    /// Judges them.
    pub evaluator: Arc<Evaluator>,
    /// Which checks.
    pub again: Again,
    /// Records at once, at least 1.
    pub concurrency: usize,
}

/// One record, judged again.
pub struct Rescored {
    /// Place in the plan.
    pub index: u64,
    /// The record as it was.
    pub stored: Record,
    /// What became of it.
    pub rejudged: Rejudged,
    /// The record as it is now, as a line of a journal without its newline: the bytes of the stored one if nothing changed.
    pub line: Vec<u8>,
}

impl Rescored {
    /// How the case ends now.
    pub fn outcome(&self) -> Outcome {
        self.rejudged.outcome
    }
}

impl Rescore {
    /// Judges every record of `run` again and gives them to `each` in plan order; of one that is not of the plan or does not
    /// tell what was judged when, why. `each` ends it by an error.
    ///
    /// # Errors
    /// Those of reading.
    pub async fn run<E: From<WorkerError>>(
        self,
        run: &RunView,
        mut each: impl FnMut(Result<Rescored, ReplayError>) -> Result<(), E>,
    ) -> Result<(), E> {
        let shared = Arc::new(self);
        let limit = run.max_record_bytes();
        let mut lines = stored_lines(run).map_err(WorkerError::from)?;
        let mut under_way: VecDeque<JoinHandle<Result<Rescored, WorkerError>>> = VecDeque::new();
        loop {
            while under_way.len() < shared.concurrency.max(1) {
                let Some(line) = lines.next() else { break };
                let (index, line) = line.map_err(WorkerError::from)?;
                let shared = shared.clone();
                under_way.push_back(tokio::spawn(async move { shared.one(index, line, limit).await }));
            }
            let Some(first) = under_way.pop_front() else { return Ok(()) };
            match first.await.map_err(WorkerError::from)? {
                Err(WorkerError::Replay(unclear)) => each(Err(unclear))?,
                judged => each(Ok(judged?))?,
            }
        }
    }

    async fn one(&self, index: u64, line: Vec<u8>, limit: u32) -> Result<Rescored, WorkerError> {
        let invalid = |error: serde_json::Error| ResultsError::RecordInvalid { detail: error.to_string() };
        let stored: Record = serde_json::from_slice(&line).map_err(invalid)?;
        let unclear = |why: &str| ReplayError { index, scenario: stored.scenario.clone(), why: why.to_owned() };
        let case = self.matrix.read(index, stored.measured.attempts).await?;
        let was = self.earlier.matrix.read(index, stored.measured.attempts).await?;
        let (Some(case), Some(was)) = (case, was) else {
            return Err(unclear("the plan does not have it").into());
        };
        if case.case.id.key() != stored.key || was.case.id.key() != stored.key {
            return Err(unclear("another case stands at its place in the plan").into());
        }
        let earlier = Earlier {
            bundle: &self.earlier.bundle,
            scenario: &was.case.scenario,
            evaluators: &self.earlier.evaluators,
        };
        let rejudged = self.evaluator.judge_again(&case.case, &stored, earlier, self.again).await?;
        let line = if rejudged.is_same() { line } else { spliced(&line, &stored, &rejudged, limit)? };
        Ok(Rescored { index, stored, rejudged, line })
    }
}

/// The stored line with what was judged in the place of what it says of it.
fn spliced(line: &[u8], stored: &Record, now: &Rejudged, limit: u32) -> Result<Vec<u8>, WorkerError> {
    let splice = || -> serde_json::Result<Vec<u8>> {
        let mut fields: Fields = serde_json::from_slice(line)?;
        let old: Vec<Box<RawValue>> = fields.get("checks")?.unwrap_or_default();
        let checks = now.checks.iter().map(|check| {
            let Some(raw) = check.taken.and_then(|at| old.get(at)) else {
                return serde_json::value::to_raw_value(&check.record);
            };
            let mut moved: Fields = serde_json::from_str(raw.get())?;
            moved.put("index", &check.record.index)?;
            serde_json::value::to_raw_value(&moved)
        });
        fields.put("checks", &checks.collect::<serde_json::Result<Vec<_>>>()?)?;
        fields.put("outcome", &now.outcome)?;
        fields.put("reason", &now.reason)?;
        fields.put("error", &now.error)?;
        fields.put("usage", &now.usage)?;
        fields.put("cost_usd_micro", &now.cost_usd_micro)?;
        if let Some(mut measured) = fields.get::<Fields>("measured")? {
            measured.put("checks_us", &now.checks.iter().map(|check| check.micros).collect::<Vec<_>>())?;
            fields.put("measured", &measured)?;
        }
        serde_json::to_vec(&fields)
    };
    let invalid = |error: serde_json::Error| ResultsError::RecordInvalid { detail: error.to_string() };
    let line = splice().map_err(invalid)?;
    if line.len() <= limit as usize {
        return Ok(line);
    }
    let (outcome, reason, error) = (now.outcome, now.reason.clone(), now.error.clone());
    let checks = now.checks.iter().map(|check| check.record.clone()).collect();
    let (usage, cost_usd_micro) = (now.usage, now.cost_usd_micro);
    let record = Record { outcome, reason, error, checks, usage, cost_usd_micro, ..stored.clone() };
    Ok(Stored::new(record, limit).map_err(invalid)?.line)
}
