//! The calls of the contract: arguments in, answers out.

use std::collections::BTreeMap;
use std::time::Duration;

use arena_model::Digest;
use async_trait::async_trait;

use super::{Again, RedisQueue, Reply, Result, argument, reply, wire};
use crate::{
    Claim, Claimed, Commit, Created, Failed, Failure, FailureClass, Finalize, Finish, Heartbeat, JobId, JobSpec,
    LaneCounts, MAX_CLAIM, MAX_FINALIZE_LEASES, OutcomeCounts, Phase, Queue, QueueError, Reassert, Rebuilt, Reclaim,
    Register, Released, Seal, SealedJob, SealedWorker, Settled, Snapshot, Token, WorkerId, WorkerView, check_batch,
};

/// Entries of a page of workers or losers, more or less.
const PAGE: usize = 512;

impl RedisQueue {
    fn draw(&self, k: usize) -> Result<Vec<Token>> {
        let mut tokens = self.tokens.lock().map_err(|_| QueueError::Broken)?;
        (0..k).map(|_| tokens.next()).collect()
    }

    /// Every entry of a hash that is too long for one step; `each` gets the time and an entry.
    async fn pages(
        &self,
        job: &JobId,
        hash: &str,
        sealed: bool,
        mut each: impl FnMut(Page, Vec<u8>, Vec<u8>) -> Option<()> + Send,
    ) -> Result<()> {
        let mut cursor = "0".to_owned();
        loop {
            let arguments = vec![hash.into(), cursor.clone().into(), argument(PAGE)];
            let mut reply = self.run(&self.scripts.page, job, None, arguments).await?;
            if sealed && reply.number()? == 0 {
                // The server went back to before the seal while we read.
                return Err(QueueError::Rebuild { job: job.clone() });
            } else if !sealed {
                reply.number()?;
            }
            let page = Page { now: reply.number()?, lease: reply.number()?, rebuilt: reply.number()? };
            cursor = reply.text()?;
            let mut entries = reply.list()?;
            while entries.left() > 0 {
                let (name, value) = (entries.bytes()?, entries.bytes()?);
                each(page, name, value).ok_or_else(|| reply::unexpected("a torn entry"))?;
            }
            if cursor == "0" {
                return Ok(());
            }
        }
    }

    async fn sealed(&self, job: &JobId, workers: u64, not_run: Vec<u64>) -> Result<SealedJob> {
        let mut sealed = BTreeMap::new();
        let worker = |_: Page, id: Vec<u8>, entry: Vec<u8>| {
            let id = std::str::from_utf8(&id).ok()?.parse().ok()?;
            let (last, ..) = wire::worker(&entry)?;
            sealed.insert(id, SealedWorker { id, last, losers: BTreeMap::new() });
            Some(())
        };
        self.pages(job, "workers", true, worker).await?;
        let losers = |_: Page, batch: Vec<u8>, cases: Vec<u8>| {
            let (id, seq) = std::str::from_utf8(&batch).ok()?.split_once(':')?;
            let worker = sealed.get_mut(&id.parse::<WorkerId>().ok()?)?;
            worker.losers.insert(seq.parse().ok()?, wire::cases(&cases)?);
            Some(())
        };
        self.pages(job, "losers", true, losers).await?;
        // Late ones may have come meanwhile; they have stored nothing.
        if (sealed.len() as u64) < workers {
            return Err(QueueError::Rebuild { job: job.clone() });
        }
        let stored = sealed.into_values().filter(|worker| worker.last > 0);
        Ok(SealedJob { workers: stored.collect(), not_run })
    }
}

/// What a page of entries was read beside; microseconds.
#[derive(Clone, Copy)]
struct Page {
    now: u64,
    lease: u64,
    rebuilt: u64,
}

#[async_trait]
impl Queue for RedisQueue {
    async fn create(&self, job: &JobId, spec: JobSpec) -> Result<Created> {
        match self.make(job, "create", &spec).await?.word.as_str() {
            "NEW" => Ok(Created::New),
            _ => Ok(Created::Exists),
        }
    }

    /// As the contract says. First take the job's user away: a worker that is still there would build the job again.
    async fn remove(&self, job: &JobId) -> Result<()> {
        self.run(&self.scripts.remove, job, None, vec![]).await.map(|_| ())
    }

    async fn rebuild(&self, job: &JobId, spec: JobSpec) -> Result<Rebuilt> {
        self.rebuild_job(job, spec).await
    }

    async fn reassert(&self, job: &JobId, worker: WorkerId, claims: &[Claim]) -> Result<Reassert> {
        self.reassert_leases(job, worker, claims).await
    }

    async fn register(&self, job: &JobId, worker: WorkerId) -> Result<Register> {
        let reply = self.run(&self.scripts.register, job, Some(worker), vec![argument(worker)]).await?;
        match reply.word.as_str() {
            "REGISTERED" => Ok(Register::Registered),
            "KNOWN" => Ok(Register::Known),
            "SEALED" => Ok(Register::Sealed),
            _ => reply.strange(),
        }
    }

