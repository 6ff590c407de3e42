//! A run's folder as its readers see it: nothing in it is created, repaired or removed.

use std::fs::{File, TryLockError};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use arena_model::{Digest, Manifest};

use crate::run_dir::Lock;
use crate::{Result, ResultsError, atomic};

/// Default limit of one record, bytes: far above a long conversation, far below what a machine cannot hold.
pub const MAX_RECORD_BYTES: u32 = 16 << 20;
/// Limit of `manifest.json`, bytes.
const MAX_MANIFEST_BYTES: u64 = 64 << 20;

pub(crate) const LOCK: &str = "lock";
/// Name of the journal in the folder of a run that is not finished.
pub const JOURNAL: &str = "journal.jsonl";
pub(crate) const INDEX: &str = "index.json";
pub(crate) const SEGMENTS: &str = "segments";
pub(crate) const SUMMARY: &str = "summary.json";
pub(crate) const JUNIT: &str = "junit.xml";
pub(crate) const REPORT: &str = "report.html";
pub(crate) const CHECKSUMS: &str = "checksums";
pub(crate) const MANIFEST: &str = "manifest.json";
pub(crate) const BUNDLE: &str = "bundle";
/// Reports of a run that was stopped, until it goes on.
pub(crate) const PARTIAL: &str = "partial";
/// What finalizing makes of the journal, the index left aside.
pub(crate) const PRODUCTS: [&str; 5] = [SEGMENTS, SUMMARY, JUNIT, REPORT, CHECKSUMS];

/// How far a run's folder has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Records are in the journal; more may come.
    Running,
    /// Records are in segments named by `index.json`; nothing changes any more.
    Sealed,
}

/// The folder of a run, open for reading. Works on a disk that cannot be written to.
#[derive(Debug)]
pub struct RunView {
    path: PathBuf,
    manifest: Manifest,
    max_record_bytes: u32,
    _lock: Option<Lock>,
}

impl RunView {
    /// Opens the folder of a run for reading. A running one is kept from being worked on meanwhile; a sealed one
    /// changes no more and is not locked.
    ///
    /// Errors: `NotARun`, `ManifestCorrupt`, `IndexMissing`, `RunLocked` while a process works on a running one.
    pub fn open(dir: &Path) -> Result<Self> {
        let mut view = Self::unlocked(dir)?;
        if view.state()? == State::Running {
            view._lock = lock_shared(&view.path)?;
            // It may have been sealed, or damaged, while there was no lock.
            view.state()?;
        }
        Ok(view)
    }

    /// Opens the folder of a run for looking on while another process works on it: no lock is taken, so what is read may
    /// be of different moments.
    ///
    /// Errors: `NotARun`, `ManifestCorrupt`.
    pub fn watch(dir: &Path) -> Result<Self> {
        Self::unlocked(dir)
    }

    /// Reads the manifest and nothing else.
    pub(crate) fn unlocked(dir: &Path) -> Result<Self> {
        let path = std::path::absolute(dir).map_err(ResultsError::io("find", dir))?;
        let manifest = read_manifest(&path)?;
        Ok(Self { path, manifest, max_record_bytes: MAX_RECORD_BYTES, _lock: None })
    }

    /// The same with another limit for one record, bytes. A journal is read with the limit it was written with.
    pub fn with_max_record_bytes(mut self, limit: u32) -> Self {
        self.max_record_bytes = limit;
        self
    }

    /// The same under another path, after a rename.
    pub(crate) fn at(mut self, path: PathBuf) -> Self {
        self.path = path;
        self
    }

    /// Limit of one record, bytes.
    pub fn max_record_bytes(&self) -> u32 {
        self.max_record_bytes
    }

    /// Absolute path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The frozen copy of the bundle.
    pub fn bundle(&self) -> PathBuf {
        self.path.join(BUNDLE)
    }

    /// The frozen manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Whether records can still come. `index.json` decides; a folder that has neither it nor a journal, but something
    /// that was made of one, is no new run but a finished one that was damaged.
    ///
    /// Errors: `IndexMissing`, `ResultsIo`.
    pub fn state(&self) -> Result<State> {
        let missing = |detail: &str| ResultsError::IndexMissing { path: self.file(INDEX), detail: detail.to_owned() };
        match atomic::kind(&self.file(INDEX))? {
            Some(kind) if kind.is_file() => return Ok(State::Sealed),
            Some(_) => return Err(missing("it is a link or a folder, not a file")),
            None => {}
        }
        if !atomic::is_there(&self.file(JOURNAL))? {
            for name in PRODUCTS {
                if atomic::is_there(&self.file(name))? {
                    return Err(missing(&format!("it is gone and there is no journal, but there is {name}")));
                }
            }
        }
        Ok(State::Running)
    }

