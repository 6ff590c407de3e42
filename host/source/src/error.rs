//! Why a source cannot be asked or fetched. The same in the child and outside of it, so it travels as JSON.

use arena_bundle::ArchiveError;
use arena_model::{Class, Fault};
use serde::{Deserialize, Serialize};

/// What is wrong, by its stable name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reason {
    /// The URL is none of ours.
    UrlInvalid,
    /// Branch, tag, commit or digest are malformed.
    RefInvalid,
    /// The path within the repository is malformed.
    PathInvalid,
    /// The Secret has no credentials we know.
    SecretInvalid,
    /// The remote refuses the credentials, or wants some.
    AuthenticationFailed,
    /// Credentials would go over the wire in clear.
    AuthenticationInsecure,
    /// No answer, or one that says try later.
    RemoteUnreachable,
    /// The answer is not what such a server says.
    RemoteInvalid,
    /// It redirects to another host.
    RedirectRefused,
    /// There is no such repository.
    RepositoryNotFound,
    /// There is no such branch, tag, commit or digest.
    RefNotFound,
    /// The repository has no such folder.
    PathMissing,
    /// A link in the repository leads to no file within.
    LinkInvalid,
    /// A file is kept elsewhere.
    LfsUnsupported,
    /// The artifact is none of ours.
    ArtifactTypeUnknown,
    /// The artifact contradicts itself.
    ArtifactInvalid,
    /// More bytes than are taken.
    ArtifactTooLarge,
    /// A key of a ConfigMap is no path.
    KeyInvalid,
    /// It took too long.
    Timeout,
    /// It used more memory or CPU than it may.
    Limit,
    /// Our own trouble.
    Failed,
    /// See [`ArchiveError`].
    TreePath,
    /// See [`ArchiveError`].
    TreeEntry,
    /// See [`ArchiveError`].
    TreeCollision,
    /// See [`ArchiveError`].
    TreeFiles,
    /// See [`ArchiveError`].
    TreeFile,
    /// See [`ArchiveError`].
    TreeArchive,
    /// See [`ArchiveError`].
    TreeIo,
}

impl Reason {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UrlInvalid => "SourceUrlInvalid",
            Self::RefInvalid => "SourceRefInvalid",
            Self::PathInvalid => "SourcePathInvalid",
            Self::SecretInvalid => "SecretInvalid",
            Self::AuthenticationFailed => "AuthenticationFailed",
            Self::AuthenticationInsecure => "AuthenticationInsecure",
            Self::RemoteUnreachable => "RemoteUnreachable",
            Self::RemoteInvalid => "RemoteInvalid",
            Self::RedirectRefused => "RedirectRefused",
            Self::RepositoryNotFound => "RepositoryNotFound",
            Self::RefNotFound => "RefNotFound",
            Self::PathMissing => "SourcePathMissing",
            Self::LinkInvalid => "SourceLinkInvalid",
            Self::LfsUnsupported => "GitLfsUnsupported",
            Self::ArtifactTypeUnknown => "ArtifactTypeUnknown",
            Self::ArtifactInvalid => "ArtifactInvalid",
            Self::ArtifactTooLarge => "ArtifactTooLarge",
            Self::KeyInvalid => "ConfigMapKeyInvalid",
            Self::Timeout => "FetchTimeout",
            Self::Limit => "FetchLimit",
            Self::Failed => "FetchFailed",
            Self::TreePath => "ArchivePathInvalid",
            Self::TreeEntry => "ArchiveEntryRefused",
            Self::TreeCollision => "PathCollision",
            Self::TreeFiles => "TooManyFiles",
            Self::TreeFile => "FileTooLarge",
            Self::TreeArchive => "ArchiveInvalid",
            Self::TreeIo => "ArchiveIo",
        }
    }

    /// Whether trying again may help.
    pub fn class(self) -> Class {
        match self {
            Self::RemoteUnreachable | Self::RemoteInvalid | Self::Timeout => Class::Retryable,
            Self::Failed | Self::TreeIo => Class::Infra,
            _ => Class::Input,
        }
    }
}

/// A reason and a text for people, without credentials.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct SourceError {
    /// See [`Reason`].
    pub reason: Reason,
    /// What happened, where, and what to do.
    pub message: String,
}

impl Reason {
    /// An error with this reason.
    pub(crate) fn because(self, message: impl Into<String>) -> SourceError {
        SourceError { reason: self, message: message.into() }
    }
}

impl Fault for SourceError {
    fn reason(&self) -> &'static str {
        self.reason.as_str()
    }

    fn class(&self) -> Class {
        self.reason.class()
    }
}

impl From<ArchiveError> for SourceError {
    fn from(error: ArchiveError) -> Self {
        let reason = match &error {
            ArchiveError::Path { .. } => Reason::TreePath,
            ArchiveError::Kind { .. } => Reason::TreeEntry,
            ArchiveError::Collision { .. } => Reason::TreeCollision,
            ArchiveError::TooManyFiles { .. } => Reason::TreeFiles,
            ArchiveError::FileTooLarge { .. } => Reason::TreeFile,
            ArchiveError::TooLarge { .. } => Reason::ArtifactTooLarge,
            ArchiveError::Malformed { .. } => Reason::TreeArchive,
            ArchiveError::Io { .. } | ArchiveError::Bundle(_) => Reason::TreeIo,
        };
        reason.because(error.to_string())
    }
}
