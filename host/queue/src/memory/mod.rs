//! The queue in one process: a mutex per job, and a bell for workers that wait.

mod budget;
mod ending;
mod job;
mod lane;
mod retry;
mod roster;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, RwLock};

use arena_model::Digest;
use async_trait::async_trait;
use tokio::sync::Notify;

use crate::{
    Claim, Claimed, Clock, Commit, Created, Failed, Failure, Finalize, Finish, Heartbeat, Idle, JobId, JobSpec,
    MAX_REASSERT, OsTokens, Queue, QueueError, Reassert, Rebuilt, Reclaim, Register, Released, Seal, Settled, Snapshot,
    SystemClock, TokenSource, WorkerId, WorkerView,
};
use job::Job;

/// Most jobs one queue in memory holds.
pub const MAX_JOBS: usize = 64;

type Result<T> = std::result::Result<T, QueueError>;

struct Room {
    job: Mutex<Job>,
    /// Rung after every step that may give work to a waiting worker, or end its wait.
    bell: Notify,
}

/// The contract in memory. A lane takes O(in flight + retries) plus one bit per case.
pub struct MemoryQueue {
    clock: Arc<dyn Clock>,
    tokens: Mutex<Box<dyn TokenSource>>,
    rooms: RwLock<HashMap<JobId, Arc<Room>>>,
}

impl Default for MemoryQueue {
    fn default() -> Self {
        Self::new(Arc::new(SystemClock::default()), Box::<OsTokens>::default())
    }
}

impl MemoryQueue {
    /// A queue with a clock and a source of tokens of the caller's choice.
    pub fn new(clock: Arc<dyn Clock>, tokens: Box<dyn TokenSource>) -> Self {
        Self { clock, tokens: Mutex::new(tokens), rooms: RwLock::default() }
    }

    /// Waits until a claim may succeed, every case is done or not run, or the worker is gone. It does not watch other
    /// workers' heartbeats: who shares a job with others looks at [`Queue::workers`] from time to time.
    ///
    /// # Errors
    /// As every call: an unknown job or worker.
    pub async fn idle(&self, job: &JobId, worker: WorkerId) -> Result<Idle> {
        loop {
            let room = self.room(job)?;
            // A ring counts from here on, polled or not, so looking first and waiting then misses none.
            let rung = room.bell.notified();
            let looked = lock(&room.job)?.idle(worker, self.clock.now())?;
            match looked {
                Ok(end) => return Ok(end),
                Err(None) => rung.await,
                Err(Some(at)) => {
                    tokio::select! {
                        () = rung => {}
                        () = self.clock.sleep_until(at) => {}
                    }
                }
            }
        }
    }

    fn room(&self, job: &JobId) -> Result<Arc<Room>> {
        let rooms = self.rooms.read().map_err(|_| QueueError::Broken)?;
        rooms.get(job).cloned().ok_or_else(|| QueueError::JobUnknown { job: job.clone() })
    }

    /// One step that gives no work to others.
    fn look<T>(&self, job: &JobId, step: impl FnOnce(&mut Job) -> Result<T>) -> Result<T> {
        let room = self.room(job)?;
        let mut job = lock(&room.job)?;
        step(&mut job)
    }

    /// One step that may.
    fn step<T>(&self, job: &JobId, step: impl FnOnce(&mut Job) -> Result<T>) -> Result<T> {
        let room = self.room(job)?;
        let answer = step(&mut *lock(&room.job)?)?;
        room.bell.notify_waiters();
        Ok(answer)
    }
}

/// A step that panicked left its job half changed, so nothing more is taken from it.
fn lock<T: ?Sized>(mutex: &Mutex<T>) -> Result<MutexGuard<'_, T>> {
    mutex.lock().map_err(|_| QueueError::Broken)
}

