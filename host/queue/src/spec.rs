//! What a job is made from.

use std::time::Duration;

use arena_model::QueueShape;

use crate::{QueueError, Restored};

/// Most lanes of a job.
pub const MAX_LANES: usize = 1024;
/// Most cases of a job over all lanes: 128 MiB of done bits.
pub const MAX_CASES: u64 = 1 << 30;
/// Most cases one claim may ask for.
pub const MAX_CLAIM: usize = 64;
/// Most cases one commit may hold.
pub const MAX_BATCH: usize = 64;
/// Lost finalize leases that end a job.
pub const MAX_FINALIZE_LEASES: u32 = 5;
/// Worker processes a job may see in its life, unless set.
pub const DEFAULT_MAX_WORKERS: u32 = 100_000;
/// Records of cases done already that a job may see, unless set.
pub const DEFAULT_MAX_LOSERS: u32 = 1_000_000;
/// Waiting retries at which a lane's cursor stands still, unless set.
pub const DEFAULT_RETRY_BACKLOG: u32 = 1_000;
/// Most that an amount or a sum of amounts can be, millionths of a US dollar: the largest number that every
/// implementation can count to one by one. What is over it counts as this much.
pub const MAX_USD_MICRO: u64 = (1 << 53) - 1;

/// Sum of two amounts, millionths of a US dollar.
pub(crate) fn add_usd(sum: u64, amount: u64) -> u64 {
    sum.saturating_add(amount).min(MAX_USD_MICRO)
}

/// Workers that a case of a fleet's job may lose before it ends as an error.
const STALLS: u32 = 3;
/// Crashes by the case itself that are forgiven in a fleet.
const POISON: u32 = 1;
/// Wait after a case's first failure in a fleet, and the longest one.
const BACKOFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// A job: its lanes, and what its workers may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobSpec {
    /// One per provider of the plan, in the plan's order; 1 to [`MAX_LANES`].
    pub lanes: Vec<LaneSpec>,
    /// What is tried again.
    pub retry: RetryPolicy,
    /// How long a worker may be silent before its leases can be taken from it. At least 1 ms.
    pub lease: Duration,
    /// Millionths of a US dollar the job may spend; none is no limit.
    pub budget_usd_micro: Option<u64>,
    /// Worker processes it may see in its life, at least 1.
    pub max_workers: u32,
    /// Records of cases done already that it may see.
    pub max_losers: u32,
}

/// One lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneSpec {
    /// Number of cases.
    pub length: u64,
    /// Most leases at one time, at least 1.
    pub in_flight: u32,
    /// Waiting retries at which the cursor stands still until some are through, at least 1. With `in_flight` it
    /// bounds the memory of a lane whose provider fails every call.
    pub retry_backlog: u32,
    /// Most that one attempt at a case can cost, millionths of a US dollar; none if the price is not known.
    pub reserve_usd_micro: Option<u64>,
    /// Cases done in an earlier life of the run. Counts only when the job is new.
    pub restored: Option<Restored>,
}

/// How often a case is tried again, by what went wrong. Each kind is counted apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Retryable failures that are forgiven; one more is final.
    pub attempts: u32,
    /// Lost workers that are forgiven; one more and the case is only given out for its `error` record.
    pub stalls: u32,
    /// Crashes by the case itself that are forgiven; one more is final.
    pub poison: u32,
    /// Wait after the first retryable failure; doubles with each further one.
    pub backoff: Duration,
    /// Longest wait.
    pub backoff_max: Duration,
}

impl RetryPolicy {
    /// Wait after the `attempts`-th retryable failure (1 is the first).
    pub fn wait(&self, attempts: u32) -> Duration {
        let doublings = 2u32.saturating_pow(attempts.saturating_sub(1));
        self.backoff.saturating_mul(doublings).min(self.backoff_max)
    }
}

impl LaneSpec {
    /// A lane without price and without history, with the default backlog.
    pub fn new(length: u64, in_flight: u32) -> Self {
        let retry_backlog = DEFAULT_RETRY_BACKLOG;
        Self { length, in_flight, retry_backlog, reserve_usd_micro: None, restored: None }
    }
}

