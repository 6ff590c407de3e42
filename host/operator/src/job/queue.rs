//! What the queue is told of a job.

use std::time::Duration;

use arena_crd::EvaluationSettings;
use arena_queue::{DEFAULT_MAX_LOSERS, DEFAULT_MAX_WORKERS, JobSpec, LaneSpec, RetryPolicy};

use super::Lane;

/// How long a worker may be silent.
const LEASE: Duration = Duration::from_secs(30);
/// Workers that a case may lose before it ends as an error.
const STALLS: u32 = 3;
/// Crashes by the case itself that are forgiven.
const POISON: u32 = 1;
/// Wait after a case's first failure, doubled with each further one.
const BACKOFF: Duration = Duration::from_secs(1);
/// Longest such wait.
const BACKOFF_MAX: Duration = Duration::from_secs(60);

/// The queue's job. Each lane may use all that the workers can do at once.
pub fn queue_spec(lanes: &[Lane], workers: u32, evaluation: &EvaluationSettings) -> JobSpec {
    let in_flight = workers.saturating_mul(evaluation.concurrency).max(1);
    JobSpec {
        lanes: lanes.iter().map(|lane| LaneSpec::new(lane.cases, in_flight)).collect(),
        retry: RetryPolicy {
            attempts: evaluation.max_retries,
            stalls: STALLS,
            poison: POISON,
            backoff: BACKOFF,
            backoff_max: BACKOFF_MAX,
        },
        lease: LEASE,
        budget_usd_micro: None,
        max_workers: DEFAULT_MAX_WORKERS,
        max_losers: DEFAULT_MAX_LOSERS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_settings_are_a_valid_job() {
        let lanes = [Lane { provider: "a".into(), cases: 10_000_000 }, Lane { provider: "b".into(), cases: 1 }];
        let spec = queue_spec(&lanes, 1000, &EvaluationSettings { max_retries: 10, concurrency: 4096 });
        spec.check().unwrap();
        assert_eq!((spec.lanes[0].in_flight, spec.retry.attempts), (4_096_000, 10));
    }
}
