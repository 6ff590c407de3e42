//! Limits of a worker process.

use std::path::PathBuf;
use std::time::Duration;

/// Limits of a worker process; none of them changes a verdict.
#[derive(Clone, Debug)]
pub struct FleetSettings {
    /// Cases at once, at least 1.
    pub concurrency: usize,
    /// The lease of the job's spec: a heartbeat goes out three times within it.
    pub lease: Duration,
    /// Cases at which a batch is closed, 1 to [`arena_queue::MAX_BATCH`].
    pub batch_cases: usize,
    /// Bytes of records at which a batch is closed.
    pub batch_bytes: usize,
    /// Age at which a batch is closed.
    pub batch_age: Duration,
    /// First and longest wait between two questions to a queue or store that has nothing, or does not answer.
    pub pause: (Duration, Duration),
    /// How long queue and store may be away before the process gives up; another takes its place.
    pub patience: Duration,
    /// The same for a process that is told to stop, whose pod is killed soon.
    pub patience_stopping: Duration,
    /// Folder in which finalizing builds the run's folder; must exist.
    pub scratch: PathBuf,
}

impl FleetSettings {
    /// Settings that fit a pod.
    pub fn new(concurrency: usize, lease: Duration, scratch: PathBuf) -> Self {
        Self {
            concurrency: concurrency.max(1),
            lease,
            batch_cases: arena_queue::MAX_BATCH,
            batch_bytes: 16 << 20,
            batch_age: Duration::from_secs(2),
            pause: (Duration::from_millis(50), Duration::from_secs(1)),
            patience: Duration::from_secs(120),
            patience_stopping: Duration::from_secs(5),
            scratch,
        }
    }
}
