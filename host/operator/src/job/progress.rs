//! Counts and figures of a status.

use arena_crd::{CaseCounts, LatencyStatus, WorkerCounts};
use arena_model::{Counts, Summary};
use arena_queue::Snapshot;
use k8s_openapi::api::batch::v1::Job;

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// While the queue has the job.
pub(super) fn from_queue(snapshot: &Snapshot) -> CaseCounts {
    let total = snapshot.total();
    CaseCounts {
        planned: signed(total.length),
        passed: signed(total.outcomes.passed),
        failed: signed(total.outcomes.failed),
        error: signed(total.outcomes.error),
        skipped: signed(total.outcomes.skipped),
        not_run: signed(total.not_run),
        waiting: signed(total.waiting + total.in_flight),
        in_flight: signed(total.in_flight),
    }
}

/// When the run is over.
pub(super) fn from_summary(counts: &Counts) -> CaseCounts {
    CaseCounts {
        planned: signed(counts.planned),
        passed: signed(counts.passed),
        failed: signed(counts.failed),
        error: signed(counts.error),
        skipped: signed(counts.skipped),
        not_run: signed(counts.not_run),
        waiting: 0,
        in_flight: 0,
    }
}

/// `12/40`: cases that ended, of all.
pub(super) fn ended(cases: &CaseCounts) -> String {
    format!("{}/{}", cases.planned - cases.waiting - cases.not_run, cases.planned)
}

/// `97.50%` of the cases with a verdict, rounded down, so that 100.00% means all; none without a verdict.
pub(super) fn pass_rate(cases: &CaseCounts) -> Option<String> {
    let judged = cases.passed + cases.failed + cases.error;
    let hundredths = i128::from(cases.passed) * 10_000 / i128::from((judged > 0).then_some(judged)?);
    Some(format!("{}.{:02}%", hundredths / 100, hundredths % 100))
}

/// US dollars with all six digits; none while a price is unknown.
pub(super) fn cost(micro: Option<u64>) -> Option<String> {
    micro.map(|micro| format!("{}.{:06}", micro / 1_000_000, micro % 1_000_000))
}

/// What the queue knows of the cost; none if any is unknown.
pub(super) fn spent(snapshot: &Snapshot) -> Option<u64> {
    let total = snapshot.total();
    (total.unpriced == 0).then_some(total.spent_usd_micro)
}

pub(super) fn latency(summary: &Summary) -> Option<LatencyStatus> {
    // A float cast saturates, and no latency comes near its end.
    let whole = |name: &str| summary.measured.latency_ms.get(name).map(|ms| ms.round() as i64);
    Some(LatencyStatus { p50_ms: whole("p50")?, p95_ms: whole("p95")? })
}

pub(super) fn workers(job: &Job) -> Option<WorkerCounts> {
    let status = job.status.as_ref()?;
    Some(WorkerCounts {
        active: status.active.unwrap_or(0),
        succeeded: status.succeeded.unwrap_or(0),
        failed: status.failed.unwrap_or(0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_rounded_down() {
        let rate = |passed, failed| pass_rate(&CaseCounts { passed, failed, ..CaseCounts::default() });
        assert_eq!(rate(0, 0), None);
        assert_eq!(rate(39, 1).as_deref(), Some("97.50%"));
        assert_eq!(rate(99_999, 1).as_deref(), Some("99.99%"));
        assert_eq!(rate(1, 0).as_deref(), Some("100.00%"));
        assert_eq!(rate(0, 3).as_deref(), Some("0.00%"));
    }

    #[test]
    fn costs_keep_their_digits() {
        assert_eq!(cost(Some(1_250_000)).as_deref(), Some("1.250000"));
        assert_eq!(cost(Some(7)).as_deref(), Some("0.000007"));
        assert_eq!(cost(None), None);
    }
}
