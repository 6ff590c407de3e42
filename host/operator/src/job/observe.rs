//! What was seen of a job and around it.

use std::collections::BTreeMap;
use std::time::Duration;

use arena_crd::{ArenaConfig, ArenaJob, ArenaSource, GateSpec, Provider, SourceStatus};
use arena_model::{Digest, Summary};
use arena_queue::Snapshot;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::jiff::Timestamp;

/// All that a plan for a job depends on.
#[derive(Clone, Copy, Debug)]
pub struct JobObservation<'a> {
    /// The job.
    pub job: &'a ArenaJob,
    /// The config it names, if it exists.
    pub config: Option<&'a ArenaConfig>,
    /// The source that the config names, if it exists.
    pub source: Option<&'a ArenaSource>,
    /// The source of the config's table, if it names one that exists.
    pub dataset: Option<&'a ArenaSource>,
    /// Providers of the namespace by name.
    pub providers: &'a BTreeMap<String, Provider>,
    /// Runs that this job started, if it has a trigger.
    pub children: &'a [ArenaJob],
    /// What stands outside of the API's objects.
    pub run: &'a Observed,
    /// Base of the store, such as `http://store:8080`.
    pub store_url: &'a str,
    /// How long credentials outlive the deadline.
    pub grace: Duration,
    /// Of this look.
    pub now: Timestamp,
}

/// A run as it stands in the store, the queue and the cluster.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// The frozen run; none before it is frozen.
    pub frozen: Option<Frozen>,
    /// Why it could not be frozen, when it was last tried.
    pub trouble: Option<Reported>,
    /// The queue's word; none if it does not know the job.
    pub queue: Option<Snapshot>,
    /// Summary and its digest, once the queue says finished.
    pub summary: Option<(Digest, Box<Summary>)>,
    /// The Kubernetes Job of the workers.
    pub workers: Option<Job>,
    /// Whether credentials are out: the job's Secret, or its Redis user.
    pub credentials: bool,
}

/// What was frozen, as far as the operator needs it again.
#[derive(Clone, Debug, PartialEq)]
pub struct Frozen {
    /// Digest of the manifest in the store.
    pub manifest: Digest,
    /// Digest of the work.
    pub work: Digest,
    /// The bundle.
    pub source: SourceStatus,
    /// Of the config, when it was frozen.
    pub gates: Vec<GateSpec>,
    /// Worker pods.
    pub workers: u32,
    /// When.
    pub at: Timestamp,
}

/// A lane of the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    /// Provider id.
    pub provider: String,
    /// Number of cases.
    pub cases: u64,
}

/// An error by name and text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reported {
    /// Stable name.
    pub reason: String,
    /// For people.
    pub message: String,
}