#[async_trait]
impl Queue for MemoryQueue {
    async fn create(&self, id: &JobId, spec: JobSpec) -> Result<Created> {
        spec.check()?;
        let mut rooms = self.rooms.write().map_err(|_| QueueError::Broken)?;
        if let Some(room) = rooms.get(id) {
            let same = lock(&room.job)?.spec().same(&spec);
            return if same { Ok(Created::Exists) } else { Err(QueueError::JobDiffers { job: id.clone() }) };
        }
        if rooms.len() >= MAX_JOBS {
            return Err(QueueError::TooManyJobs { limit: MAX_JOBS });
        }
        let job = Mutex::new(Job::new(id.clone(), spec));
        rooms.insert(id.clone(), Arc::new(Room { job, bell: Notify::new() }));
        Ok(Created::New)
    }

    async fn remove(&self, job: &JobId) -> Result<()> {
        let removed = self.rooms.write().map_err(|_| QueueError::Broken)?.remove(job);
        if let Some(room) = removed {
            room.bell.notify_waiters();
        }
        Ok(())
    }

    async fn rebuild(&self, job: &JobId, spec: JobSpec) -> Result<Rebuilt> {
        Ok(match self.create(job, spec).await? {
            Created::New => Rebuilt::Empty,
            Created::Exists => Rebuilt::Current,
        })
    }

    async fn reassert(&self, job: &JobId, worker: WorkerId, claims: &[Claim]) -> Result<Reassert> {
        if claims.len() > MAX_REASSERT {
            return Err(QueueError::ReassertInvalid { claims: claims.len(), limit: MAX_REASSERT });
        }
        self.step(job, |job| job.reassert(worker, claims, self.clock.now()))
    }

    async fn register(&self, job: &JobId, worker: WorkerId) -> Result<Register> {
        self.look(job, |job| job.register(worker, self.clock.now()))
    }

    async fn claim(&self, job: &JobId, worker: WorkerId, lane: u32, k: usize) -> Result<Claimed> {
        let claim = |job: &mut Job| job.claim(worker, lane, k, self.clock.now(), lock(&self.tokens)?.as_mut());
        // A claim that stops a lane for want of budget may be what ends the job.
        let answer = self.look(job, claim)?;
        if answer == Claimed::Closed {
            self.room(job)?.bell.notify_waiters();
        }
        Ok(answer)
    }

    async fn heartbeat(&self, job: &JobId, worker: WorkerId) -> Result<Heartbeat> {
        self.look(job, |job| job.heartbeat(worker, self.clock.now()))
    }

    async fn release(&self, job: &JobId, claim: &Claim) -> Result<Released> {
        self.step(job, |job| job.release(claim, self.clock.now()))
    }

    async fn fail(&self, job: &JobId, claim: &Claim, failure: Failure) -> Result<Failed> {
        self.step(job, |job| job.fail(claim, failure, self.clock.now()))
    }

    async fn commit(&self, job: &JobId, worker: WorkerId, seq: u64, cases: &[Settled]) -> Result<Commit> {
        self.step(job, |job| job.commit(worker, seq, cases))
    }

    async fn last(&self, job: &JobId, worker: WorkerId) -> Result<u64> {
        self.look(job, |job| job.last(worker))
    }

    async fn workers(&self, job: &JobId) -> Result<Vec<WorkerView>> {
        self.look(job, |job| Ok(job.workers(self.clock.now())))
    }

    async fn reclaim(&self, job: &JobId, worker: WorkerId, last: u64) -> Result<Reclaim> {
        self.step(job, |job| job.reclaim(worker, last, self.clock.now()))
    }

    async fn cancel(&self, job: &JobId) -> Result<u64> {
        self.step(job, |job| Ok(job.cancel()))
    }

    async fn finalize(&self, job: &JobId, worker: WorkerId) -> Result<Finalize> {
        self.look(job, |job| job.finalize(worker))
    }

    async fn seal(&self, job: &JobId) -> Result<Seal> {
        self.look(job, |job| Ok(job.seal()))
    }

    async fn finish(&self, job: &JobId, digest: &Digest) -> Result<Finish> {
        self.look(job, |job| Ok(job.finish(digest)))
    }

    async fn snapshot(&self, job: &JobId) -> Result<Snapshot> {
        self.look(job, |job| Ok(job.snapshot()))
    }
}