impl JobSpec {
    /// The job of a fleet. Whoever has the plan and the shape makes the same spec.
    pub fn of_fleet(lanes: impl IntoIterator<Item = u64>, shape: QueueShape) -> Self {
        let retry = RetryPolicy {
            attempts: shape.attempts,
            stalls: STALLS,
            poison: POISON,
            backoff: BACKOFF.0,
            backoff_max: BACKOFF.1,
        };
        Self {
            lanes: lanes.into_iter().map(|length| LaneSpec::new(length, shape.in_flight)).collect(),
            retry,
            lease: Duration::from_millis(shape.lease_ms),
            budget_usd_micro: None,
            max_workers: DEFAULT_MAX_WORKERS,
            max_losers: DEFAULT_MAX_LOSERS,
        }
    }

    /// Checks all bounds.
    ///
    /// # Errors
    /// [`QueueError::SpecInvalid`] naming the field, [`QueueError::PriceUnknown`] for a budget over a lane without
    /// a price.
    pub fn check(&self) -> Result<(), QueueError> {
        let invalid = |field: String, value: String, want: String| Err(QueueError::SpecInvalid { field, value, want });
        if !(1..=MAX_LANES).contains(&self.lanes.len()) {
            return invalid("number of lanes".into(), self.lanes.len().to_string(), format!("1 to {MAX_LANES}"));
        }
        let cases = self.lanes.iter().fold(0u64, |sum, lane| sum.saturating_add(lane.length));
        if !(1..=MAX_CASES).contains(&cases) {
            return invalid("number of cases".into(), cases.to_string(), format!("1 to {MAX_CASES}"));
        }
        if self.lease < Duration::from_millis(1) {
            return invalid("lease".into(), format!("{:?}", self.lease), "at least 1ms".into());
        }
        if self.max_workers == 0 {
            return invalid("max_workers".into(), "0".into(), "at least 1".into());
        }
        let limits = self.lanes.iter().map(|lane| lane.reserve_usd_micro).chain([self.budget_usd_micro]);
        if let Some(over) = limits.flatten().find(|&amount| amount > MAX_USD_MICRO) {
            return invalid("budget or reserve".into(), over.to_string(), format!("at most {MAX_USD_MICRO}"));
        }
        for (number, lane) in self.lanes.iter().enumerate() {
            for (name, value) in [("in_flight", lane.in_flight), ("retry_backlog", lane.retry_backlog)] {
                if value == 0 {
                    return invalid(format!("{name} of lane {number}"), "0".into(), "at least 1".into());
                }
            }
            if let Some(length) = lane.restored.as_ref().map(Restored::length).filter(|&length| length != lane.length) {
                let want = format!("{}, the lane's length", lane.length);
                return invalid(format!("length of restored of lane {number}"), length.to_string(), want);
            }
            if let (Some(budget), None) = (self.budget_usd_micro, lane.reserve_usd_micro) {
                return Err(QueueError::PriceUnknown { lane: number, budget });
            }
        }
        Ok(())
    }

    /// What the restored cases count against a budget, millionths of a US dollar; an unknown cost is the most it can
    /// be.
    pub(crate) fn restored_spend(&self) -> u64 {
        self.lanes.iter().fold(0, |sum, lane| {
            let Some(restored) = &lane.restored else { return sum };
            let unknown = restored.unpriced.saturating_mul(lane.reserve_usd_micro.unwrap_or(0));
            add_usd(add_usd(sum, restored.spent_usd_micro), unknown)
        })
    }

    /// Whether both are the same job; what was restored does not count.
    pub(crate) fn same(&self, other: &Self) -> bool {
        let bare = |spec: &Self| {
            let lanes =
                spec.lanes.iter().map(|lane| (lane.length, lane.in_flight, lane.retry_backlog, lane.reserve_usd_micro));
            let limits = (spec.retry, spec.lease, spec.budget_usd_micro, spec.max_workers, spec.max_losers);
            (lanes.collect::<Vec<_>>(), limits)
        };
        bare(self) == bare(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_its_longest() {
        let (backoff, backoff_max) = (Duration::from_secs(1), Duration::from_secs(5));
        let policy = RetryPolicy { attempts: 9, stalls: 0, poison: 0, backoff, backoff_max };
        let waits: Vec<_> = [1, 2, 3, 4, 40, u32::MAX].map(|attempts| policy.wait(attempts).as_secs()).into();
        assert_eq!(waits, [1, 2, 4, 5, 5, 5]);
    }
}
