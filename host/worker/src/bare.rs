//! Records of cases that no evaluator ran.

use arena_evaluate::CaseInput;
use arena_model::{CaseId, Hasher, Measured, Outcome, Record, Usage};

use crate::Refused;

/// The record of a row that is no case.
pub(crate) fn refused(case: &CaseInput, why: &Refused, worker: &str) -> Record {
    record(case, Outcome::Error, Some(why.reason), &why.to_string(), worker)
}

/// The record of a case that was not run.
pub fn not_run(index: u64, id: CaseId, why: &str) -> Record {
    of((index, &id, 0), Outcome::NotRun, None, why, "")
}

/// A record without a conversation: `outcome` is `error` with a stable name and one sentence, or `not_run` with a
/// sentence.
pub(crate) fn record(case: &CaseInput, outcome: Outcome, error: Option<&str>, text: &str, worker: &str) -> Record {
    of((case.index, &case.id, case.attempt), outcome, error, text, worker)
}

fn of(
    (index, id, attempts): (u64, &CaseId, u32),
    outcome: Outcome,
    error: Option<&str>,
    text: &str,
    worker: &str,
) -> Record {
    Record {
        v: 1,
        key: id.key(),
        index,
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
        measured: Measured { attempts, worker: worker.to_owned(), ..Measured::default() },
    }
}
