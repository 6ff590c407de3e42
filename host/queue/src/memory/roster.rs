//! The workers of a job: heartbeats, sequence numbers and losers.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::{CaseAt, SealedWorker, Timestamp, WorkerId, WorkerView};

#[derive(Debug)]
pub(super) struct Worker {
    pub last: u64,
    pub beat: Timestamp,
    pub gone: bool,
    pub losers: BTreeMap<u64, Vec<CaseAt>>,
}

impl Worker {
    pub fn expired(&self, now: Timestamp, lease: Duration) -> bool {
        now.since(self.beat) >= lease
    }
}

/// Every worker ever registered.
#[derive(Debug, Default)]
pub(super) struct Roster {
    workers: BTreeMap<WorkerId, Worker>,
    /// Sum over all workers.
    pub losers: u64,
}

impl Roster {
    pub fn len(&self) -> u64 {
        self.workers.len() as u64
    }

    pub fn get(&self, id: WorkerId) -> Option<&Worker> {
        self.workers.get(&id)
    }

    pub fn get_mut(&mut self, id: WorkerId) -> Option<&mut Worker> {
        self.workers.get_mut(&id)
    }

    pub fn add(&mut self, id: WorkerId, now: Timestamp) {
        self.workers.insert(id, Worker { last: 0, beat: now, gone: false, losers: BTreeMap::new() });
    }

    pub fn views(&self, now: Timestamp, lease: Duration) -> Vec<WorkerView> {
        let view = |(&id, worker): (&WorkerId, &Worker)| WorkerView {
            id,
            last: worker.last,
            expired: worker.expired(now, lease),
            gone: worker.gone,
        };
        self.workers.iter().map(view).collect()
    }

    pub fn sealed(&self) -> Vec<SealedWorker> {
        let sealed = |(&id, worker): (&WorkerId, &Worker)| {
            let losers = worker.losers.clone();
            SealedWorker { id, last: worker.last, losers }
        };
        self.workers.iter().filter(|(_, worker)| worker.last > 0).map(sealed).collect()
    }
}
