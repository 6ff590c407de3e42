//! `index.json` of a job: which batches count, as the queue sealed them.

use std::collections::BTreeMap;

use arena_model::Digest;
use arena_queue::{CaseAt, SealedJob, SealedWorker};
use serde::{Deserialize, Serialize};

use super::FleetRun;
use crate::WorkerError;

/// Its name: a function of the sealed state alone.
pub(crate) const INDEX: &str = "index.json";
/// Limit of an index, bytes.
pub(crate) const LIMIT: u64 = 256 << 20;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Index {
    v: u32,
    job: String,
    work_digest: Digest,
    cases: u64,
    workers: Vec<Worker>,
    not_run: Vec<u64>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Worker {
    id: String,
    last: u64,
    /// Per batch, places in the plan of its cases that do not count.
    losers: BTreeMap<u64, Vec<u64>>,
}

/// The index of a sealed job.
pub(crate) fn encode(run: &FleetRun, sealed: &SealedJob) -> Result<Vec<u8>, WorkerError> {
    let place = |at: &CaseAt| run.matrix.plan.index(at.lane, at.j);
    let worker = |worker: &SealedWorker| Worker {
        id: worker.id.to_string(),
        last: worker.last,
        losers: worker.losers.iter().map(|(seq, at)| (*seq, at.iter().filter_map(place).collect())).collect(),
    };
    let index = Index {
        v: 1,
        job: run.job.as_str().to_owned(),
        work_digest: run.manifest.work_digest.clone(),
        cases: run.manifest.work.plan.cases,
        workers: sealed.workers.iter().map(worker).collect(),
        not_run: sealed.not_run.clone(),
    };
    serde_json::to_vec(&index).map_err(|error| WorkerError::Encode { detail: error.to_string() })
}

/// The sealed job of an index; none if it is not this job's.
pub(crate) fn decode(run: &FleetRun, bytes: &[u8]) -> Option<SealedJob> {
    let index: Index = serde_json::from_slice(bytes).ok()?;
    let plan = &run.matrix.plan;
    if index.v != 1 || index.job != run.job.as_str() || index.work_digest != run.manifest.work_digest {
        return None;
    }
    let place = |index: &u64| plan.lane(*index).map(|(lane, j)| CaseAt { lane, j });
    let worker = |worker: &Worker| {
        let mut losers = BTreeMap::new();
        for (seq, cases) in &worker.losers {
            let mut cases: Vec<CaseAt> = cases.iter().map(place).collect::<Option<_>>()?;
            cases.sort_unstable();
            losers.insert(*seq, cases);
        }
        Some(SealedWorker { id: worker.id.parse().ok()?, last: worker.last, losers })
    };
    let workers = index.workers.iter().map(worker).collect::<Option<_>>()?;
    Some(SealedJob { workers, not_run: index.not_run })
}
