//! One of many processes with the queue elsewhere and the records in a store. Claims, runs, stores, commits; looks
//! after workers that fell silent; the last one ends the job.

mod adopt;
mod batch;
mod ending;
mod index;
mod patience;
mod process;
mod settings;
mod stored_name;
mod task;

use std::sync::Arc;

use arena_evaluate::{CaseInput, Evaluator};
use arena_model::{Fault as _, Manifest, Record, ResultStore};
use arena_queue::{JobId, JobSpec, Queue, WorkerId};
use async_trait::async_trait;
use tokio::sync::watch;

use crate::{Ended, Matrix, Observer, Stop, WorkerError};

pub use settings::FleetSettings;
pub use stored_name::folder_path;

/// Turns a case into its record; never fails.
#[async_trait]
pub trait CaseRunner: Send + Sync {
    /// Holds the conversation and judges it.
    async fn run(&self, case: &CaseInput) -> Record;
}

#[async_trait]
impl CaseRunner for Evaluator {
    async fn run(&self, case: &CaseInput) -> Record {
        Evaluator::run(self, case).await
    }
}

/// What the last worker needs of the bundle.
pub trait Frozen: Send + Sync {
    /// A scenario's labels.
    fn labels(&self, scenario: &str) -> std::collections::BTreeMap<String, String>;

    /// What must hold for the run to pass.
    fn gates(&self) -> Vec<arena_gate::Gate>;
}

/// A worker process of a job.
pub struct FleetRun {
    /// Where the cases come from.
    pub queue: Arc<dyn Queue>,
    /// Where the records go: the results of this job.
    pub store: Arc<dyn ResultStore>,
    /// The job.
    pub job: JobId,
    /// Plan and scenarios.
    pub matrix: Arc<Matrix>,
    /// Runs cases.
    pub runner: Arc<dyn CaseRunner>,
    /// The job as the queue knows it, to make it again should the queue lose it.
    pub spec: JobSpec,
    /// What the run is.
    pub manifest: Manifest,
    /// The bundle.
    pub bundle: Arc<dyn Frozen>,
    /// Limits.
    pub settings: FleetSettings,
    /// Changes to stop this process; the job goes on.
    pub stop: watch::Receiver<Stop>,
}

impl FleetRun {
    /// Works until the job is finished or the process is stopped. `observer` is told of records once they are
    /// finished here, which is before they are durable.
    ///
    /// # Errors
    /// Queue or store refuse or stay away too long, or the job cannot be ended.
    pub async fn run(self, observer: &mut dyn Observer) -> Result<Ended, WorkerError> {
        let stop = self.stop.clone();
        let process = process::Process::new(Arc::new(self))?;
        let ended = tokio::select! {
            ended = process.run(observer) => ended,
            // Whatever it waits for: other processes go on from what is stored.
            () = Stop::reached(stop.clone(), Stop::Now) => return Ok(Ended::Stopped),
        };
        match ended {
            Err(error) if error.may_pass() && *stop.borrow() != Stop::No => {
                tracing::warn!(reason = error.reason(), "{error}; stopped as told, and others do the rest");
                Ok(Ended::Stopped)
            }
            ended => ended,
        }
    }

    /// Tells a queue that was made again of every batch in the store.
    ///
    /// # Errors
    /// Queue or store refuse or stay away too long.
    pub async fn adopt_all(&self) -> Result<(), WorkerError> {
        self.adopt_stored().await
    }

    /// Does the last step of a sealed job once more, under no lease: stores what of the run's folder is missing.
    ///
    /// # Errors
    /// Queue or store refuse or stay away too long, or what is stored is another job's.
    pub async fn end_again(&self) -> Result<(), WorkerError> {
        ending::end(self, WorkerId::random()?).await
    }
}
