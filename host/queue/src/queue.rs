//! The contract. Each call is one atomic step; the suite in `contract` holds every implementation to it.

use arena_model::Digest;
use async_trait::async_trait;

use crate::{
    Claim, Claimed, Commit, Created, Failed, Failure, Finalize, Finish, Heartbeat, JobId, JobSpec, Reassert, Rebuilt,
    Reclaim, Register, Released, Seal, Settled, Snapshot, WorkerId, WorkerView,
};

type Result<T> = std::result::Result<T, crate::QueueError>;

/// The work of many jobs, shared by many workers.
///
/// The first durable result of a case wins, whoever holds its lease: a record is stored first and committed then, and
/// leases only keep workers from doing the same case at the same time. After every step of every lane
/// `length = done + in flight + waiting + not run`. A call that returns an error has changed nothing; every call
/// errs on an unknown job, and on an unknown worker where it takes one.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Adds a job. Idempotent; errs if the id is taken by a job with another spec, or the spec is out of bounds.
    async fn create(&self, job: &JobId, spec: JobSpec) -> Result<Created>;

    /// Forgets a job. Idempotent.
    async fn remove(&self, job: &JobId) -> Result<()>;

    /// Makes the job belong to this life of the server, after [`crate::QueueError::Rebuild`]. Idempotent, and open to
    /// any worker. Claims stay closed for one lease time, in which
    /// - who calls registers every worker that has results in the store and is not among [`Queue::workers`], and
    ///   commits its batches from `last + 1` on, which also adds up what was spent;
    /// - live workers commit what the queue does not know of, then [`Queue::reassert`] what they have in hand;
    /// - the operator cancels again what was cancelled.
    ///
    /// From then on `claim` and `heartbeat` err with [`crate::QueueError::Rebuild`] for each worker, those registered
    /// later included, until it has re-asserted: nobody claims what another holds, or before it has adopted what is
    /// stored.
    ///
    /// Whoever restores cases through `spec` must not commit their batches as well. Errs if a state of another spec
    /// was left.
    async fn rebuild(&self, job: &JobId, spec: JobSpec) -> Result<Rebuilt>;

    /// Says which leases a live worker has in hand, those of finished cases whose batch is not committed included:
    /// at most [`crate::MAX_REASSERT`]. Registers the worker if it is not known, counts as a heartbeat, leases each
    /// named case again under its token and gives every other lease of the worker back. No claim of the same worker
    /// may be under way. Called after a rebuild, and after a claim whose answer was lost.
    async fn reassert(&self, job: &JobId, worker: WorkerId, claims: &[Claim]) -> Result<Reassert>;

    /// Adds a worker process, whose heartbeat starts now.
    async fn register(&self, job: &JobId, worker: WorkerId) -> Result<Register>;

    /// Leases up to `k` (1 to [`crate::MAX_CLAIM`]) cases of a lane: due retries first, then onward from the cursor.
    /// Reserves the budget for each; once nothing of the job is in flight and the next case does not fit, the lane's
    /// waiting cases become not run.
    async fn claim(&self, job: &JobId, worker: WorkerId, lane: u32, k: usize) -> Result<Claimed>;

    /// Keeps all leases of a worker for one more lease time.
    async fn heartbeat(&self, job: &JobId, worker: WorkerId) -> Result<Heartbeat>;

    /// Gives a case back that was not run.
    async fn release(&self, job: &JobId, claim: &Claim) -> Result<Released>;

    /// Tells of a failed attempt; its class and the case's history decide whether there is another.
    async fn fail(&self, job: &JobId, claim: &Claim, failure: Failure) -> Result<Failed>;

    /// Marks the cases of a durable batch as done, whatever state they are in. `seq` is 1, 2, 3 without gaps per
    /// worker. Idempotent, and open to any caller on behalf of any worker, gone ones included. At most
    /// [`crate::MAX_BATCH`] cases, none twice, none with outcome `not_run`; an empty batch is one that was lost.
    async fn commit(&self, job: &JobId, worker: WorkerId, seq: u64, cases: &[Settled]) -> Result<Commit>;

    /// Sequence number of the worker's newest batch; 0 if there is none.
    async fn last(&self, job: &JobId, worker: WorkerId) -> Result<u64>;

    /// Every worker ever registered, sorted by id, for adoption.
    async fn workers(&self, job: &JobId) -> Result<Vec<WorkerView>>;

    /// Hands a worker's leases back, if its heartbeat has run out and its newest batch is still `last`. A finalize
    /// lease is lost the same way, in a sealed job too.
    async fn reclaim(&self, job: &JobId, worker: WorkerId, last: u64) -> Result<Reclaim>;

    /// Turns waiting cases into not run, and leases that end without a record later. Idempotent; does nothing to a
    /// sealed job. Gives the number of cases not run so far.
    async fn cancel(&self, job: &JobId) -> Result<u64>;

    /// Asks for the one lease of the job's last step.
    async fn finalize(&self, job: &JobId, worker: WorkerId) -> Result<Finalize>;

    /// Fixes the set of results. Idempotent.
    async fn seal(&self, job: &JobId) -> Result<Seal>;

    /// Ends a sealed job with the digest of its summary. Idempotent.
    async fn finish(&self, job: &JobId, digest: &Digest) -> Result<Finish>;

    /// Counts of this moment.
    async fn snapshot(&self, job: &JobId) -> Result<Snapshot>;
}
