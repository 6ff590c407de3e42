//! The only repair: committing what a worker stored but did not get to commit.

use arena_queue::{Commit, Reclaim, Register, Settled, WorkerId};
use arena_results::StoredBatch;

use super::FleetRun;
use super::batch::name;
use super::patience::ask;
use crate::WorkerError;

impl FleetRun {
    /// Commits batches of `worker` from the first that the queue does not know, while they exist. One that is missing
    /// or broken while a later one is there is committed as lost, without cases, so that they run again. Gives the
    /// number of the newest, none if the job takes nothing more.
    pub(crate) async fn adopt(&self, worker: WorkerId) -> Result<Option<u64>, WorkerError> {
        let mut last = ask(self, || self.queue.last(&self.job, worker)).await?;
        let mut newest = None;
        loop {
            let seq = last + 1;
            let cases = match self.batch(worker, seq).await? {
                Some(cases) => cases,
                None => {
                    let newest = match newest {
                        Some(newest) => newest,
                        None => *newest.insert(self.newest(worker).await?),
                    };
                    // Nothing behind it: a live worker may have stored it after the look, and commits it itself.
                    if newest <= seq {
                        return Ok(Some(last));
                    }
                    tracing::warn!(%worker, seq, "a stored batch is missing or broken; its cases run again");
                    Vec::new()
                }
            };
            match ask(self, || self.queue.commit(&self.job, worker, seq, &cases)).await? {
                Commit::Committed { .. } => last = seq,
                Commit::Behind { last: known } => last = known,
                Commit::Sealed => return Ok(None),
            }
        }
    }

    /// Adopts a worker whose heartbeat has run out and hands its leases back.
    pub(crate) async fn bury(&self, worker: WorkerId) -> Result<(), WorkerError> {
        loop {
            let last = match self.adopt(worker).await? {
                Some(last) => last,
                // Nothing more is taken, but a lease on the job's last step must not stay with the lost.
                None => ask(self, || self.queue.last(&self.job, worker)).await?,
            };
            match ask(self, || self.queue.reclaim(&self.job, worker, last)).await? {
                Reclaim::Reclaimed { leases } => {
                    tracing::info!(%worker, leases, "a lost worker's cases run again");
                    return Ok(());
                }
                Reclaim::Alive => return Ok(()),
                Reclaim::Moved { .. } => {}
            }
        }
    }

    /// Buries every worker that is silent but `living`, who asks.
    pub(crate) async fn bury_all(&self, living: WorkerId) -> Result<(), WorkerError> {
        for view in ask(self, || self.queue.workers(&self.job)).await? {
            if view.expired && !view.gone && view.id != living {
                self.bury(view.id).await?;
            }
        }
        Ok(())
    }

    /// Registers and adopts every worker that has a batch in the store, for a queue that forgot them.
    pub(crate) async fn adopt_stored(&self) -> Result<(), WorkerError> {
        let stored = ask(self, || self.store.workers()).await?;
        for worker in stored.iter().filter_map(|name| name.parse::<WorkerId>().ok()) {
            if ask(self, || self.queue.register(&self.job, worker)).await? == Register::Sealed {
                return Ok(());
            }
            self.adopt(worker).await?;
        }
        Ok(())
    }

    /// The cases of a stored batch; none if it is not there or not whole.
    async fn batch(&self, worker: WorkerId, seq: u64) -> Result<Option<Vec<Settled>>, WorkerError> {
        let (name, limit) = (name(worker, seq), self.settings.object_limit());
        let Some(bytes) = ask(self, || self.store.read(&name, limit)).await? else { return Ok(None) };
        match StoredBatch::open(&bytes) {
            Ok(batch) => batch
                .entries
                .iter()
                .map(|(index, strip)| {
                    let (lane, j) = self.matrix.plan.lane(*index).ok_or(WorkerError::Foreign { index: *index })?;
                    Ok(Settled { lane, j, outcome: strip.outcome, cost_usd_micro: strip.cost_usd_micro })
                })
                .collect::<Result<_, _>>()
                .map(Some),
            Err(error) => {
                tracing::warn!(name, "{error}");
                Ok(None)
            }
        }
    }

    /// Number of the worker's newest stored batch, 0 if there is none.
    async fn newest(&self, worker: WorkerId) -> Result<u64, WorkerError> {
        let worker = worker.to_string();
        let batches = ask(self, || self.store.batches(&worker)).await?;
        Ok(batches.last().copied().unwrap_or(0))
    }
}
