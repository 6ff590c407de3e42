//! All that can go wrong with a run's folder.

use std::path::{Path, PathBuf};

use arena_model::{Class, Fault};

/// An error of a run's folder. Each names the folder or file and what to do.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "each field is named and shown in the message")]
pub enum ResultsError {
    /// A new run was to be written where something is already.
    #[error("{} exists and is not empty: go on with that run by --resume, or name another folder by --out", .path.display())]
    RunDirExists { path: PathBuf },
    /// Something was to be written into the folder of a run.
    #[error(
        "{} would stand in the folder of a run, {}, and nothing is added to that: name another place", .path.display(), .run.display()
    )]
    OutputInsideRun { path: PathBuf, run: PathBuf },
    /// A link, a pipe or a device in the folder of a run.
    #[error("{}: neither a file nor a folder, and a run's folder holds no links: restore it from a copy", .path.display())]
    LinkInRun { path: PathBuf },
    /// A journal that another process writes to.
    #[error(
        "{} grew by what another process wrote, which the lock should have kept out: end the other one, then resume", .path.display()
    )]
    JournalForeign { path: PathBuf },
    /// A new run was to be written where no folder can be.
    #[error("{}: {} is {what}, not a folder: name another folder by --out", .path.display(), .by.display())]
    RunDirBlocked { path: PathBuf, by: PathBuf, what: &'static str },
    /// A finished run without its index.
    #[error(
        "{}: {detail}; this was a finished run, so nothing is cleared or run again: restore the folder from a copy, or start a new run elsewhere", .path.display()
    )]
    IndexMissing { path: PathBuf, detail: String },
    /// Finalizing was stopped from outside.
    #[error("{} was not finalized: resume it", .path.display())]
    FinalizeStopped { path: PathBuf },
    /// The folder was not made by a run.
    #[error("{} holds no manifest.json, so it is not the folder of a run", .path.display())]
    NotARun { path: PathBuf },
    /// The manifest cannot be read or does not match its own digest.
    #[error("{}: {detail}; the folder was changed after the run began, restore it or start a new run", .path.display())]
    ManifestCorrupt { path: PathBuf, detail: String },
    /// Another process works in the folder.
    #[error("{} is in use by another process: wait for it or end it", .path.display())]
    RunLocked { path: PathBuf },
    /// A second journal, or finalizing while one is open.
    #[error("{} is still open for appending in this process: close the journal first", .path.display())]
    JournalOpen { path: PathBuf },
    /// Appending to a finished run.
    #[error("{} is finished and sealed: unseal it to run its missing cases", .path.display())]
    RunSealed { path: PathBuf },
    /// A line that is not the last one cannot be read, or a line names a case that is not in the plan.
    #[error("{} line {line}: {detail}; cut the file before that line to run those cases again", .path.display())]
    JournalCorrupt { path: PathBuf, line: u64, detail: String },
    /// A record over the limit.
    #[error(
        "case {index}: its record has {bytes} bytes, the limit is {limit}: shorten the conversation or raise maxRecordBytes"
    )]
    RecordTooLarge { index: u64, bytes: u64, limit: u32 },
    /// Bytes handed in as a record are none.
    #[error("not a record: {detail}")]
    RecordInvalid { detail: String },
    /// A sealed file differs from what the index says of it.
    #[error("{}: {detail}; restore the file from a copy or run again", .path.display())]
    SegmentCorrupt { path: PathBuf, detail: String },
    /// What is there for finished runs alone was asked of another.
    #[error("{} is not finished, so nothing vouches for it yet: resume it", .path.display())]
    RunUnfinished { path: PathBuf },
    /// Recorded and not-run cases do not make up the plan.
    #[error("{}: {detail}", .path.display())]
    CountsDisagree { path: PathBuf, detail: String },
    /// Two runs whose checks are not the same were to be compared.
    #[error(
        "{} and {}: the checks differ in {different} of {pairs} pairs ({cases}), so that a difference says nothing of the answers: compare runs with the same checks", .baseline.display(), .candidate.display()
    )]
    ChecksDiffer { baseline: PathBuf, candidate: PathBuf, different: u64, pairs: u64, cases: String },
    /// Two runs without a case in common were to be compared.
    #[error(
        "{} and {} have no case in common: cases pair up by scenario, provider, region, row, variant and trial", .baseline.display(), .candidate.display()
    )]
    NothingPairs { baseline: PathBuf, candidate: PathBuf },
    /// The disk or the system refused.
    #[error("cannot {action} {}", .path.display())]
    ResultsIo { action: &'static str, path: PathBuf, source: std::io::Error },
}

