//! What the queue is told of a job.

use arena_crd::EvaluationSettings;
use arena_model::QueueShape;
use arena_queue::{JobSpec, MAX_BATCH};

use super::Lane;

/// How long a worker may be silent, milliseconds.
const LEASE_MS: u64 = 30_000;

/// What the queue's job is made from. Each lane may use all that the workers can do at once, and what they have
/// finished and not stored yet: a lease lasts until its commit, and no worker shall wait for that.
pub fn queue_shape(workers: u32, evaluation: &EvaluationSettings) -> QueueShape {
    let in_flight = workers.saturating_mul(evaluation.concurrency.saturating_add(MAX_BATCH as u32)).max(1);
    QueueShape { in_flight, attempts: evaluation.max_retries, lease_ms: LEASE_MS }
}

/// The queue's job.
pub fn queue_spec(lanes: &[Lane], shape: QueueShape) -> JobSpec {
    JobSpec::of_fleet(lanes.iter().map(|lane| lane.cases), shape)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_settings_are_a_valid_job() {
        let lanes = [Lane { provider: "a".into(), cases: 10_000_000 }, Lane { provider: "b".into(), cases: 1 }];
        let spec = queue_spec(
            &lanes,
            queue_shape(
                1000,
                &EvaluationSettings { max_retries: 10, concurrency: 4096, ..EvaluationSettings::default() },
            ),
        );
        spec.check().unwrap();
        assert_eq!((spec.lanes[0].in_flight, spec.retry.attempts), (4_160_000, 10));
    }
}