    async fn claim(&self, job: &JobId, worker: WorkerId, lane: u32, k: usize) -> Result<Claimed> {
        if !(1..=MAX_CLAIM).contains(&k) {
            return Err(QueueError::ClaimInvalid { k, limit: MAX_CLAIM });
        }
        let tokens = self.draw(k)?;
        let packed: String = tokens.iter().map(|&token| wire::token(token)).collect();
        let arguments = vec![argument(worker), argument(lane), argument(k), packed.into()];
        let mut reply = self.run_again(Again::No, &self.scripts.claim, job, Some(worker), arguments).await?;
        match reply.word.as_str() {
            "CASES" => {
                let given = wire::given(&reply.bytes()?).ok_or_else(|| reply::unexpected("torn claims"))?;
                let claim = |((j, attempt, exhausted), token)| Claim { lane, j, token, attempt, exhausted };
                Ok(Claimed::Cases(given.into_iter().zip(tokens).map(claim).collect()))
            }
            "NOTHING" => {
                let wait = reply.number()?;
                Ok(Claimed::Nothing { retry_in: (wait > 0).then(|| Duration::from_micros(wait)) })
            }
            "CLOSED" => Ok(Claimed::Closed),
            "SEALED" => Ok(Claimed::Sealed),
            "GONE" => Ok(Claimed::Gone),
            _ => reply.strange(),
        }
    }

    async fn heartbeat(&self, job: &JobId, worker: WorkerId) -> Result<Heartbeat> {
        let mut reply = self.run(&self.scripts.heartbeat, job, Some(worker), vec![argument(worker)]).await?;
        match reply.word.as_str() {
            "ALIVE" => Ok(Heartbeat::Alive { cancelled: reply.number()? == 1 }),
            "GONE" => Ok(Heartbeat::Gone),
            _ => reply.strange(),
        }
    }

    async fn release(&self, job: &JobId, claim: &Claim) -> Result<Released> {
        let reply = self.run(&self.scripts.release, job, None, wire::lease(claim)).await?;
        match reply.word.as_str() {
            "WAITING" => Ok(Released::Waiting),
            "NOT_RUN" => Ok(Released::NotRun),
            "STALE" => Ok(Released::Stale),
            "SEALED" => Ok(Released::Sealed),
            _ => reply.strange(),
        }
    }

    async fn fail(&self, job: &JobId, claim: &Claim, failure: Failure) -> Result<Failed> {
        let class = match failure.class {
            FailureClass::Retryable => "retryable",
            FailureClass::Fatal => "fatal",
            FailureClass::Poison => "poison",
        };
        let mut arguments = wire::lease(claim);
        arguments.extend([class.into(), wire::cost(failure.cost_usd_micro).into()]);
        let mut reply = self.run(&self.scripts.fail, job, None, arguments).await?;
        match reply.word.as_str() {
            "RETRY" => Ok(Failed::Retry { after: Duration::from_micros(reply.number()?) }),
            "FINAL" => Ok(Failed::Final),
            "NOT_RUN" => Ok(Failed::NotRun),
            "STALE" => Ok(Failed::Stale),
            "SEALED" => Ok(Failed::Sealed),
            _ => reply.strange(),
        }
    }

    async fn commit(&self, job: &JobId, worker: WorkerId, seq: u64, cases: &[Settled]) -> Result<Commit> {
        check_batch(worker, seq, cases)?;
        let arguments = vec![argument(worker), argument(seq), wire::settled(cases)];
        let mut reply = self.run(&self.scripts.commit, job, Some(worker), arguments).await?;
        match reply.word.as_str() {
            "COMMITTED" => {
                let losers = wire::cases(&reply.bytes()?).ok_or_else(|| reply::unexpected("torn losers"))?;
                Ok(Commit::Committed { losers })
            }
            "BEHIND" => Ok(Commit::Behind { last: reply.number()? }),
            "SEALED" => Ok(Commit::Sealed),
            _ => reply.strange(),
        }
    }

    async fn last(&self, job: &JobId, worker: WorkerId) -> Result<u64> {
        self.run(&self.scripts.last, job, Some(worker), vec![argument(worker)]).await?.number()
    }

    async fn workers(&self, job: &JobId) -> Result<Vec<WorkerView>> {
        let mut views = BTreeMap::new();
        let view = |page: Page, id: Vec<u8>, entry: Vec<u8>| {
            let id = std::str::from_utf8(&id).ok()?.parse().ok()?;
            let (last, beat, gone) = wire::worker(&entry)?;
            let expired = page.now.saturating_sub(beat.max(page.rebuilt)) >= page.lease;
            views.insert(id, WorkerView { id, last, expired, gone });
            Some(())
        };
        self.pages(job, "workers", false, view).await?;
        Ok(views.into_values().collect())
    }

