//! After the server went back in time or lost everything.

use super::{RedisQueue, Reply, Result, argument, reply, wire};
use crate::{Claim, JobId, JobSpec, MAX_REASSERT, QueueError, Reassert, Rebuilt, WorkerId};

impl RedisQueue {
    /// See [`crate::Queue::rebuild`].
    pub(super) async fn rebuild_job(&self, job: &JobId, spec: JobSpec) -> Result<Rebuilt> {
        let reply = self.make(job, "rebuild", &spec).await?;
        match reply.word.as_str() {
            "NEW" => Ok(Rebuilt::Empty),
            "KEPT" => Ok(Rebuilt::Kept),
            "EXISTS" => Ok(Rebuilt::Current),
            _ => reply.strange(),
        }
    }

    /// See [`crate::Queue::reassert`].
    pub(super) async fn reassert_leases(&self, job: &JobId, worker: WorkerId, claims: &[Claim]) -> Result<Reassert> {
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
