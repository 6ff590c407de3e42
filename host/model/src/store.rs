//! Where a job's results go in a cluster: names with bytes, each written once.

use std::path::Path;

use async_trait::async_trait;

use crate::{Class, Digest, Fault};

/// What a create-only write found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stored {
    /// The name was free; the bytes are durable now.
    Created,
    /// The very same bytes were there.
    Same,
    /// Other bytes were there and stand; their digest.
    Other(Digest),
}

/// Why a store did not answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be reached, or is in trouble that may pass.
    #[error("the result store does not answer for {name}: {detail}")]
    Unavailable {
        /// What was asked for.
        name: String,
        /// What happened.
        detail: String,
    },
    /// It refuses, and will go on doing so.
    #[error("the result store refuses {name}: {detail}")]
    Refused {
        /// What was asked for.
        name: String,
        /// What it said.
        detail: String,
    },
}

impl Fault for StoreError {
    fn reason(&self) -> &'static str {
        match self {
            Self::Unavailable { .. } => "ResultStoreUnavailable",
            Self::Refused { .. } => "ResultStoreRefused",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Unavailable { .. } => Class::Retryable,
            Self::Refused { .. } => Class::Infra,
        }
    }
}

/// The results of one job. A name is `WORKER/SEQ` for a batch (32 hex digits and a number without leading zeros), or
/// that of a file: lower-case letters, digits, `-`, `_` and at least one `.`.
#[async_trait]
pub trait ResultStore: Send + Sync {
    /// Writes `bytes` under `name` unless there is something already; atomic, and durable before it answers.
    async fn create(&self, name: &str, bytes: &[u8]) -> Result<Stored, StoreError>;

    /// Like [`ResultStore::create`], from a file that does not change meanwhile and is not held in memory.
    async fn create_from(&self, name: &str, file: &Path) -> Result<Stored, StoreError>;

    /// The bytes under `name`, none if there is nothing; more than `limit` bytes are `Refused`.
    async fn read(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, StoreError>;

    /// Workers that stored a batch, as they stand in names, sorted.
    async fn workers(&self) -> Result<Vec<String>, StoreError>;

    /// Numbers of a worker's batches, sorted.
    async fn batches(&self, worker: &str) -> Result<Vec<u64>, StoreError>;
}
