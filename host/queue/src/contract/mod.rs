//! The contract as tests that run unchanged against every implementation: single rules in `rules`, and random walks
//! beside a naive model in [`walk`]. A rule that does not hold panics.
//!
//! An implementation's own test file says what it is once and gets one test per rule:
//! ```ignore
//! arena_queue::contract_tests!(MyRig::start().await);
//! ```

#![allow(missing_docs, reason = "the name of each rule says what it holds an implementation to")]

mod ending;
mod leases;
mod model;
mod money;
mod results;
pub mod walk;

use std::time::Duration;

use arena_model::Outcome;
use async_trait::async_trait;

use crate::{Claim, Claimed, JobId, JobSpec, LaneSpec, Queue, QueueError, Register, RetryPolicy, Settled, WorkerId};

pub use ending::*;
pub use leases::*;
pub use money::*;
pub use results::*;

/// A queue under test, empty, with a clock that stands still between calls of `advance`.
#[async_trait]
pub trait Rig: Send + Sync {
    /// The queue.
    fn queue(&self) -> &dyn Queue;
    /// Moves its time forward.
    async fn advance(&self, by: Duration);
}

/// One test per rule of the contract; the argument is an async expression that gives a fresh [`contract::Rig`](Rig).
#[macro_export]
macro_rules! contract_tests {
    ($rig:expr) => {
        $crate::contract_tests!(@each $rig;
            create_is_idempotent_and_refuses_another_spec,
            create_checks_every_bound,
            restored_cases_are_never_given_out,
            a_worker_id_is_taken_once_and_workers_are_bounded,
            unknown_names_are_errors,
            claims_give_each_case_once_in_order,
            claims_respect_the_lane_limit_and_their_own,
            a_released_case_comes_back_uncounted_and_first,
            reassert_keeps_what_is_named_and_gives_the_rest_back,
            a_retryable_failure_waits_and_then_comes_first,
            exhausted_attempts_are_final_and_end_in_a_record,
            attempts_stalls_and_poison_are_counted_apart,
            a_fatal_failure_is_final_at_once,
            a_lost_final_case_is_given_out_for_its_record_only,
            tokens_guard_release_and_fail,
            a_full_backlog_holds_the_cursor,
            reclaim_needs_a_lost_heartbeat_and_the_newest_batch,
            a_gone_worker_may_commit_but_not_claim,
            commit_is_idempotent_and_answers_behind,
            the_first_durable_record_wins,
            commit_takes_cases_out_of_any_state,
            commit_refuses_bad_batches_whole,
            losers_are_bounded,
            an_empty_batch_stands_for_a_lost_one,
            cancel_turns_waiting_into_not_run_at_once_and_leases_later,
            the_budget_reserves_settles_and_stops_the_lane,
            a_stall_charges_until_the_late_commit,
            a_stolen_lease_stays_charged,
            an_unknown_cost_counts_as_the_most_it_can_be,
            sums_stop_at_the_largest_amount,
            seal_is_refused_while_anything_is_open,
            a_sealed_job_changes_no_more,
            a_sealed_job_whose_workers_are_all_lost_is_ended_by_a_late_one,
            who_comes_to_a_finished_job_is_told_so,
            finalize_is_one_lease_given_at_the_end,
            five_lost_finalize_leases_fail_the_job,
            finish_takes_one_digest,
        );
    };
    (@each $rig:expr; $($rule:ident),+ $(,)?) => {$(
        #[tokio::test]
        async fn $rule() -> Result<(), $crate::QueueError> {
            $crate::contract::$rule(&$rig).await
        }
    )+};
}

type Done = Result<(), QueueError>;

const LEASE: Duration = Duration::from_secs(30);
const SECOND: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(1);

fn job() -> Result<JobId, QueueError> {
    JobId::new("contract")
}

/// One failure, one stall and no crash are forgiven; lanes of these lengths, four leases each.
fn spec(lengths: &[u64]) -> JobSpec {
    let retry = RetryPolicy { attempts: 1, stalls: 1, poison: 0, backoff: SECOND, backoff_max: 10 * SECOND };
    JobSpec {
        lanes: lengths.iter().map(|&length| LaneSpec::new(length, 4)).collect(),
        retry,
        lease: LEASE,
        budget_usd_micro: None,
        max_workers: 7,
        max_losers: 8,
    }
}

fn settled(lane: u32, j: u64) -> Settled {
    Settled { lane, j, outcome: Outcome::Passed, cost_usd_micro: Some(0) }
}

/// A job under test with shorthands that expect the common answer.
struct Bench<'a> {
    rig: &'a dyn Rig,
    queue: &'a dyn Queue,
    job: JobId,
}

impl<'a> Bench<'a> {
    /// Creates the job and registers workers 1 and 2.
    async fn new(rig: &'a dyn Rig, spec: JobSpec) -> Result<Self, QueueError> {
        let bench = Self { rig, queue: rig.queue(), job: job()? };
        bench.queue.create(&bench.job, spec).await?;
        for worker in [W1, W2] {
            assert_eq!(bench.queue.register(&bench.job, worker).await?, Register::Registered);
        }
        Ok(bench)
    }

    /// Claims and gives what it got, which may be nothing.
    async fn claim(&self, worker: WorkerId, lane: u32, k: usize) -> Result<Vec<Claim>, QueueError> {
        match self.queue.claim(&self.job, worker, lane, k).await? {
            Claimed::Cases(claims) => Ok(claims),
            Claimed::Nothing { .. } | Claimed::Closed => Ok(vec![]),
            other => panic!("claim answers {other:?}"),
        }
    }

    /// Claims one case, which must be there.
    async fn one(&self, worker: WorkerId, lane: u32) -> Result<Claim, QueueError> {
        let claims = self.claim(worker, lane, 1).await?;
        assert_eq!(claims.len(), 1, "one case expected");
        Ok(claims[0])
    }

    /// Lets the worker's heartbeat run out, keeps the other's, and hands the leases back.
    async fn lose(&self, worker: WorkerId) -> Result<(), QueueError> {
        self.rig.advance(LEASE).await;
        let last = self.queue.last(&self.job, worker).await?;
        self.queue.reclaim(&self.job, worker, last).await?;
        Ok(())
    }

    async fn total(&self) -> Result<crate::LaneCounts, QueueError> {
        Ok(self.queue.snapshot(&self.job).await?.total())
    }
}

const W1: WorkerId = WorkerId(1);
const W2: WorkerId = WorkerId(2);
const W3: WorkerId = WorkerId(3);
