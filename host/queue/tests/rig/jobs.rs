//! Small jobs and records.

use std::time::Duration;

use arena_model::Outcome;
use arena_queue::{JobSpec, LaneSpec, RetryPolicy, Settled};

pub const LEASE: Duration = Duration::from_secs(30);

/// One lane; one failure and one stall are forgiven.
pub fn spec(length: u64) -> JobSpec {
    let retry = RetryPolicy { attempts: 1, stalls: 1, poison: 0, backoff: Duration::ZERO, backoff_max: Duration::ZERO };
    JobSpec {
        lanes: vec![LaneSpec::new(length, 1000)],
        retry,
        lease: LEASE,
        budget_usd_micro: None,
        max_workers: 100,
        max_losers: 1000,
    }
}

pub fn settled(j: u64) -> Settled {
    Settled { lane: 0, j, outcome: Outcome::Passed, cost_usd_micro: Some(1) }
}
