//! What goes wrong in the store and with it.

use arena_model::{Class, Digest, Fault};

use crate::TokenError;

/// Why the store refuses or fails.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Not a name of the store.
    #[error("{path:?} is no name in the store")]
    Name {
        /// As it was asked for.
        path: String,
    },
    /// See [`TokenError`].
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The object does not exist.
    #[error("{name} does not exist")]
    Missing {
        /// The object.
        name: String,
    },
    /// The body is over the limit of its kind.
    #[error("{name} would have more than {limit} bytes")]
    TooLarge {
        /// The object.
        name: String,
        /// The limit, bytes.
        limit: u64,
    },
    /// The body is not what the name or the header says.
    #[error("the body of {name} has digest {actual}, not {expected}: it was changed on its way")]
    Digest {
        /// The object.
        name: String,
        /// What it had to be.
        expected: Digest,
        /// What it is.
        actual: Digest,
    },
    /// The request cannot be read or makes no sense.
    #[error("the request cannot be served: {why}")]
    Request {
        /// What is wrong.
        why: String,
    },
    /// Too many uploads at once.
    #[error("the store takes no more than {limit} uploads at once; try again")]
    Busy {
        /// The limit.
        limit: usize,
    },
    /// Another process has the folder.
    #[error("{path} is in use by another store process; stop it first")]
    Locked {
        /// The store's folder.
        path: String,
    },
    /// The disk or the system refuses.
    #[error("the store cannot {doing}: {why}; look at its disk")]
    Io {
        /// What it was about to do.
        doing: String,
        /// Text of the system.
        why: String,
    },
}

impl StoreError {
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        |error| Self::Io { doing: doing.into(), why: error.to_string() }
    }
}

impl Fault for StoreError {
    fn reason(&self) -> &'static str {
        match self {
            Self::Name { .. } => "StoreNameInvalid",
            Self::Token(error) => error.reason(),
            Self::Missing { .. } => "StoreObjectMissing",
            Self::TooLarge { .. } => "StoreObjectTooLarge",
            Self::Digest { .. } => "StoreDigestMismatch",
            Self::Request { .. } => "StoreRequestInvalid",
            Self::Busy { .. } => "StoreBusy",
            Self::Locked { .. } => "StoreLocked",
            Self::Io { .. } => "StoreIo",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Busy { .. } => Class::Retryable,
            Self::Locked { .. } | Self::Io { .. } => Class::Infra,
            Self::Token(error) => error.class(),
            _ => Class::Input,
        }
    }
}

/// Why a call of the store failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The client cannot be made.
    #[error("no client for the store at {url}: {why}")]
    Setup {
        /// The store.
        url: String,
        /// What is wrong.
        why: String,
    },
    /// No answer after all attempts.
    #[error("the store did not answer for {name} in {attempts} attempts: {why}")]
    Unavailable {
        /// The object or folder.
        name: String,
        /// How often it was tried.
        attempts: u32,
        /// The last error.
        why: String,
    },
    /// The store refused.
    #[error("the store refused {name} with {status} {reason}: {message}")]
    Refused {
        /// The object or folder.
        name: String,
        /// HTTP status.
        status: u16,
        /// Stable name in the answer.
        reason: String,
        /// Text in the answer.
        message: String,
    },
    /// The bytes are not what their name says, in every attempt.
    #[error("{name} came with digest {actual}: the store's copy is corrupt")]
    Corrupt {
        /// The object.
        name: String,
        /// Digest of what came.
        actual: Digest,
    },
    /// The answer is larger than the caller takes.
    #[error("{name} has more than the {limit} bytes that are taken")]
    TooLarge {
        /// The object.
        name: String,
        /// The limit, bytes.
        limit: u64,
    },
    /// The list is longer than the caller takes.
    #[error("{name} has more than the {limit} entries that are taken")]
    TooMany {
        /// The list.
        name: String,
        /// The limit.
        limit: usize,
    },
    /// The answer makes no sense.
    #[error("the store's answer for {name} cannot be read: {why}")]
    Reply {
        /// The object or folder.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// The local file cannot be read or written.
    #[error("{path} cannot be {doing}: {why}")]
    File {
        /// The file.
        path: String,
        /// `read` or `written`.
        doing: &'static str,
        /// Text of the system.
        why: String,
    },
}

impl Fault for ClientError {
    fn reason(&self) -> &'static str {
        match self {
            Self::Setup { .. } => "StoreClientFailed",
            Self::Unavailable { .. } => "StoreUnavailable",
            Self::Refused { .. } => "StoreRefused",
            Self::Corrupt { .. } => "StoreObjectCorrupt",
            Self::TooLarge { .. } => "StoreObjectTooLarge",
            Self::TooMany { .. } => "StoreListTooLong",
            Self::Reply { .. } => "StoreReplyInvalid",
            Self::File { .. } => "StoreIo",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Unavailable { .. } => Class::Retryable,
            Self::Setup { .. } | Self::Refused { .. } | Self::TooLarge { .. } | Self::TooMany { .. } => Class::Input,
            _ => Class::Infra,
        }
    }
}
