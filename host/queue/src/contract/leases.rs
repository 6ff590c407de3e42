//! Jobs, workers, claims, and what becomes of a lease.

use arena_model::Fault;

use super::*;
use crate::{
    Commit, Created, Exhausted, Failed, Failure, FailureClass, Heartbeat, MAX_CASES, MAX_CLAIM, MAX_LANES,
    MAX_USD_MICRO, Reassert, Reclaim, Released, Restored, Token,
};

pub(super) fn failure(class: FailureClass) -> Failure {
    Failure { class, cost_usd_micro: Some(0) }
}

fn places(claims: &[Claim]) -> Vec<u64> {
    claims.iter().map(|claim| claim.j).collect()
}

pub async fn create_is_idempotent_and_refuses_another_spec(rig: &dyn Rig) -> Done {
    let (queue, job) = (rig.queue(), job()?);
    assert_eq!(queue.create(&job, spec(&[3])).await?, Created::New);
    queue.register(&job, W1).await?;
    assert_eq!(queue.create(&job, spec(&[3])).await?, Created::Exists);
    assert_eq!(queue.register(&job, W1).await?, Register::Known, "the second create changed nothing");
    assert_eq!(queue.create(&job, spec(&[4])).await, Err(QueueError::JobDiffers { job: job.clone() }));
    queue.remove(&job).await?;
    queue.remove(&job).await?;
    assert_eq!(queue.create(&job, spec(&[4])).await?, Created::New);
    Ok(())
}

pub async fn create_checks_every_bound(rig: &dyn Rig) -> Done {
    let bad: [fn(&mut JobSpec); 11] = [
        |spec| spec.lanes.clear(),
        |spec| spec.lanes[0].length = 0,
        |spec| spec.lanes[0].length = MAX_CASES + 1,
        |spec| spec.lanes = vec![LaneSpec::new(1, 1); MAX_LANES + 1],
        |spec| spec.lanes[0].in_flight = 0,
        |spec| spec.lanes[0].retry_backlog = 0,
        |spec| spec.lease = Duration::from_micros(999),
        |spec| spec.max_workers = 0,
        |spec| spec.lanes[0].restored = Some(Restored::new(4)),
        |spec| spec.budget_usd_micro = Some(MAX_USD_MICRO + 1),
        |spec| spec.lanes[0].reserve_usd_micro = Some(MAX_USD_MICRO + 1),
    ];
    for (number, change) in bad.into_iter().enumerate() {
        let mut spec = spec(&[3]);
        change(&mut spec);
        let answer = rig.queue().create(&job()?, spec).await;
        assert!(matches!(answer, Err(QueueError::SpecInvalid { .. })), "change {number}: {answer:?}");
    }
    let mut unpriced = spec(&[3]);
    unpriced.budget_usd_micro = Some(1);
    let refused = rig.queue().create(&job()?, unpriced).await;
    assert_eq!(refused.err().map(|error| error.reason()), Some("PriceUnknown"));
    let mut most = spec(&[1]);
    most.lanes = vec![LaneSpec::new(1, 1); MAX_LANES];
    assert_eq!(rig.queue().create(&job()?, most).await?, Created::New);
    Ok(())
}

pub async fn restored_cases_are_never_given_out(rig: &dyn Rig) -> Done {
    let mut restored = Restored::new(130);
    for j in (0..130).filter(|j| ![5, 64, 129].contains(j)) {
        restored.insert(j, Outcome::Passed, Some(2));
    }
    let mut spec = spec(&[130]);
    spec.lanes[0].restored = Some(restored);
    let bench = Bench::new(rig, spec).await?;
    let total = bench.total().await?;
    assert_eq!((total.done, total.waiting, total.outcomes.passed, total.spent_usd_micro), (127, 3, 127, 254));
    assert_eq!(places(&bench.claim(W1, 0, 64).await?), [5, 64, 129]);
    Ok(())
}

pub async fn a_worker_id_is_taken_once_and_workers_are_bounded(rig: &dyn Rig) -> Done {
    let mut spec = spec(&[1]);
    spec.max_workers = 3;
    let bench = Bench::new(rig, spec).await?;
    assert_eq!(bench.queue.register(&bench.job, W1).await?, Register::Known);
    assert_eq!(bench.queue.register(&bench.job, W3).await?, Register::Registered);
    let fourth = bench.queue.register(&bench.job, WorkerId(4)).await;
    assert_eq!(fourth, Err(QueueError::TooManyWorkers { job: bench.job.clone(), limit: 3 }));
    let ids: Vec<_> = bench.queue.workers(&bench.job).await?.into_iter().map(|worker| worker.id).collect();
    assert_eq!(ids, [W1, W2, W3]);
    Ok(())
}

