//! Why an archive cannot be written or a tree cannot be built.

use arena_model::{Class, Fault};

use crate::Problem;

/// What is wrong with an archive or with one entry of it.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// A path that no bundle may hold: absolute, with `..`, too long, with characters that systems read differently.
    #[error("{path:?} is no path for a bundle: {why}; rename it")]
    Path {
        /// As it stands in the archive.
        path: String,
        /// Which rule it breaks.
        why: &'static str,
    },
    /// Neither a regular file nor a folder.
    #[error("{path:?} is {kind}; a bundle's archive holds regular files and folders only: leave it out")]
    Kind {
        /// Path of the entry.
        path: String,
        /// What it is.
        kind: &'static str,
    },
    /// Two entries of one path, or of paths that differ in case alone, or a file where a folder is.
    #[error("{path:?} and {other:?} are one path on some systems; rename one")]
    Collision {
        /// The later one.
        path: String,
        /// The earlier one.
        other: String,
    },
    /// Too many files and folders.
    #[error("more than {limit} files and folders; check that the right tree was given")]
    TooManyFiles {
        /// The limit.
        limit: usize,
    },
    /// One file is too large.
    #[error("{path:?} has more than {limit} bytes; leave it out")]
    FileTooLarge {
        /// Path of the file.
        path: String,
        /// The limit, bytes.
        limit: u64,
    },
    /// All files together are too large.
    #[error("the files have more than {limit} bytes together, reached at {path:?}; leave large ones out")]
    TooLarge {
        /// The file that went over it.
        path: String,
        /// The limit, bytes.
        limit: u64,
    },
    /// The bytes are no tar as we read it.
    #[error("this is no plain tar archive: {why}; pack it again with `arena bundle pack`")]
    Malformed {
        /// What is wrong.
        why: String,
    },
    /// The disk or the system refuses.
    #[error("{path:?} cannot be written: {why}; look at the disk and its permissions")]
    Io {
        /// What was being written.
        path: String,
        /// Text of the system.
        why: String,
    },
    /// A file of the bundle cannot be read any more.
    #[error(transparent)]
    Bundle(#[from] Problem),
}

impl Fault for ArchiveError {
    fn reason(&self) -> &'static str {
        match self {
            Self::Path { .. } => "ArchivePathInvalid",
            Self::Kind { .. } => "ArchiveEntryRefused",
            Self::Collision { .. } => "PathCollision",
            Self::TooManyFiles { .. } => "TooManyFiles",
            Self::FileTooLarge { .. } => "FileTooLarge",
            Self::TooLarge { .. } => "BundleTooLarge",
            Self::Malformed { .. } => "ArchiveInvalid",
            Self::Io { .. } => "ArchiveIo",
            Self::Bundle(problem) => problem.reason(),
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Io { .. } => Class::Infra,
            Self::Bundle(problem) => problem.class(),
            _ => Class::Input,
        }
    }
}
