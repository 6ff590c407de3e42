//! Finalize, seal, finish.

use std::collections::BTreeMap;

use arena_model::Digest;

use super::leases::failure;
use super::*;
use crate::{
    CaseAt, Commit, Failed, FailureClass, Finalize, Finish, MAX_FINALIZE_LEASES, Phase, Released, Seal, SealedJob,
    SealedWorker, Snapshot,
};

/// A job of two cases, one done by the first worker and committed again by the second, the other cancelled.
async fn ended(rig: &dyn Rig) -> Result<Bench<'_>, QueueError> {
    let bench = Bench::new(rig, spec(&[2])).await?;
    bench.queue.commit(&bench.job, W1, 1, &[settled(0, 0)]).await?;
    bench.queue.commit(&bench.job, W2, 1, &[]).await?;
    bench.queue.commit(&bench.job, W2, 2, &[settled(0, 0)]).await?;
    bench.queue.cancel(&bench.job).await?;
    Ok(bench)
}

pub async fn seal_is_refused_while_anything_is_open(rig: &dyn Rig) -> Done {
    let bench = Bench::new(rig, spec(&[2])).await?;
    let Bench { queue, job, .. } = &bench;
    let claim = bench.one(W1, 0).await?;
    assert_eq!(queue.seal(job).await?, Seal::Refused { in_flight: 1, waiting: 1 });
    queue.cancel(job).await?;
    assert_eq!(queue.seal(job).await?, Seal::Refused { in_flight: 1, waiting: 0 });
    assert_eq!(queue.snapshot(job).await?.phase, Phase::Open);
    queue.release(job, &claim).await?;
    assert!(matches!(queue.seal(job).await?, Seal::Sealed(_)));
    assert_eq!(queue.snapshot(job).await?.phase, Phase::Sealed);
    Ok(())
}

pub async fn a_sealed_job_changes_no_more(rig: &dyn Rig) -> Done {
    let bench = ended(rig).await?;
    let Bench { queue, job, .. } = &bench;
    let losers = BTreeMap::from([(2, vec![CaseAt { lane: 0, j: 0 }])]);
    let workers =
        vec![SealedWorker { id: W1, last: 1, losers: BTreeMap::new() }, SealedWorker { id: W2, last: 2, losers }];
    let sealed = Seal::Sealed(SealedJob { workers, not_run: vec![1] });
    assert_eq!(queue.seal(job).await?, sealed);
    let before = queue.snapshot(job).await?;
    assert_eq!(queue.claim(job, W1, 0, 1).await?, Claimed::Sealed);
    assert_eq!(queue.commit(job, W1, 2, &[settled(0, 1)]).await?, Commit::Sealed);
    assert_eq!(queue.commit(job, W1, 1, &[settled(0, 0)]).await?, Commit::Sealed);
    let claim = Claim { lane: 0, j: 1, token: crate::Token(7), attempt: 1, exhausted: None };
    assert_eq!(queue.release(job, &claim).await?, Released::Sealed);
    assert_eq!(queue.fail(job, &claim, failure(FailureClass::Retryable)).await?, Failed::Sealed);
    for _ in 0..2 {
        assert_eq!(queue.register(job, W3).await?, Register::Sealed);
    }
    assert_eq!(queue.cancel(job).await?, 1);
    // The late worker may end the job; it stored nothing, so it is no part of what was sealed.
    let after = queue.snapshot(job).await?;
    assert_eq!(after, Snapshot { workers: before.workers + 1, ..before });
    assert_eq!(queue.seal(job).await?, sealed);
    Ok(())
}

pub async fn a_sealed_job_whose_workers_are_all_lost_is_ended_by_a_late_one(rig: &dyn Rig) -> Done {
    let bench = ended(rig).await?;
    let Bench { queue, job, .. } = &bench;
    assert_eq!(queue.finalize(job, W1).await?, Finalize::Leased);
    let sealed = queue.seal(job).await?;
    assert_eq!(queue.register(job, W3).await?, Register::Sealed);
    assert_eq!(queue.finalize(job, W3).await?, Finalize::Held { by: W1 });
    bench.lose(W1).await?;
    assert_eq!(queue.finalize(job, W3).await?, Finalize::Leased);
    assert_eq!(queue.seal(job).await?, sealed);
    queue.finish(job, &Digest::of(b"summary")).await?;
    Ok(())
}

pub async fn who_comes_to_a_finished_job_is_told_so(rig: &dyn Rig) -> Done {
    let bench = ended(rig).await?;
    let Bench { queue, job, .. } = &bench;
    assert_eq!(queue.finalize(job, W1).await?, Finalize::Leased);
    queue.seal(job).await?;
    queue.finish(job, &Digest::of(b"summary")).await?;
    assert_eq!(queue.register(job, W3).await?, Register::Sealed);
    assert_eq!(queue.finalize(job, W3).await?, Finalize::Finished);
    Ok(())
}

pub async fn finalize_is_one_lease_given_at_the_end(rig: &dyn Rig) -> Done {
    let bench = Bench::new(rig, spec(&[2])).await?;
    let Bench { queue, job, .. } = &bench;
    bench.one(W1, 0).await?;
    assert_eq!(queue.finalize(job, W1).await?, Finalize::NotYet { open: 2 });
    queue.commit(job, W1, 1, &[settled(0, 0)]).await?;
    assert_eq!(queue.finalize(job, W1).await?, Finalize::NotYet { open: 1 });
    queue.cancel(job).await?;
    for _ in 0..2 {
        assert_eq!(queue.finalize(job, W1).await?, Finalize::Leased);
    }
    assert_eq!(queue.finalize(job, W2).await?, Finalize::Held { by: W1 });
    bench.lose(W1).await?;
    assert_eq!(queue.finalize(job, W1).await?, Finalize::Gone);
    assert_eq!(queue.finalize(job, W2).await?, Finalize::Leased);
    queue.seal(job).await?;
    queue.register(job, W3).await?;
    queue.finish(job, &Digest::of(b"summary")).await?;
    assert_eq!(queue.finalize(job, W2).await?, Finalize::Finished);
    Ok(())
}

pub async fn five_lost_finalize_leases_fail_the_job(rig: &dyn Rig) -> Done {
    let bench = ended(rig).await?;
    let Bench { queue, job, .. } = &bench;
    for number in 0..MAX_FINALIZE_LEASES {
        assert_eq!(queue.snapshot(job).await?.phase, Phase::Open);
        let worker = WorkerId(10 + u128::from(number));
        queue.register(job, worker).await?;
        assert_eq!(queue.finalize(job, worker).await?, Finalize::Leased);
        bench.lose(worker).await?;
    }
    assert_eq!(queue.snapshot(job).await?.phase, Phase::FinalizeFailed);
    assert_eq!(queue.finalize(job, W1).await?, Finalize::Failed);
    assert_eq!(queue.finish(job, &Digest::of(b"summary")).await?, Finish::Failed);
    Ok(())
}

pub async fn finish_takes_one_digest(rig: &dyn Rig) -> Done {
    let Bench { queue, job, .. } = &ended(rig).await?;
    let (first, second) = (Digest::of(b"first"), Digest::of(b"second"));
    assert_eq!(queue.finish(job, &first).await?, Finish::NotSealed);
    queue.seal(job).await?;
    for _ in 0..2 {
        assert_eq!(queue.finish(job, &first).await?, Finish::Finished);
    }
    assert_eq!(queue.finish(job, &second).await?, Finish::Differs { digest: first.clone() });
    assert_eq!(queue.snapshot(job).await?.phase, Phase::Finished(first));
    Ok(())
}
