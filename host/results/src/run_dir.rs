//! The folder of one run: created whole, locked while open, repaired when opened.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arena_model::{Digest, Manifest, Outcome};

use crate::index::Index;
use crate::reader::{head, lines};
use crate::{Result, ResultsError, atomic, checksums};

/// Default limit of one record, bytes: far above a long conversation, far below what a machine cannot hold.
pub const MAX_RECORD_BYTES: u32 = 16 << 20;
/// Limit of `manifest.json`, bytes.
const MAX_MANIFEST_BYTES: u64 = 64 << 20;

pub(crate) const LOCK: &str = "lock";
pub(crate) const JOURNAL: &str = "journal.jsonl";
pub(crate) const INDEX: &str = "index.json";
pub(crate) const SEGMENTS: &str = "segments";
pub(crate) const SUMMARY: &str = "summary.json";
pub(crate) const JUNIT: &str = "junit.xml";
pub(crate) const REPORT: &str = "report.html";
pub(crate) const CHECKSUMS: &str = "checksums";
const MANIFEST: &str = "manifest.json";
const BUNDLE: &str = "bundle";

/// How far a run's folder has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Records are in the journal; more may come.
    Running,
    /// Records are in segments named by `index.json`; nothing changes any more.
    Sealed,
}

/// An open, locked run folder. The lock goes with the value, or with the process if that is killed.
#[derive(Debug)]
pub struct RunDir {
    path: PathBuf,
    manifest: Manifest,
    max_record_bytes: u32,
    /// Held by each open journal, so that a second one and finalizing can be refused.
    pub(crate) writer: Arc<()>,
    _lock: File,
}

impl RunDir {
    /// Makes a new run folder at `dir`: `manifest.json` and `bundle/`, which `copy_bundle` fills (it gets the path of
    /// a folder that does not exist yet). The folder is built beside `dir` and renamed into place, so it is there
    /// whole or not at all; what a killed attempt left is cleared by the next.
    ///
    /// Errors: `RunDirExists` unless `dir` is absent or empty, `RunLocked` while another process creates it.
    pub fn create(dir: &Path, manifest: &Manifest, copy_bundle: impl FnOnce(&Path) -> io::Result<()>) -> Result<Self> {
        let dir = std::path::absolute(dir).map_err(ResultsError::io("find", dir))?;
        refuse_existing(&dir)?;
        let (Some(parent), Some(name)) = (dir.parent(), dir.file_name()) else {
            return Err(ResultsError::RunDirExists { path: dir });
        };
        let building = parent.join(format!(".{}.creating", name.to_string_lossy()));
        fs::create_dir_all(&building).map_err(ResultsError::io("create", &building))?;
        let lock = lock(&building)?;
        if !building.join(LOCK).exists() {
            // Another process renamed the folder between our look and our lock.
            return Err(ResultsError::RunLocked { path: dir });
        }
        clear(&building)?;
        let path = building.join(MANIFEST);
        let text = serde_json::to_vec_pretty(manifest).map_err(ResultsError::encode(&path))?;
        fs::write(&path, text).map_err(ResultsError::io("write", &path))?;
        let bundle = building.join(BUNDLE);
        copy_bundle(&bundle).map_err(ResultsError::io("copy the bundle to", &bundle))?;
        let manifest = read_manifest(&building)?;
        sync(&building)?;
        refuse_existing(&dir)?;
        fs::rename(&building, &dir).map_err(ResultsError::io("rename the new run to", &dir))?;
        atomic::sync_folder(parent)?;
        Ok(Self { path: dir, manifest, max_record_bytes: MAX_RECORD_BYTES, writer: Arc::default(), _lock: lock })
    }

    /// Opens the folder of a run and finishes what a killed process left half done.
    ///
    /// Errors: `NotARun`, `ManifestCorrupt`, `RunLocked`, `SegmentCorrupt` if a finished run's data is damaged.
    pub fn open(dir: &Path) -> Result<Self> {
        let path = std::path::absolute(dir).map_err(ResultsError::io("find", dir))?;
        let manifest = read_manifest(&path)?;
        let lock = lock(&path)?;
        let run = Self { path, manifest, max_record_bytes: MAX_RECORD_BYTES, writer: Arc::default(), _lock: lock };
        run.settle()?;
        Ok(run)
    }

