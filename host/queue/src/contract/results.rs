//! Commits: each case counts once.

use super::leases::failure;
use super::*;
use crate::{CaseAt, Commit, Failed, FailureClass, MAX_BATCH, Released};

const NO_LOSERS: Commit = Commit::Committed { losers: vec![] };

pub async fn commit_is_idempotent_and_answers_behind(rig: &dyn Rig) -> Done {
    let bench = Bench::new(rig, spec(&[5])).await?;
    let Bench { queue, job, .. } = &bench;
    bench.claim(W1, 0, 3).await?;
    assert_eq!(queue.commit(job, W1, 2, &[settled(0, 0)]).await?, Commit::Behind { last: 0 });
    assert_eq!(bench.total().await?.done, 0);
    assert_eq!(queue.commit(job, W1, 1, &[settled(0, 0)]).await?, NO_LOSERS);
    assert_eq!(queue.commit(job, W1, 1, &[settled(0, 0)]).await?, NO_LOSERS, "its own case is no loser");
    assert_eq!(queue.commit(job, W1, 2, &[settled(0, 1)]).await?, NO_LOSERS);
    assert_eq!(queue.commit(job, W1, 4, &[settled(0, 2)]).await?, Commit::Behind { last: 2 });
    assert_eq!(queue.last(job, W1).await?, 2);
    let total = bench.total().await?;
    assert_eq!((total.done, total.in_flight, total.outcomes.passed), (2, 1, 2));
    Ok(())
}

pub async fn the_first_durable_record_wins(rig: &dyn Rig) -> Done {
    let bench = Bench::new(rig, spec(&[3])).await?;
    let Bench { queue, job, .. } = &bench;
    bench.claim(W1, 0, 2).await?;
    bench.lose(W1).await?;
    queue.heartbeat(job, W2).await?;
    bench.claim(W2, 0, 2).await?;
    let failed = Settled { outcome: Outcome::Failed, cost_usd_micro: Some(7), ..settled(0, 1) };
    assert_eq!(queue.commit(job, W2, 1, &[failed]).await?, NO_LOSERS);
    let loser = CaseAt { lane: 0, j: 1 };
    let late = [settled(0, 1), settled(0, 0)].map(|case| Settled { cost_usd_micro: Some(5), ..case });
    for _ in 0..2 {
        let answer = queue.commit(job, W1, 1, &late).await?;
        assert_eq!(answer, Commit::Committed { losers: vec![loser] }, "stored and given again");
    }
    let snapshot = queue.snapshot(job).await?;
    let total = snapshot.total();
    assert_eq!((total.done, total.outcomes.failed, total.outcomes.passed, snapshot.losers), (2, 1, 1, 1));
    assert_eq!(total.spent_usd_micro, 17, "losers were paid too");
    Ok(())
}

pub async fn commit_takes_cases_out_of_any_state(rig: &dyn Rig) -> Done {
    let bench = Bench::new(rig, spec(&[6])).await?;
    let Bench { queue, job, .. } = &bench;
    let claims = bench.claim(W1, 0, 3).await?;
    queue.fail(job, &claims[1], failure(FailureClass::Retryable)).await?;
    // 0 is leased by the other worker, 1 is a retry, 4 waits beyond the cursor.
    let batch = [settled(0, 0), settled(0, 1), settled(0, 4)];
    assert_eq!(queue.commit(job, W2, 1, &batch).await?, NO_LOSERS);
    let total = bench.total().await?;
    assert_eq!((total.done, total.in_flight, total.waiting, total.retrying), (3, 1, 2, 0));
    assert_eq!(queue.release(job, &claims[0]).await?, Released::Stale);
    assert_eq!(queue.fail(job, &claims[0], failure(FailureClass::Retryable)).await?, Failed::Stale);
    rig.advance(SECOND).await;
    let left: Vec<_> = bench.claim(W2, 0, 6).await?.iter().map(|claim| claim.j).collect();
    assert_eq!(left, [3, 5]);
    queue.cancel(job).await?;
    queue.release(job, &claims[2]).await?;
    assert_eq!(bench.total().await?.not_run, 1);
    assert_eq!(queue.commit(job, W1, 1, &[settled(0, 2)]).await?, NO_LOSERS);
    let total = bench.total().await?;
    assert_eq!((total.done, total.not_run), (4, 0), "a record counts even for a case that was given up");
    Ok(())
}

pub async fn commit_refuses_bad_batches_whole(rig: &dyn Rig) -> Done {
    let bench = Bench::new(rig, spec(&[100])).await?;
    let Bench { queue, job, .. } = &bench;
    let not_run = Settled { outcome: Outcome::NotRun, ..settled(0, 1) };
    let too_many: Vec<_> = (0..=MAX_BATCH as u64).map(|j| settled(0, j)).collect();
    let bad: [(u64, &[Settled]); 6] = [
        (0, &[settled(0, 0)]),
        (1, &[settled(0, 0), not_run]),
        (1, &[settled(0, 0), settled(0, 0)]),
        (1, &[settled(0, 0), settled(0, 100)]),
        (1, &[settled(0, 0), settled(1, 0)]),
        (1, &too_many),
    ];
    for (seq, cases) in bad {
        assert!(queue.commit(job, W1, seq, cases).await.is_err(), "{seq} {cases:?}");
        assert_eq!((bench.total().await?.done, queue.last(job, W1).await?), (0, 0));
    }
    assert_eq!(queue.commit(job, W1, 1, &too_many[1..]).await?, NO_LOSERS);
    Ok(())
}

pub async fn losers_are_bounded(rig: &dyn Rig) -> Done {
    let mut spec = spec(&[5]);
    spec.max_losers = 2;
    let bench = Bench::new(rig, spec).await?;
    let Bench { queue, job, .. } = &bench;
    let batch = [settled(0, 0), settled(0, 1)];
    queue.commit(job, W1, 1, &batch).await?;
    queue.commit(job, W2, 1, &batch).await?;
    let over = queue.commit(job, W2, 2, &[settled(0, 2), settled(0, 0)]).await;
    assert_eq!(over, Err(QueueError::TooManyLosers { job: job.clone(), limit: 2 }));
    assert_eq!((bench.total().await?.done, queue.last(job, W2).await?), (2, 1));
    Ok(())
}

pub async fn an_empty_batch_stands_for_a_lost_one(rig: &dyn Rig) -> Done {
    let bench = Bench::new(rig, spec(&[2])).await?;
    let Bench { queue, job, .. } = &bench;
    assert_eq!(queue.commit(job, W1, 1, &[]).await?, NO_LOSERS);
    assert_eq!(queue.commit(job, W1, 2, &[settled(0, 0)]).await?, NO_LOSERS);
    assert_eq!(queue.commit(job, W1, 1, &[settled(0, 1)]).await?, NO_LOSERS, "too late, it was given up");
    assert_eq!((bench.total().await?.done, queue.last(job, W1).await?), (1, 2));
    Ok(())
}