    async fn reclaim(&self, job: &JobId, worker: WorkerId, last: u64) -> Result<Reclaim> {
        let arguments = vec![argument(worker), argument(last)];
        let mut reply = self.run(&self.scripts.reclaim, job, Some(worker), arguments).await?;
        match reply.word.as_str() {
            "RECLAIMED" => Ok(Reclaim::Reclaimed { leases: reply.number()? }),
            "ALIVE" => Ok(Reclaim::Alive),
            "MOVED" => Ok(Reclaim::Moved { last: reply.number()? }),
            _ => reply.strange(),
        }
    }

    async fn cancel(&self, job: &JobId) -> Result<u64> {
        self.run(&self.scripts.cancel, job, None, vec![]).await?.number()
    }

    async fn finalize(&self, job: &JobId, worker: WorkerId) -> Result<Finalize> {
        let arguments = vec![argument(worker), argument(MAX_FINALIZE_LEASES)];
        let mut reply = self.run(&self.scripts.finalize, job, Some(worker), arguments).await?;
        match reply.word.as_str() {
            "LEASED" => Ok(Finalize::Leased),
            "NOT_YET" => Ok(Finalize::NotYet { open: reply.number()? }),
            "HELD" => Ok(Finalize::Held { by: reply.text()?.parse()? }),
            "FINISHED" => Ok(Finalize::Finished),
            "FAILED" => Ok(Finalize::Failed),
            "GONE" => Ok(Finalize::Gone),
            _ => reply.strange(),
        }
    }

    async fn seal(&self, job: &JobId) -> Result<Seal> {
        let mut reply = self.run(&self.scripts.seal, job, None, vec![]).await?;
        match reply.word.as_str() {
            "SEALED" => {
                let (workers, not_run) = (reply.number()?, reply.numbers()?);
                Ok(Seal::Sealed(self.sealed(job, workers, not_run).await?))
            }
            "REFUSED" => Ok(Seal::Refused { in_flight: reply.number()?, waiting: reply.number()? }),
            _ => reply.strange(),
        }
    }

    async fn finish(&self, job: &JobId, digest: &Digest) -> Result<Finish> {
        let arguments = vec![digest.as_str().into(), argument(MAX_FINALIZE_LEASES)];
        let mut reply = self.run(&self.scripts.finish, job, None, arguments).await?;
        match reply.word.as_str() {
            "FINISHED" => Ok(Finish::Finished),
            "OTHER" => Ok(Finish::Differs { digest: digest_of(&mut reply)? }),
            "NOT_SEALED" => Ok(Finish::NotSealed),
            "FAILED" => Ok(Finish::Failed),
            _ => reply.strange(),
        }
    }

    async fn snapshot(&self, job: &JobId) -> Result<Snapshot> {
        let mut reply = self.run(&self.scripts.snapshot, job, None, vec![]).await?;
        let sealed = reply.number()? == 1;
        let finished = reply.text()?;
        let lost = reply.number()?;
        let phase = match Digest::parse(&finished) {
            Some(digest) => Phase::Finished(digest),
            None if lost >= MAX_FINALIZE_LEASES.into() => Phase::FinalizeFailed,
            None if sealed => Phase::Sealed,
            None => Phase::Open,
        };
        let mut snapshot = Snapshot {
            phase,
            cancelled: reply.number()? == 1,
            lanes: vec![],
            budget_spent_usd_micro: reply.number()?,
            reserved_usd_micro: reply.number()?,
            charged_usd_micro: reply.number()?,
            losers: reply.number()?,
            workers: reply.number()?,
        };
        while reply.left() > 0 {
            snapshot.lanes.push(counts(&mut reply.list()?)?);
        }
        Ok(snapshot)
    }
}

fn digest_of(reply: &mut Reply) -> Result<Digest> {
    Digest::parse(&reply.text()?).ok_or_else(|| reply::unexpected("no digest"))
}

fn counts(lane: &mut Reply) -> Result<LaneCounts> {
    let (in_flight, retrying, length, stopped) = (lane.number()?, lane.number()?, lane.number()?, lane.number()? == 1);
    let outcomes = OutcomeCounts {
        passed: lane.number()?,
        failed: lane.number()?,
        error: lane.number()?,
        skipped: lane.number()?,
    };
    let done = outcomes.total();
    let rest = length.checked_sub(done + in_flight).ok_or_else(|| reply::unexpected("more cases than there are"))?;
    Ok(LaneCounts {
        length,
        done,
        in_flight,
        waiting: if stopped { 0 } else { rest },
        retrying,
        not_run: if stopped { rest } else { 0 },
        outcomes,
        spent_usd_micro: lane.number()?,
        unpriced: lane.number()?,
        attempts: lane.number()?,
        stalls: lane.number()?,
        poison: lane.number()?,
    })
}