pub async fn unknown_names_are_errors(rig: &dyn Rig) -> Done {
    let unknown = JobId::new("unknown")?;
    let answer = rig.queue().snapshot(&unknown).await;
    // A queue that may lose its state cannot tell a lost job from one that never was.
    let lost = Err(QueueError::Rebuild { job: unknown.clone() });
    assert!(answer == lost || answer == Err(QueueError::JobUnknown { job: unknown }), "{answer:?}");
    let Bench { queue, job, .. } = &Bench::new(rig, spec(&[3])).await?;
    let stranger = QueueError::WorkerUnknown { job: job.clone(), worker: W3 };
    assert_eq!(queue.heartbeat(job, W3).await.err(), Some(stranger.clone()));
    assert_eq!(queue.claim(job, W3, 0, 1).await.err(), Some(stranger.clone()));
    assert_eq!(queue.commit(job, W3, 1, &[]).await.err(), Some(stranger.clone()));
    assert_eq!(queue.last(job, W3).await.err(), Some(stranger.clone()));
    assert_eq!(queue.reclaim(job, W3, 0).await.err(), Some(stranger.clone()));
    assert_eq!(queue.finalize(job, W3).await.err(), Some(stranger));
    assert_eq!(queue.claim(job, W1, 1, 1).await, Err(QueueError::LaneUnknown { lane: 1, lanes: 1 }));
    for k in [0, MAX_CLAIM + 1] {
        assert_eq!(queue.claim(job, W1, 0, k).await, Err(QueueError::ClaimInvalid { k, limit: MAX_CLAIM }));
    }
    Ok(())
}

pub async fn claims_give_each_case_once_in_order(rig: &dyn Rig) -> Done {
    let bench = Bench::new(rig, spec(&[5, 2])).await?;
    assert_eq!(places(&bench.claim(W1, 0, 3).await?), [0, 1, 2]);
    assert_eq!(places(&bench.claim(W2, 1, 3).await?), [0, 1], "lanes do not share a cursor");
    assert_eq!(places(&bench.claim(W2, 0, 1).await?), [3]);
    let total = bench.total().await?;
    assert_eq!((total.done, total.in_flight, total.waiting, total.not_run), (0, 6, 1, 0));
    Ok(())
}

pub async fn claims_respect_the_lane_limit_and_their_own(rig: &dyn Rig) -> Done {
    let mut spec = spec(&[100]);
    spec.lanes[0].in_flight = 70;
    let bench = Bench::new(rig, spec).await?;
    assert_eq!(bench.claim(W1, 0, MAX_CLAIM).await?.len(), MAX_CLAIM);
    assert_eq!(bench.claim(W2, 0, MAX_CLAIM).await?.len(), 6);
    assert_eq!(bench.queue.claim(&bench.job, W2, 0, 1).await?, Claimed::Nothing { retry_in: None });
    bench.queue.commit(&bench.job, W1, 1, &[settled(0, 0)]).await?;
    assert_eq!(places(&bench.claim(W2, 0, MAX_CLAIM).await?), [70]);
    Ok(())
}

pub async fn a_released_case_comes_back_uncounted_and_first(rig: &dyn Rig) -> Done {
    let bench = Bench::new(rig, spec(&[3])).await?;
    let claim = bench.one(W1, 0).await?;
    assert_eq!(bench.queue.release(&bench.job, &claim).await?, Released::Waiting);
    assert_eq!(bench.queue.release(&bench.job, &claim).await?, Released::Stale);
    let total = bench.total().await?;
    assert_eq!((total.waiting, total.retrying, total.attempts), (3, 1, 0));
    let claims = bench.claim(W2, 0, 2).await?;
    assert_eq!(places(&claims), [0, 1]);
    assert_eq!((claims[0].attempt, claims[0].exhausted), (1, None));
    Ok(())
}

pub async fn reassert_keeps_what_is_named_and_gives_the_rest_back(rig: &dyn Rig) -> Done {
    let bench = Bench::new(rig, spec(&[4])).await?;
    let claims = bench.claim(W1, 0, 3).await?;
    let other = bench.one(W2, 0).await?;
    let stranger = Claim { token: Token(!other.token.0), ..other };
    let named = [claims[1], stranger];
    let held = Reassert::Held { lost: vec![stranger.at()] };
    assert_eq!(bench.queue.reassert(&bench.job, W1, &named).await?, held);
    let total = bench.total().await?;
    assert_eq!((total.in_flight, total.waiting, total.retrying, total.stalls), (2, 2, 2, 0));
    assert_eq!(bench.queue.release(&bench.job, &claims[0]).await?, Released::Stale);
    assert_eq!(places(&bench.claim(W2, 0, 4).await?), [0, 2]);
    Ok(())
}

