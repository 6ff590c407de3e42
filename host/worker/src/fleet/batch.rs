//! Finished cases on their way to the store: gathered, closed, uploaded, committed.

use std::sync::Arc;
use std::time::Instant;

use arena_model::Stored;
use arena_queue::{Commit, Settled, WorkerId};
use arena_results::{Batch, ResultsError, encoded_limit};

use super::patience::ask;
use super::{FleetRun, FleetSettings};
use crate::WorkerError;

/// Name of a batch within the job's results.
pub(crate) fn name(worker: WorkerId, seq: u64) -> String {
    format!("{worker}/{seq}")
}

impl FleetSettings {
    /// Most bytes of lines in a batch: the last record may be as large as a record can be.
    pub(crate) fn lines_limit(&self) -> usize {
        self.batch_bytes + arena_results::MAX_RECORD_BYTES as usize + 1
    }

    /// Most bytes of a batch as an object.
    pub(crate) fn object_limit(&self) -> u64 {
        encoded_limit(self.lines_limit(), self.batch_cases) as u64
    }
}

/// Cases that are finished and not in a closed batch yet.
#[derive(Default)]
pub(crate) struct OpenBatch {
    batch: Batch,
    settled: Vec<Settled>,
    opened: Option<Instant>,
}

impl OpenBatch {
    /// Adds a finished case. After a lost lease this process may have done a case twice: the first counts.
    pub fn push(&mut self, settled: Settled, line: &[u8]) -> Result<(), WorkerError> {
        if self.settled.iter().any(|other| other.at() == settled.at()) {
            return Ok(());
        }
        self.batch.push(line).map_err(|error| WorkerError::Encode { detail: error.to_string() })?;
        self.opened.get_or_insert_with(Instant::now);
        self.settled.push(settled);
        Ok(())
    }

    /// Number of cases.
    pub fn len(&self) -> usize {
        self.settled.len()
    }

    /// When it has to be closed; none while it is empty.
    pub fn due(&self, settings: &FleetSettings) -> Option<Instant> {
        let opened = self.opened?;
        let full = self.len() >= settings.batch_cases || self.batch.bytes() >= settings.batch_bytes;
        Some(if full { opened } else { opened + settings.batch_age })
    }

    /// Fixes its bytes and starts anew.
    pub fn close(&mut self, worker: WorkerId, seq: u64) -> Result<Arc<ClosedBatch>, WorkerError> {
        let bytes = self.batch.encode().map_err(|error| ResultsError::RecordInvalid { detail: error.to_string() })?;
        let Self { settled, .. } = std::mem::take(self);
        Ok(Arc::new(ClosedBatch { worker, seq, bytes, settled }))
    }
}

/// A batch whose bytes are fixed until its commit is answered.
pub(crate) struct ClosedBatch {
    pub worker: WorkerId,
    pub seq: u64,
    bytes: Vec<u8>,
    pub settled: Vec<Settled>,
}

/// What became of a batch.
pub(crate) enum Sent {
    /// It counts.
    Committed,
    /// The job took no more results.
    Sealed,
    /// The name was taken by other bytes: it must be sent again under another worker's name.
    Taken,
}

impl ClosedBatch {
    /// The same cases under another name.
    pub fn renamed(&self, worker: WorkerId, seq: u64) -> Arc<Self> {
        Arc::new(Self { worker, seq, bytes: self.bytes.clone(), settled: self.settled.clone() })
    }

    /// Uploads and commits. Asks again while queue or store are away.
    pub async fn send(&self, run: &FleetRun) -> Result<Sent, WorkerError> {
        let name = name(self.worker, self.seq);
        if let Stored::Other(_) = ask(run, || run.store.create(&name, &self.bytes)).await? {
            return Ok(Sent::Taken);
        }
        loop {
            match ask(run, || run.queue.commit(&run.job, self.worker, self.seq, &self.settled)).await? {
                Commit::Committed { .. } => return Ok(Sent::Committed),
                Commit::Sealed => return Ok(Sent::Sealed),
                Commit::Behind { .. } => {
                    // The queue went back in time; what it forgot is in the store.
                    if run.adopt(self.worker).await?.is_none() {
                        return Ok(Sent::Sealed);
                    }
                }
            }
        }
    }
}