    /// The same if the run is finished: half a run is no base for a verdict.
    ///
    /// Errors: `RunUnfinished`, those of [`RunView::state`].
    pub fn finished(self) -> Result<Self> {
        match self.state()? {
            State::Sealed => Ok(self),
            State::Running => Err(ResultsError::RunUnfinished { path: self.path }),
        }
    }

    /// Refuses a folder with a symbolic link, a pipe or a device in it: what is read by way of those is not the run's.
    ///
    /// Errors: `LinkInRun`, `ResultsIo`.
    pub fn refuse_links(&self) -> Result<()> {
        atomic::files(&self.path).map(drop)
    }

    /// A path within the folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

/// Refuses a place for an output that is in the folder of a run, at any depth: a folder is a closed set, and what stands in it
/// is of the run. Links on the way are followed. The folder itself is not refused, which is for [`RunDir::create`] to do.
///
/// Errors: `OutputInsideRun`, `ResultsIo`.
///
/// [`RunDir::create`]: crate::RunDir::create
pub fn refuse_inside_run(output: &Path) -> Result<()> {
    let path = std::path::absolute(output).map_err(ResultsError::io("find", output))?;
    let mut real = PathBuf::new();
    for part in path.components() {
        if part == std::path::Component::ParentDir {
            real.pop();
            continue;
        }
        // What is not there yet will be a plain folder.
        let next = real.join(part);
        real = next.canonicalize().unwrap_or(next);
    }
    match real.ancestors().skip(1).find(|folder| is_run(folder)) {
        Some(run) => Err(ResultsError::OutputInsideRun { path: output.to_owned(), run: run.to_owned() }),
        None => Ok(()),
    }
}

/// Whether this is the folder of a run, be it a damaged one.
fn is_run(folder: &Path) -> bool {
    match read_manifest(folder) {
        Ok(_) => true,
        Err(ResultsError::NotARun { .. }) => false,
        // Others have files of this name, too.
        Err(_) => [JOURNAL, INDEX].iter().any(|name| folder.join(name).is_file()),
    }
}

/// Keeps others from working in the folder. One without a lock file was never worked in.
fn lock_shared(folder: &Path) -> Result<Option<Lock>> {
    let path = folder.join(LOCK);
    let file = match atomic::open_plain(&path, File::options().read(true)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(ResultsError::io("open", &path)(error)),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(Some(Lock(file))),
        Err(TryLockError::WouldBlock) => Err(ResultsError::RunLocked { path: folder.to_owned() }),
        Err(TryLockError::Error(error)) => Err(ResultsError::io("lock", &path)(error)),
    }
}

fn read_manifest(folder: &Path) -> Result<Manifest> {
    let path = folder.join(MANIFEST);
    let corrupt = |detail: String| ResultsError::ManifestCorrupt { path: path.clone(), detail };
    let mut bytes = Vec::new();
    match atomic::open_plain(&path, File::options().read(true))
        .and_then(|file| file.take(MAX_MANIFEST_BYTES + 1).read_to_end(&mut bytes))
    {
        Ok(_) => {}
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Err(ResultsError::NotARun { path: folder.to_owned() });
        }
        Err(error) => return Err(ResultsError::io("read", &path)(error)),
    }
    if bytes.len() as u64 > MAX_MANIFEST_BYTES {
        return Err(corrupt(format!("it has more than {MAX_MANIFEST_BYTES} bytes")));
    }
    let manifest: Manifest = serde_json::from_slice(&bytes).map_err(|error| corrupt(error.to_string()))?;
    if manifest.v != 1 {
        return Err(corrupt(format!("version {} is not known here, only 1 is", manifest.v)));
    }
    let entry = Path::new(&manifest.work.entry);
    let plain = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    if manifest.work.entry.is_empty() || !entry.components().all(plain) {
        return Err(corrupt(format!("work.entry is {:?}, which is no file of the bundle", manifest.work.entry)));
    }
    let found = Digest::of_json(&manifest.work).map_err(|error| corrupt(error.to_string()))?;
    if found != manifest.work_digest {
        return Err(corrupt(format!("workDigest is {} but the work digests to {found}", manifest.work_digest)));
    }
    Ok(manifest)
}