pub async fn a_retryable_failure_waits_and_then_comes_first(rig: &dyn Rig) -> Done {
    let bench = Bench::new(rig, spec(&[3])).await?;
    let claim = bench.one(W1, 0).await?;
    let failed = bench.queue.fail(&bench.job, &claim, failure(FailureClass::Retryable)).await?;
    assert_eq!(failed, Failed::Retry { after: SECOND });
    assert_eq!(places(&bench.claim(W1, 0, 1).await?), [1], "the retry is not due yet");
    rig.advance(SECOND - TICK).await;
    assert_eq!(places(&bench.claim(W1, 0, 1).await?), [2]);
    assert_eq!(bench.queue.claim(&bench.job, W1, 0, 1).await?, Claimed::Nothing { retry_in: Some(TICK) });
    rig.advance(TICK).await;
    let claim = bench.one(W1, 0).await?;
    assert_eq!((claim.j, claim.attempt, claim.exhausted), (0, 2, None));
    Ok(())
}

pub async fn exhausted_attempts_are_final_and_end_in_a_record(rig: &dyn Rig) -> Done {
    let bench = Bench::new(rig, spec(&[1])).await?;
    let claim = bench.one(W1, 0).await?;
    bench.queue.fail(&bench.job, &claim, failure(FailureClass::Retryable)).await?;
    rig.advance(SECOND).await;
    let claim = bench.one(W1, 0).await?;
    for _ in 0..2 {
        let failed = bench.queue.fail(&bench.job, &claim, failure(FailureClass::Retryable)).await?;
        assert_eq!(failed, Failed::Final);
    }
    let total = bench.total().await?;
    assert_eq!((total.in_flight, total.attempts), (1, 2), "the lease stays until the record is committed");
    let record = Settled { outcome: Outcome::Error, ..settled(0, 0) };
    assert_eq!(bench.queue.commit(&bench.job, W1, 1, &[record]).await?, Commit::Committed { losers: vec![] });
    let total = bench.total().await?;
    assert_eq!((total.done, total.outcomes.error), (1, 1), "there is no dead set");
    assert_eq!(bench.queue.claim(&bench.job, W1, 0, 1).await?, Claimed::Closed);
    Ok(())
}

pub async fn attempts_stalls_and_poison_are_counted_apart(rig: &dyn Rig) -> Done {
    let mut spec = spec(&[1]);
    spec.retry.poison = 1;
    let bench = Bench::new(rig, spec).await?;
    let claim = bench.one(W1, 0).await?;
    bench.queue.fail(&bench.job, &claim, failure(FailureClass::Retryable)).await?;
    rig.advance(SECOND).await;
    let claim = bench.one(W1, 0).await?;
    let failed = bench.queue.fail(&bench.job, &claim, failure(FailureClass::Poison)).await?;
    assert_eq!(failed, Failed::Retry { after: Duration::ZERO });
    bench.one(W1, 0).await?;
    bench.lose(W1).await?;
    bench.queue.heartbeat(&bench.job, W2).await?;
    let claim = bench.one(W2, 0).await?;
    assert_eq!((claim.attempt, claim.exhausted), (4, None), "one of each kind is forgiven");
    let total = bench.total().await?;
    assert_eq!((total.attempts, total.stalls, total.poison), (1, 1, 1));
    bench.lose(W2).await?;
    bench.queue.register(&bench.job, W3).await?;
    let claim = bench.one(W3, 0).await?;
    assert_eq!((claim.attempt, claim.exhausted), (5, Some(Exhausted::Stalls)));
    Ok(())
}

pub async fn a_fatal_failure_is_final_at_once(rig: &dyn Rig) -> Done {
    let bench = Bench::new(rig, spec(&[1])).await?;
    let claim = bench.one(W1, 0).await?;
    assert_eq!(bench.queue.fail(&bench.job, &claim, failure(FailureClass::Fatal)).await?, Failed::Final);
    let total = bench.total().await?;
    assert_eq!((total.in_flight, total.attempts, total.poison), (1, 0, 0));
    Ok(())
}

pub async fn a_lost_final_case_is_given_out_for_its_record_only(rig: &dyn Rig) -> Done {
    let bench = Bench::new(rig, spec(&[2])).await?;
    let claim = bench.one(W1, 0).await?;
    assert_eq!(bench.queue.fail(&bench.job, &claim, failure(FailureClass::Poison)).await?, Failed::Final);
    bench.lose(W1).await?;
    let claim = bench.one(W2, 0).await?;
    assert_eq!((claim.j, claim.attempt, claim.exhausted), (0, 3, Some(Exhausted::Poison)));
    Ok(())
}

