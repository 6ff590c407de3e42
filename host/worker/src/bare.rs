//! Records of cases that no evaluator ran.

use arena_dataset::DatasetError;
use arena_evaluate::CaseInput;
use arena_model::{Hasher, Measured, Outcome, Record, Usage};

use crate::{Matrix, Planned, Refused};

/// The record of a case that was not run, and `why` in a sentence; none past the end of the plan.
///
/// # Errors
/// Those of reading its row.
pub fn not_run(matrix: &Matrix, index: u64, why: &str) -> Result<Option<Record>, DatasetError> {
    let planned = matrix.case(index, 0)?;
    Ok(planned.map(|Planned { case, .. }| record(&case, Outcome::NotRun, None, why, "")))
}

/// The record of a row that is no case.
pub(crate) fn refused(case: &CaseInput, why: &Refused, worker: &str) -> Record {
    record(case, Outcome::Error, Some(why.reason), &why.to_string(), worker)
}

/// A record without a conversation: `outcome` is `error` with a stable name and one sentence, or `not_run` with a
/// sentence.
pub(crate) fn record(case: &CaseInput, outcome: Outcome, error: Option<&str>, text: &str, worker: &str) -> Record {
    let id = &case.id;
    Record {
        v: 1,
        key: id.key(),
        index: case.index,
        input: Hasher::default().finish(),
        scenario: id.scenario.clone(),
        provider: id.provider.clone(),
        region: id.region.clone(),
        trial: id.trial,
        row: id.row.clone(),
        variant: id.variant.clone(),
        outcome,
        reason: Some(error.map_or_else(|| text.to_owned(), |error| format!("{error}: {text}"))),
        error: error.map(str::to_owned),
        messages: Vec::new(),
        events: Vec::new(),
        looks: None,
        checks: Vec::new(),
        usage: Usage::default(),
        cost_usd_micro: Some(0),
        measured: Measured { attempts: case.attempt, worker: worker.to_owned(), ..Measured::default() },
    }
}
