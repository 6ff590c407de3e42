//! What the operator is told, and what is given to it to freeze runs.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use arena_artifact::Key;
use arena_model::{RunSpec, Work};
use arena_queue::RedisOptions;
use async_trait::async_trait;

use crate::{Lane, PodSettings, Reported};

/// Of a running operator.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Namespaces whose objects it acts on.
    pub namespaces: Vec<String>,
    /// Base of the store, such as `http://store:8080`; workers are told the same.
    pub store_url: String,
    /// The key that the store checks tokens with.
    pub store_key: Key,
    /// Redis, as a user who may make others.
    pub redis: RedisOptions,
    /// Redis as workers are told of it: `redis://host:port`, without user and password.
    pub redis_worker_url: String,
    /// Namespace and name of the Lease that says which of several operators acts; none if there is but one.
    pub lease: Option<(String, String)>,
    /// Where `/livez` and `/readyz` are served; none is nowhere.
    pub listen: Option<SocketAddr>,
    /// How long a job's credentials outlive its deadline, and its end while pods are left.
    pub token_grace: Duration,
    /// Of worker pods.
    pub pod: PodSettings,
    /// Folder for bundles while they are looked at.
    pub scratch: PathBuf,
    /// How long a worker may be silent.
    pub queue_lease: Duration,
}

/// What only an engine can say of a bundle. The operator itself knows no sandbox.
#[async_trait]
pub trait Freezer: Send + Sync {
    /// All that can change a verdict of the bundle in `folder` when it is run as `spec` says, with the table `dataset`.
    async fn freeze(&self, folder: &Path, spec: &RunSpec, dataset: Option<&Path>) -> Result<FrozenWork, Reported>;

    /// Whether the folder is a bundle at all.
    async fn check(&self, folder: &Path) -> Result<(), Reported>;
}

/// Files of an indexed table, which nobody changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrozenTable {
    /// Its index.
    pub index: PathBuf,
    /// Its rows.
    pub rows: PathBuf,
    /// What a worker need not find out by a look at all rows, as the engine writes it.
    pub selections: Option<Vec<u8>>,
}

/// The work of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct FrozenWork {
    /// For the manifest.
    pub work: Work,
    /// Lanes of its plan, in the plan's order.
    pub lanes: Vec<Lane>,
    /// Version of the engine.
    pub engine: String,
    /// The table's index and rows, if there is a table.
    pub dataset: Option<FrozenTable>,
}
