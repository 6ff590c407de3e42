//! After the server went back in time or lost everything.

use super::{RedisQueue, Reply, Result, argument, reply, wire};
use crate::{CaseAt, Claim, JobId, JobSpec, QueueError, WorkerId};

/// Most claims a worker may re-assert.
pub const MAX_REASSERT: usize = 4096;

/// Of `rebuild`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rebuilt {
    /// Nothing was left; the job starts from its spec, without workers and with no case done but the restored ones.
    Empty,
    /// An earlier state of the job was left and counts; newer batches are missing.
    Kept,
    /// The job belongs to this life of the server, maybe by another's rebuild; nothing was changed.
    Current,
}

/// Of `reassert`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reassert {
    /// The worker is registered and holds the cases it named, and no others.
    Held {
        /// But for these, which are done or another's; drop them.
        lost: Vec<CaseAt>,
    },
    /// The job takes no more results; nothing was changed.
    Sealed,
    /// The worker's leases were taken from it; it must go on under a new id.
    Gone,
}

impl RedisQueue {
    /// Makes the job belong to this life of the server. Idempotent; any worker may call it after
    /// [`QueueError::Rebuild`]. Claims stay closed for one lease time, in which
    /// - who calls registers every worker that has results in the store and is not among [`crate::Queue::workers`],
    ///   and commits its batches from `last + 1` on, which also adds up what was spent;
    /// - live workers commit what the queue does not know of, then [`RedisQueue::reassert`] what they have in hand;
    /// - the operator cancels again what was cancelled.
    ///
    /// Whoever restores cases through `spec` must not commit their batches as well.
    ///
    /// # Errors
    /// [`QueueError::JobDiffers`] if a state of another spec was left.
    pub async fn rebuild(&self, job: &JobId, spec: JobSpec) -> Result<Rebuilt> {
        let reply = self.make(job, "rebuild", &spec).await?;
        match reply.word.as_str() {
            "NEW" => Ok(Rebuilt::Empty),
            "KEPT" => Ok(Rebuilt::Kept),
            "EXISTS" => Ok(Rebuilt::Current),
            _ => reply.strange(),
        }
    }

    /// Says which leases a live worker has in hand, those of finished cases whose batch is not committed included.
    /// Registers the worker if it is not known, counts as a heartbeat, leases each named case again under its token
    /// and gives every other lease of the worker back. No claim of the same worker may be under way.
    ///
    /// Called after [`RedisQueue::rebuild`], and after a claim whose answer was lost.
    ///
    /// # Errors
    /// [`QueueError::ReassertInvalid`] for over [`MAX_REASSERT`] claims, and as `register`.
    pub async fn reassert(&self, job: &JobId, worker: WorkerId, claims: &[Claim]) -> Result<Reassert> {
        if claims.len() > MAX_REASSERT {
            return Err(QueueError::ReassertInvalid { claims: claims.len(), limit: MAX_REASSERT });
        }
        let arguments = vec![argument(worker), wire::claims(claims)];
        let mut reply = self.run(&self.scripts.reassert, job, Some(worker), arguments).await?;
        match reply.word.as_str() {
            "HELD" => {
                let lost = wire::cases(&reply.bytes()?).ok_or_else(|| reply::unexpected("torn cases"))?;
                Ok(Reassert::Held { lost })
            }
            "SEALED" => Ok(Reassert::Sealed),
            "GONE" => Ok(Reassert::Gone),
            _ => reply.strange(),
        }
    }

    pub(super) async fn make(&self, job: &JobId, mode: &str, spec: &JobSpec) -> Result<Reply> {
        spec.check()?;
        let mut arguments = vec![mode.into()];
        arguments.extend(wire::spec(spec));
        self.run(&self.scripts.create, job, None, arguments).await
    }
}