    /// The same run with another limit for one record, bytes. A journal is read with the limit it was written with.
    pub fn with_max_record_bytes(mut self, limit: u32) -> Self {
        self.max_record_bytes = limit;
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

    /// Whether records can still come.
    pub fn state(&self) -> State {
        if self.file(INDEX).exists() { State::Sealed } else { State::Running }
    }

    /// Turns a sealed run back into a running one, so that its not-run cases can be run: writes the journal from the
    /// executed records and removes what was made from them. A kill on the way leaves the one or the other.
    pub fn unseal(&self) -> Result<()> {
        if self.state() == State::Running {
            return Ok(());
        }
        let journal = self.file(JOURNAL);
        atomic::replace(&journal, |out| {
            for line in lines(self)? {
                let line = line?;
                let head = head(&line).map_err(|detail| ResultsError::RecordInvalid { detail })?;
                if head.outcome != Outcome::NotRun {
                    let written = io::Write::write_all(out, &line).and_then(|()| io::Write::write_all(out, b"\n"));
                    written.map_err(ResultsError::io("write", &journal))?;
                }
            }
            Ok(())
        })?;
        atomic::remove(&self.file(INDEX))?;
        self.settle()
    }

    /// A path within the folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Finishes or undoes the steps of a finalizing or unsealing that was cut off. `index.json` decides: with it the
    /// run is sealed and the journal superfluous, without it the journal is all and anything made from it is stale.
    fn settle(&self) -> Result<()> {
        for folder in [self.path.clone(), self.file(SEGMENTS)] {
            let Ok(entries) = fs::read_dir(&folder) else { continue };
            for entry in entries.flatten().filter(|entry| atomic::is_temporary(&entry.file_name().to_string_lossy())) {
                atomic::remove(&entry.path())?;
            }
        }
        if self.state() == State::Running {
            for name in [SEGMENTS, SUMMARY, JUNIT, REPORT, CHECKSUMS] {
                atomic::remove(&self.file(name))?;
            }
            return Ok(());
        }
        if self.file(JOURNAL).exists() {
            Index::read(self)?.verify(self)?;
            atomic::remove(&self.file(JOURNAL))?;
            atomic::remove(&self.file(CHECKSUMS))?;
        }
        if !self.file(CHECKSUMS).exists() {
            checksums::write(self, &BTreeMap::new())?;
        }
        Ok(())
    }
}

fn refuse_existing(dir: &Path) -> Result<()> {
    match fs::read_dir(dir) {
        Ok(mut entries) => match entries.next() {
            Some(_) => Err(ResultsError::RunDirExists { path: dir.to_owned() }),
            None => Ok(()),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            Err(ResultsError::RunDirExists { path: dir.to_owned() })
        }
        Err(error) => Err(ResultsError::io("list", dir)(error)),
    }
}

fn lock(folder: &Path) -> Result<File> {
    let path = folder.join(LOCK);
    let file = File::options().create(true).append(true).open(&path).map_err(ResultsError::io("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(ResultsError::RunLocked { path: folder.to_owned() }),
        Err(TryLockError::Error(error)) => Err(ResultsError::io("lock", &path)(error)),
    }
}

/// Removes what a killed attempt left, but not the lock we hold.
fn clear(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder).map_err(ResultsError::io("list", folder))? {
        let entry = entry.map_err(ResultsError::io("list", folder))?;
        if entry.file_name() != LOCK {
            atomic::remove(&entry.path())?;
        }
    }
    Ok(())
}

/// Makes the manifest and the folder durable. The bundle is not synced, one call per file being the better part of a
/// short run: should the machine lose power in the next seconds, its digest refuses what is left of it.
fn sync(folder: &Path) -> Result<()> {
    let manifest = folder.join(MANIFEST);
    File::open(&manifest).and_then(|file| file.sync_all()).map_err(ResultsError::io("sync", &manifest))?;
    atomic::sync_folder(folder)
}

fn read_manifest(folder: &Path) -> Result<Manifest> {
    let path = folder.join(MANIFEST);
    let corrupt = |detail: String| ResultsError::ManifestCorrupt { path: path.clone(), detail };
    let mut bytes = Vec::new();
    match File::open(&path).and_then(|file| file.take(MAX_MANIFEST_BYTES + 1).read_to_end(&mut bytes)) {
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
    let found = Digest::of_json(&manifest.work).map_err(|error| corrupt(error.to_string()))?;
    if found != manifest.work_digest {
        return Err(corrupt(format!("workDigest is {} but the work digests to {found}", manifest.work_digest)));
    }
    Ok(manifest)
}
