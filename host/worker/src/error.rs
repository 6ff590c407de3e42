//! What stops a run or a worker process; never a case.

use std::path::PathBuf;

use arena_model::{Class, Digest, Fault, StoreError};
use arena_queue::{Commit, QueueError};
use arena_results::ResultsError;
use tokio::task::JoinError;

/// What stops a run: the journal or the queue, never a case.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// A record could not be stored.
    #[error(transparent)]
    Results(#[from] ResultsError),
    /// The queue refused.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// A case's task died, which is a bug of ours.
    #[error("a case's task died: {0}")]
    Task(#[from] JoinError),
    /// A row of a table could not be read.
    #[error(transparent)]
    Dataset(#[from] arena_dataset::DatasetError),
    /// A record cannot be judged again.
    #[error(transparent)]
    Replay(#[from] arena_evaluate::ReplayError),
    /// An output that was made elsewhere cannot be judged.
    #[error("{text}")]
    Output {
        /// Stable name.
        reason: &'static str,
        /// File, line and what is wrong.
        text: String,
    },
    /// The queue and the plan disagree.
    #[error("the queue gave case {j} of lane {lane}, which the plan does not have")]
    Unplanned {
        /// Lane.
        lane: u32,
        /// Place in it.
        j: u64,
    },
    /// The queue did not take a commit.
    #[error("the queue answered {0:?} to a commit; the record is in the journal, resume the run")]
    Commit(Commit),
    /// The result store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A stored batch holds a case that the plan does not have.
    #[error("a stored batch holds case {index}, which the plan does not have")]
    Foreign {
        /// Place in the plan.
        index: u64,
    },
    /// The queue's sealed state counts a case twice, which is a bug of ours.
    #[error("case {index} stands in two batches that both count")]
    Twice {
        /// Place in the plan.
        index: u64,
    },
    /// An index of another sealed state is stored.
    #[error("another index.json is stored for this job: {found}")]
    IndexDiffers {
        /// Its digest.
        found: Digest,
    },
    /// The job was finished with another summary.
    #[error("the job was finished with another summary: {found}")]
    SummaryDiffers {
        /// Its digest.
        found: Digest,
    },
    /// The summary was stored and cannot be read.
    #[error("the summary was stored but is not there")]
    SummaryMissing,
    /// Too many workers were lost while they ended the job.
    #[error("too many workers were lost while they ended the job")]
    FinalizeFailed,
    /// The folder for the run's files cannot be used.
    #[error("scratch folder {path}: {source}")]
    Scratch {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Our own JSON cannot be written.
    #[error("the index cannot be written: {detail}")]
    Encode {
        /// Why.
        detail: String,
    },
}

impl WorkerError {
    /// Queue or store did not answer, which may be different later.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Queue(error) => error.class() == Class::Retryable,
            Self::Store(error) => error.class() == Class::Retryable,
            _ => false,
        }
    }
}

impl Fault for WorkerError {
    fn reason(&self) -> &'static str {
        match self {
            Self::Results(error) => error.reason(),
            Self::Queue(error) => error.reason(),
            Self::Dataset(error) => error.reason(),
            Self::Replay(error) => error.reason(),
            Self::Output { reason, .. } => reason,
            Self::Task(_) => "TaskDied",
            Self::Unplanned { .. } => "CaseUnplanned",
            Self::Commit(_) => "CommitRefused",
            Self::Store(error) => error.reason(),
            Self::Foreign { .. } => "BatchForeign",
            Self::Twice { .. } => "CaseTwice",
            Self::IndexDiffers { .. } => "IndexDiffers",
            Self::SummaryDiffers { .. } => "SummaryDiffers",
            Self::SummaryMissing => "SummaryMissing",
            Self::FinalizeFailed => "FinalizeFailed",
            Self::Scratch { .. } => "ScratchFolder",
            Self::Encode { .. } => "EncodeFailed",
        }
    }

    fn class(&self) -> Class {
        if matches!(self, Self::Replay(_) | Self::Output { .. }) { Class::Input } else { Class::Infra }
    }
}
