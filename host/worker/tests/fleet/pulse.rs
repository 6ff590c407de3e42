//! The queue's time goes by the workers' own heartbeats: a third of a lease once each live one has sent one. So a lease
//! runs out when its worker is dead, and never because the machine is slow.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arena_model::Digest;
use arena_queue::*;
use async_trait::async_trait;

type Result<T> = std::result::Result<T, QueueError>;

/// Clock of one queue and the pulse of the processes that work on it.
pub struct Pulse {
    pub clock: Arc<ManualClock>,
    lease: Duration,
    processes: AtomicU64,
    /// The live ones, and whether each has sent a heartbeat since the clock moved.
    beats: Mutex<BTreeMap<u64, bool>>,
}

impl Pulse {
    pub fn new(lease: Duration) -> Arc<Self> {
        Arc::new(Self { clock: Arc::default(), lease, processes: AtomicU64::new(0), beats: Mutex::default() })
    }

    /// The queue as a new process sees it, which is alive from its first `register` until this is dropped.
    pub fn of_process(self: &Arc<Self>, queue: Arc<dyn Queue>) -> Arc<dyn Queue> {
        let process = self.processes.fetch_add(1, Ordering::SeqCst);
        Arc::new(Beating { queue, pulse: self.clone(), process })
    }

    fn beat(&self, process: u64) {
        let mut beats = self.beats.lock().unwrap();
        beats.insert(process, true);
        if beats.values().all(|beat| *beat) {
            beats.values_mut().for_each(|beat| *beat = false);
            self.clock.advance(self.lease / 3);
        }
    }
}

struct Beating {
    queue: Arc<dyn Queue>,
    pulse: Arc<Pulse>,
    process: u64,
}

impl Drop for Beating {
    fn drop(&mut self) {
        self.pulse.beats.lock().unwrap().remove(&self.process);
    }
}

#[async_trait]
impl Queue for Beating {
    async fn create(&self, job: &JobId, spec: JobSpec) -> Result<Created> {
        self.queue.create(job, spec).await
    }

    async fn remove(&self, job: &JobId) -> Result<()> {
        self.queue.remove(job).await
    }

    async fn rebuild(&self, job: &JobId, spec: JobSpec) -> Result<Rebuilt> {
        self.queue.rebuild(job, spec).await
    }

    async fn reassert(&self, job: &JobId, worker: WorkerId, claims: &[Claim]) -> Result<Reassert> {
        let answer = self.queue.reassert(job, worker, claims).await?;
        self.pulse.beat(self.process);
        Ok(answer)
    }

    async fn register(&self, job: &JobId, worker: WorkerId) -> Result<Register> {
        self.pulse.beats.lock().unwrap().entry(self.process).or_default();
        self.queue.register(job, worker).await
    }

    async fn claim(&self, job: &JobId, worker: WorkerId, lane: u32, k: usize) -> Result<Claimed> {
        self.queue.claim(job, worker, lane, k).await
    }

    async fn heartbeat(&self, job: &JobId, worker: WorkerId) -> Result<Heartbeat> {
        let answer = self.queue.heartbeat(job, worker).await?;
        self.pulse.beat(self.process);
        Ok(answer)
    }

    async fn release(&self, job: &JobId, claim: &Claim) -> Result<Released> {
        self.queue.release(job, claim).await
    }

    async fn fail(&self, job: &JobId, claim: &Claim, failure: Failure) -> Result<Failed> {
        self.queue.fail(job, claim, failure).await
    }

    async fn commit(&self, job: &JobId, worker: WorkerId, seq: u64, cases: &[Settled]) -> Result<Commit> {
        self.queue.commit(job, worker, seq, cases).await
    }

    async fn last(&self, job: &JobId, worker: WorkerId) -> Result<u64> {
        self.queue.last(job, worker).await
    }

    async fn workers(&self, job: &JobId) -> Result<Vec<WorkerView>> {
        self.queue.workers(job).await
    }

    async fn reclaim(&self, job: &JobId, worker: WorkerId, last: u64) -> Result<Reclaim> {
        self.queue.reclaim(job, worker, last).await
    }

    async fn cancel(&self, job: &JobId) -> Result<u64> {
        self.queue.cancel(job).await
    }

    async fn finalize(&self, job: &JobId, worker: WorkerId) -> Result<Finalize> {
        self.queue.finalize(job, worker).await
    }

    async fn seal(&self, job: &JobId) -> Result<Seal> {
        self.queue.seal(job).await
    }

    async fn finish(&self, job: &JobId, digest: &Digest) -> Result<Finish> {
        self.queue.finish(job, digest).await
    }

    async fn snapshot(&self, job: &JobId) -> Result<Snapshot> {
        self.queue.snapshot(job).await
    }
}
