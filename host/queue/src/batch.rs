//! What makes a batch one, whatever the job.

use std::collections::BTreeSet;

use arena_model::Outcome;

use crate::{MAX_BATCH, QueueError, Settled, WorkerId};

/// Checks all that can be said without the job's lanes.
pub(crate) fn check_batch(worker: WorkerId, seq: u64, cases: &[Settled]) -> Result<(), QueueError> {
    let invalid = |why: String| Err(QueueError::BatchInvalid { worker, seq, why });
    if seq == 0 {
        return invalid("the first batch is number 1".into());
    }
    if cases.len() > MAX_BATCH {
        return invalid(format!("it has {} cases; at most {MAX_BATCH} are allowed", cases.len()));
    }
    let mut seen = BTreeSet::new();
    for case in cases {
        if case.outcome == Outcome::NotRun {
            return invalid(format!("case {} of lane {} is not_run, which has no record", case.j, case.lane));
        }
        if !seen.insert(case.at()) {
            return invalid(format!("case {} of lane {} is in it twice", case.j, case.lane));
        }
    }
    Ok(())
}
