//! After the queue's server went away, went back in time or lost everything.

use std::pin::pin;
use std::time::Instant;

use arena_model::{Class, Fault as _};
use arena_queue::{Claim, QueueError, Reassert, Rebuilt};

use super::{LaneView, Process};
use crate::WorkerError;
use crate::fleet::FleetRun;
use crate::fleet::patience::{ask, patience};

impl Process {
    /// The queue is of another life of its server, forgot a worker, or a claim's answer was lost: makes it whole from
    /// the manifest and the store, and says what this worker has in hand.
    pub(super) async fn recover(&mut self, error: QueueError) -> Result<(), WorkerError> {
        let run = self.run.clone();
        let mut trouble = error;
        // Whoever rebuilt an empty queue knows the workers of the store alone.
        let lost = |trouble: &_| matches!(trouble, QueueError::Rebuild { .. } | QueueError::WorkerUnknown { .. });
        // A server that does not answer has been asked for a while already.
        let began = if lost(&trouble) { *self.lost_at.get_or_insert_with(Instant::now) } else { self.well_at };
        loop {
            if !lost(&trouble) && trouble.class() != Class::Retryable || began.elapsed() > patience(&run) {
                return Err(trouble.into());
            }
            tracing::warn!(reason = trouble.reason(), "{trouble}; putting the queue right");
            match self.put_right(&run).await {
                Err(WorkerError::Queue(error)) => trouble = error,
                ended => return ended,
            }
            tokio::time::sleep(run.settings.pause.1).await;
        }
    }

    async fn put_right(&mut self, run: &FleetRun) -> Result<(), WorkerError> {
        let rebuilt = ask(run, || run.queue.rebuild(&run.job, run.spec.clone())).await?;
        if rebuilt != Rebuilt::Current {
            tracing::warn!(?rebuilt, "the queue's state was lost; it is made again from the store");
        }
        // First of all, for the adoption may take longer than a lease.
        self.reassert(run).await?;
        self.adopt_stored(run).await?;
        // Once more: what others have stored is theirs.
        self.reassert(run).await?;
        for lane in &mut self.lanes {
            *lane = LaneView { closed: false, ask_at: Instant::now() };
        }
        Ok(())
    }

    /// What was committed is known again before this worker claims; a rebuild of another's may not be through yet. The
    /// heartbeat goes on.
    async fn adopt_stored(&mut self, run: &FleetRun) -> Result<(), WorkerError> {
        let mut adoption = pin!(run.adopt_stored());
        loop {
            tokio::select! {
                adopted = &mut adoption => return adopted,
                () = tokio::time::sleep_until(self.beat_at.into()) => {
                    self.beat_at = Instant::now() + run.settings.lease / 3;
                    ask(run, || run.queue.heartbeat(&run.job, self.worker)).await?;
                }
            }
        }
    }

    /// Says what this worker has in hand, and drops what is another's by now.
    async fn reassert(&mut self, run: &FleetRun) -> Result<(), WorkerError> {
        let claims: Vec<Claim> = self.held.values().map(|(claim, _)| *claim).collect();
        match ask(run, || run.queue.reassert(&run.job, self.worker, &claims)).await? {
            Reassert::Held { lost } => {
                for at in lost {
                    if let Some((_, task)) = self.held.remove(&at) {
                        task.abort();
                    }
                }
                self.beat_at = Instant::now() + run.settings.lease / 3;
            }
            Reassert::Sealed => self.sealed = true,
            Reassert::Gone => self.renew().await?,
        }
        Ok(())
    }
}