pub async fn tokens_guard_release_and_fail(rig: &dyn Rig) -> Done {
    let bench = Bench::new(rig, spec(&[2])).await?;
    let claim = bench.one(W1, 0).await?;
    let forged = Claim { token: Token(claim.token.0 ^ 1), ..claim };
    assert_eq!(bench.queue.release(&bench.job, &forged).await?, Released::Stale);
    let retryable = failure(FailureClass::Retryable);
    assert_eq!(bench.queue.fail(&bench.job, &forged, retryable).await?, Failed::Stale);
    bench.queue.release(&bench.job, &claim).await?;
    let again = bench.one(W2, 0).await?;
    assert_eq!(again.j, claim.j);
    assert_eq!(bench.queue.fail(&bench.job, &claim, retryable).await?, Failed::Stale, "an older lease of the case");
    assert_eq!(bench.total().await?.in_flight, 1);
    let outside = Claim { j: 2, ..claim };
    assert!(matches!(bench.queue.release(&bench.job, &outside).await, Err(QueueError::CaseUnknown { length: 2, .. })));
    Ok(())
}

pub async fn a_full_backlog_holds_the_cursor(rig: &dyn Rig) -> Done {
    let mut spec = spec(&[20]);
    spec.lanes[0].retry_backlog = 2;
    let bench = Bench::new(rig, spec).await?;
    let claims = bench.claim(W1, 0, 4).await?;
    bench.queue.fail(&bench.job, &claims[0], failure(FailureClass::Retryable)).await?;
    assert_eq!(places(&bench.claim(W1, 0, 1).await?), [4], "one below the limit the cursor moves");
    bench.queue.fail(&bench.job, &claims[1], failure(FailureClass::Retryable)).await?;
    assert_eq!(bench.queue.claim(&bench.job, W1, 0, 1).await?, Claimed::Nothing { retry_in: Some(SECOND) });
    rig.advance(SECOND).await;
    assert_eq!(places(&bench.claim(W1, 0, 1).await?), [0]);
    Ok(())
}

pub async fn reclaim_needs_a_lost_heartbeat_and_the_newest_batch(rig: &dyn Rig) -> Done {
    let bench = Bench::new(rig, spec(&[5])).await?;
    let Bench { queue, job, .. } = &bench;
    bench.claim(W1, 0, 3).await?;
    queue.commit(job, W1, 1, &[settled(0, 0)]).await?;
    rig.advance(LEASE - TICK).await;
    assert_eq!(queue.reclaim(job, W1, 1).await?, Reclaim::Alive);
    assert_eq!(queue.heartbeat(job, W1).await?, Heartbeat::Alive { cancelled: false });
    rig.advance(LEASE - TICK).await;
    assert_eq!(queue.reclaim(job, W1, 1).await?, Reclaim::Alive, "the heartbeat counts from its last beat");
    rig.advance(TICK).await;
    assert!(queue.workers(job).await?[0].expired);
    assert_eq!(queue.reclaim(job, W1, 0).await?, Reclaim::Moved { last: 1 });
    assert_eq!(bench.total().await?.in_flight, 2);
    assert_eq!(queue.reclaim(job, W1, 1).await?, Reclaim::Reclaimed { leases: 2 });
    assert_eq!(queue.reclaim(job, W1, 1).await?, Reclaim::Reclaimed { leases: 0 });
    assert!(queue.workers(job).await?[0].gone);
    assert_eq!(places(&bench.claim(W2, 0, 3).await?), [1, 2, 3]);
    Ok(())
}

pub async fn a_gone_worker_may_commit_but_not_claim(rig: &dyn Rig) -> Done {
    let bench = Bench::new(rig, spec(&[2])).await?;
    let Bench { queue, job, .. } = &bench;
    let claim = bench.one(W1, 0).await?;
    rig.advance(LEASE).await;
    assert_eq!(queue.heartbeat(job, W1).await?, Heartbeat::Alive { cancelled: false }, "late, but in time");
    bench.lose(W1).await?;
    assert_eq!(queue.heartbeat(job, W1).await?, Heartbeat::Gone);
    assert_eq!(queue.claim(job, W1, 0, 1).await?, Claimed::Gone);
    assert_eq!(queue.release(job, &claim).await?, Released::Stale);
    assert_eq!(queue.commit(job, W1, 1, &[settled(0, 0)]).await?, Commit::Committed { losers: vec![] });
    assert_eq!(places(&bench.claim(W2, 0, 2).await?), [1], "its record counts, the case is not run again");
    Ok(())
}
