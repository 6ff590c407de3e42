//! Why the operator cannot go on with an object, or at all.

use std::net::SocketAddr;

use arena_artifact::{ClientError, TokenError};
use arena_model::{Class, Fault};
use arena_queue::QueueError;

use crate::Reported;

/// What went wrong. But for a lost lease and an address that cannot be listened on it concerns one object, which is
/// looked at again after a while.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// The API server refuses or does not answer.
    #[error("the API server did not do it: {0}; look at the operator's rights and the server")]
    Kubernetes(#[source] Box<kube::Error>),
    /// See [`ClientError`].
    #[error(transparent)]
    Store(#[from] ClientError),
    /// See [`QueueError`].
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// See [`TokenError`].
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The run cannot be frozen.
    #[error("{}: {}", .0.reason, .0.message)]
    NotFrozen(Reported),
    /// What was frozen cannot be read back.
    #[error("manifest {digest} of the run cannot be used: {why}; delete the job and create it again")]
    ManifestInvalid {
        /// Of the manifest.
        digest: String,
        /// What is wrong.
        why: String,
    },
    /// The summary in the store is not what the workers reported.
    #[error("summary.json of the run is not what the queue has the digest of ({digest}): {why}")]
    SummaryInvalid {
        /// As the queue has it.
        digest: String,
        /// What is wrong.
        why: String,
    },
    /// Another object has the name that one of ours needs.
    #[error("{kind} {name:?} exists and is not of this job; remove it, or create the job under another name")]
    NameTaken {
        /// Job or Secret.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// The scratch folder.
    #[error("the operator cannot {doing}: {why}; look at its scratch folder")]
    Scratch {
        /// What it was about to do.
        doing: String,
        /// Text of the system.
        why: String,
    },
    /// A look at an object took too long.
    #[error("the look at this object took more than {seconds} s")]
    TooLong {
        /// The limit.
        seconds: u64,
    },
    /// Another operator acts, or the API server cannot be asked whether.
    #[error("the lease {lease} is lost: {why}; this process stops acting")]
    LeaseLost {
        /// NAMESPACE/NAME.
        lease: String,
        /// What happened.
        why: String,
    },
    /// The address of the health endpoints.
    #[error("cannot listen on {address}: {why}; choose another address")]
    Listen {
        /// As it was set.
        address: SocketAddr,
        /// Text of the system.
        why: String,
    },
}

impl OperatorError {
    pub(crate) fn scratch(doing: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        |error| Self::Scratch { doing: doing.into(), why: error.to_string() }
    }
}

impl From<kube::Error> for OperatorError {
    fn from(error: kube::Error) -> Self {
        Self::Kubernetes(Box::new(error))
    }
}

impl Fault for OperatorError {
    fn reason(&self) -> &'static str {
        match self {
            Self::Kubernetes(_) => "KubernetesRefused",
            Self::Store(error) => error.reason(),
            Self::Queue(error) => error.reason(),
            Self::Token(error) => error.reason(),
            Self::NotFrozen(_) => "RunNotFrozen",
            Self::ManifestInvalid { .. } => "ManifestInvalid",
            Self::SummaryInvalid { .. } => "SummaryInvalid",
            Self::NameTaken { .. } => "NameTaken",
            Self::Scratch { .. } => "OperatorScratch",
            Self::TooLong { .. } => "ReconcileTooLong",
            Self::LeaseLost { .. } => "LeaseLost",
            Self::Listen { .. } => "ListenFailed",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Kubernetes(_) | Self::TooLong { .. } => Class::Retryable,
            Self::Store(error) => error.class(),
            Self::Queue(error) => error.class(),
            Self::Token(error) => error.class(),
            Self::NotFrozen(_) | Self::NameTaken { .. } => Class::Input,
            _ => Class::Infra,
        }
    }
}
