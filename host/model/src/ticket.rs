//! What a worker process is given of its job: `ticket.json` in the job's folder, beside the providers' keys.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Digest, Endpoint};

/// Everything a worker needs to know. Holds credentials: never logged, never in a manifest.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Ticket {
    /// Always 1.
    pub v: u32,
    /// Of the job.
    pub namespace: String,
    /// Uid of the job.
    pub job: String,
    /// Name of the job, for people.
    pub job_name: String,
    /// The run manifest, an artifact.
    pub manifest: Digest,
    /// The bundle's archive, an artifact.
    pub archive: Digest,
    /// Where artifacts and results are.
    pub store: StoreAccess,
    /// Where the queue is.
    pub redis: RedisAccess,
    /// The job as the queue has it.
    pub queue: QueueShape,
    /// Cases at once in one process.
    pub concurrency: u32,
    /// The table of the run; none if the config names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<DatasetPin>,
    /// Address and key of each provider that the config binds. A relative `credential_file` lies beside this file.
    pub endpoints: BTreeMap<String, Endpoint>,
}

/// A table that was indexed: artifacts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DatasetPin {
    /// Its index.
    pub index: Digest,
    /// Its rows in blocks, which the index has digests of.
    pub rows: Digest,
    /// Which of its rows are cases, where finding out takes a look at all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selections: Option<Digest>,
}

/// How the store is reached.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StoreAccess {
    /// `http://host:port`.
    pub url: String,
    /// Bearer token of this job.
    pub token: String,
}

/// How Redis is reached.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RedisAccess {
    /// `redis://host:port`, without user and password.
    pub url: String,
    /// User of this job.
    pub username: String,
    /// Its password.
    pub password: String,
}

/// What the queue's job is made from, besides the lanes of the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct QueueShape {
    /// Most leases of a lane at one time.
    pub in_flight: u32,
    /// Failures of a case that are forgiven.
    pub attempts: u32,
    /// How long a worker may be silent, milliseconds.
    pub lease_ms: u64,
}