impl ResultsError {
    /// For `map_err`: what was tried on which path.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::ResultsIo { action, path, source }
    }

    /// Whether something in the folder is not what a run wrote there.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::IndexMissing { .. }
            | Self::ManifestCorrupt { .. }
            | Self::JournalCorrupt { .. }
            | Self::SegmentCorrupt { .. }
            | Self::RecordInvalid { .. }
            | Self::LinkInRun { .. }
            | Self::CountsDisagree { .. } => true,
            Self::ResultsIo { source, .. } => matches!(
                source.kind(),
                std::io::ErrorKind::InvalidData | std::io::ErrorKind::InvalidInput | std::io::ErrorKind::NotFound
            ),
            _ => false,
        }
    }

    /// Whether it is about a file of the folder `dir`, not about one that was needed besides.
    pub(crate) fn is_within(&self, dir: &Path) -> bool {
        !matches!(self, Self::ResultsIo { path, .. } if !path.starts_with(dir))
    }

    /// The message with what caused it.
    pub fn told(&self) -> String {
        match self {
            Self::ResultsIo { source, .. } => format!("{self}: {source}"),
            _ => self.to_string(),
        }
    }

    /// For `map_err`: an export of the run at `path` could not be written.
    pub(crate) fn export(path: &Path) -> impl Fn(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::ResultsIo { action: "export", path: path.clone(), source }
    }

    /// Serialising to JSON failed on the way to `path`.
    pub(crate) fn encode(path: &Path) -> impl FnOnce(serde_json::Error) -> Self {
        let path = path.to_owned();
        move |error| Self::ResultsIo { action: "write", path, source: error.into() }
    }
}

impl Fault for ResultsError {
    fn reason(&self) -> &'static str {
        match self {
            Self::RunDirExists { .. } => "RunDirExists",
            Self::RunDirBlocked { .. } => "RunDirBlocked",
            Self::OutputInsideRun { .. } => "OutputInsideRun",
            Self::LinkInRun { .. } => "LinkInRun",
            Self::JournalForeign { .. } => "JournalForeign",
            Self::IndexMissing { .. } => "IndexMissing",
            Self::FinalizeStopped { .. } => "FinalizeStopped",
            Self::NotARun { .. } => "NotARun",
            Self::ManifestCorrupt { .. } => "ManifestCorrupt",
            Self::RunLocked { .. } => "RunLocked",
            Self::JournalOpen { .. } => "JournalOpen",
            Self::RunSealed { .. } => "RunSealed",
            Self::JournalCorrupt { .. } => "JournalCorrupt",
            Self::RecordTooLarge { .. } => "RecordTooLarge",
            Self::RecordInvalid { .. } => "RecordInvalid",
            Self::SegmentCorrupt { .. } => "SegmentCorrupt",
            Self::RunUnfinished { .. } => "RunUnfinished",
            Self::CountsDisagree { .. } => "CountsDisagree",
            Self::ChecksDiffer { .. } => "ChecksDiffer",
            Self::NothingPairs { .. } => "NothingPairs",
            Self::ResultsIo { .. } => "ResultsIo",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::RunLocked { .. } | Self::FinalizeStopped { .. } => Class::Retryable,
            Self::RunDirExists { .. }
            | Self::RunDirBlocked { .. }
            | Self::OutputInsideRun { .. }
            | Self::LinkInRun { .. }
            | Self::IndexMissing { .. }
            | Self::NotARun { .. }
            | Self::RunSealed { .. }
            | Self::RunUnfinished { .. }
            | Self::ChecksDiffer { .. }
            | Self::NothingPairs { .. }
            | Self::RecordTooLarge { .. } => Class::Input,
            _ => Class::Infra,
        }
    }
}
