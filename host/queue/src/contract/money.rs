//! Cancel and budget: why a case is not run.

use super::leases::failure;
use super::*;
use crate::{Failed, Failure, FailureClass, Heartbeat, MAX_USD_MICRO, Released};

/// A budget of 100 over lanes whose cases cost at most 40.
fn budget(lengths: &[u64]) -> JobSpec {
    let mut spec = spec(lengths);
    spec.budget_usd_micro = Some(100);
    spec.lanes.iter_mut().for_each(|lane| lane.reserve_usd_micro = Some(40));
    spec
}

fn paid(j: u64, cost: u64) -> Settled {
    Settled { cost_usd_micro: Some(cost), ..settled(0, j) }
}

/// Spent, reserved and charged.
async fn money(bench: &Bench<'_>) -> Result<(u64, u64, u64), QueueError> {
    let snapshot = bench.queue.snapshot(&bench.job).await?;
    Ok((snapshot.budget_spent_usd_micro, snapshot.reserved_usd_micro, snapshot.charged_usd_micro))
}

pub async fn cancel_turns_waiting_into_not_run_at_once_and_leases_later(rig: &dyn Rig) -> Done {
    let bench = Bench::new(rig, spec(&[6, 3])).await?;
    let Bench { queue, job, .. } = &bench;
    let claims = bench.claim(W1, 0, 4).await?;
    queue.fail(job, &claims[3], failure(FailureClass::Retryable)).await?;
    for _ in 0..2 {
        assert_eq!(queue.cancel(job).await?, 6);
    }
    let total = bench.total().await?;
    assert_eq!((total.done, total.in_flight, total.waiting, total.not_run, total.retrying), (0, 3, 0, 6, 0));
    assert_eq!(queue.heartbeat(job, W1).await?, Heartbeat::Alive { cancelled: true });
    assert_eq!(queue.claim(job, W1, 1, 1).await?, Claimed::Closed);
    assert_eq!(queue.release(job, &claims[0]).await?, Released::NotRun);
    assert_eq!(queue.fail(job, &claims[1], failure(FailureClass::Retryable)).await?, Failed::NotRun);
    assert_eq!(bench.total().await?.not_run, 8);
    bench.lose(W1).await?;
    let total = bench.total().await?;
    assert_eq!((total.in_flight, total.not_run), (0, 9));
    Ok(())
}

pub async fn the_budget_reserves_settles_and_stops_the_lane(rig: &dyn Rig) -> Done {
    let bench = Bench::new(rig, budget(&[9])).await?;
    let Bench { queue, job, .. } = &bench;
    assert_eq!(bench.claim(W1, 0, 4).await?.len(), 2, "80 of 100 are reserved, 120 would not fit");
    assert_eq!(money(&bench).await?, (0, 80, 0));
    assert_eq!(queue.claim(job, W1, 0, 1).await?, Claimed::Nothing { retry_in: None });
    queue.commit(job, W1, 1, &[paid(0, 10)]).await?;
    assert_eq!(money(&bench).await?, (10, 40, 0));
    let third = bench.one(W1, 0).await?;
    let dropped = Failure { class: FailureClass::Retryable, cost_usd_micro: Some(15) };
    queue.fail(job, &third, dropped).await?;
    assert_eq!(money(&bench).await?, (25, 40, 0), "a dropped attempt was paid");
    queue.commit(job, W1, 2, &[paid(1, 40)]).await?;
    assert_eq!(money(&bench).await?, (65, 0, 0));
    assert_eq!(bench.total().await?.not_run, 0, "a budget acts at the claim only");
    assert_eq!(queue.claim(job, W1, 0, 1).await?, Claimed::Closed);
    let total = bench.total().await?;
    assert_eq!((total.done, total.waiting, total.not_run), (2, 0, 7));
    Ok(())
}

pub async fn a_stall_charges_until_the_late_commit(rig: &dyn Rig) -> Done {
    let bench = Bench::new(rig, budget(&[9])).await?;
    let Bench { queue, job, .. } = &bench;
    bench.claim(W1, 0, 2).await?;
    bench.lose(W1).await?;
    queue.heartbeat(job, W2).await?;
    assert_eq!(money(&bench).await?, (0, 0, 80));
    queue.commit(job, W1, 1, &[paid(0, 5)]).await?;
    assert_eq!(money(&bench).await?, (5, 0, 40));
    assert_eq!(bench.claim(W2, 0, 1).await?[0].j, 1);
    queue.commit(job, W2, 1, &[paid(1, 6)]).await?;
    queue.commit(job, W1, 2, &[paid(1, 7)]).await?;
    assert_eq!(money(&bench).await?, (18, 0, 0), "the loser was paid too");
    Ok(())
}

pub async fn a_stolen_lease_stays_charged(rig: &dyn Rig) -> Done {
    let bench = Bench::new(rig, budget(&[9])).await?;
    let Bench { queue, job, .. } = &bench;
    let claim = bench.one(W1, 0).await?;
    queue.commit(job, W2, 1, &[paid(0, 5)]).await?;
    assert_eq!(money(&bench).await?, (5, 0, 40));
    assert_eq!(queue.release(job, &claim).await?, Released::Stale);
    assert_eq!(money(&bench).await?, (5, 0, 40));
    queue.commit(job, W1, 1, &[paid(0, 6)]).await?;
    assert_eq!(money(&bench).await?, (11, 0, 0));
    Ok(())
}

pub async fn an_unknown_cost_counts_as_the_most_it_can_be(rig: &dyn Rig) -> Done {
    let bench = Bench::new(rig, budget(&[9])).await?;
    bench.one(W1, 0).await?;
    let unknown = Settled { cost_usd_micro: None, ..settled(0, 0) };
    bench.queue.commit(&bench.job, W1, 1, &[unknown]).await?;
    assert_eq!(money(&bench).await?, (40, 0, 0));
    let total = bench.total().await?;
    assert_eq!((total.spent_usd_micro, total.unpriced), (0, 1));
    Ok(())
}

pub async fn sums_stop_at_the_largest_amount(rig: &dyn Rig) -> Done {
    let mut spec = budget(&[3]);
    spec.budget_usd_micro = Some(MAX_USD_MICRO);
    let bench = Bench::new(rig, spec).await?;
    bench.queue.commit(&bench.job, W1, 1, &[paid(0, MAX_USD_MICRO - 1)]).await?;
    assert_eq!(money(&bench).await?, (MAX_USD_MICRO - 1, 0, 0), "exact to the last one");
    bench.queue.commit(&bench.job, W1, 2, &[paid(1, u64::MAX)]).await?;
    assert_eq!(money(&bench).await?, (MAX_USD_MICRO, 0, 0));
    assert_eq!(bench.total().await?.spent_usd_micro, MAX_USD_MICRO);
    Ok(())
}
