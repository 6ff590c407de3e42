//! The folder of one run: created whole, locked while open, repaired when opened.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::ops::Deref;
use std::path::Path;
use std::sync::{Arc, Mutex};

use arena_model::{Manifest, Outcome};

use crate::index::Index;
use crate::journal::Places;
use crate::reader::{head, lines};
use crate::run_view::{CHECKSUMS, INDEX, JOURNAL, LOCK, PARTIAL, PRODUCTS, SEGMENTS};
use crate::{Result, ResultsError, RunView, State, atomic, checksums, create};

/// An open, locked run folder. The lock goes with the value, or with the process if that is killed.
#[derive(Debug)]
pub struct RunDir {
    view: RunView,
    /// Held by each open journal, so that a second one and finalizing can be refused. Holds where the records stand
    /// once a journal has been open.
    pub(crate) writer: Arc<Mutex<Option<Places>>>,
    _lock: Lock,
}

impl Deref for RunDir {
    type Target = RunView;

    fn deref(&self) -> &RunView {
        &self.view
    }
}

impl RunDir {
    /// Makes a new run folder at `dir`: `manifest.json` and `bundle/`, which `copy_bundle` fills (it gets the path of
    /// a folder that does not exist yet). The folder is built beside `dir` and renamed into place, so it is there
    /// whole or not at all; what a killed attempt left is cleared by the next.
    ///
    /// Errors: `RunDirExists` unless `dir` is absent or empty, `RunDirBlocked` if it, or a part of the path to it, is
    /// no folder, `OutputInsideRun`, `ResultsIo`.
    pub fn create(dir: &Path, manifest: &Manifest, copy_bundle: impl FnOnce(&Path) -> io::Result<()>) -> Result<Self> {
        let (view, lock) = create::create(dir, manifest, copy_bundle)?;
        Ok(Self { view, writer: Arc::default(), _lock: lock })
    }

    /// Opens the folder of a run for working in it and finishes what a killed process left half done.
    ///
    /// Errors: `NotARun`, `ManifestCorrupt`, `RunLocked`, `IndexMissing`, `SegmentCorrupt` if a finished run's data is
    /// damaged.
    pub fn open(dir: &Path) -> Result<Self> {
        let view = RunView::unlocked(dir)?;
        let lock = lock(view.path())?;
        let run = Self { view, writer: Arc::default(), _lock: lock };
        run.settle()?;
        Ok(run)
    }

    /// The same run with another limit for one record, bytes. A journal is read with the limit it was written with.
    pub fn with_max_record_bytes(self, limit: u32) -> Self {
        Self { view: self.view.with_max_record_bytes(limit), ..self }
    }

    /// Turns a sealed run back into a running one if some of its cases were not run.
    pub fn unseal_unrun(&self) -> Result<()> {
        for line in lines(self)? {
            let (_, line) = line?;
            let head = head(&line).map_err(|detail| ResultsError::RecordInvalid { detail })?;
            if head.outcome == Outcome::NotRun {
                return self.unseal();
            }
        }
        Ok(())
    }

    /// Turns a sealed run back into a running one, so that its not-run cases can be run: writes the journal from the
    /// executed records and removes what was made from them. A kill on the way leaves the one or the other.
    pub fn unseal(&self) -> Result<()> {
        if self.state()? == State::Running {
            return Ok(());
        }
        let journal = self.file(JOURNAL);
        atomic::replace(&journal, |out| {
            for line in lines(self)? {
                let (_, line) = line?;
                let head = head(&line).map_err(|detail| ResultsError::RecordInvalid { detail })?;
                if head.outcome != Outcome::NotRun {
                    let written = out.write_all(&line).and_then(|()| out.write_all(b"\n"));
                    written.map_err(ResultsError::io("write", &journal))?;
                }
            }
            Ok(())
        })?;
        atomic::remove(&self.file(INDEX))?;
        self.settle()
    }

    /// Finishes or undoes the steps of a finalizing or unsealing that was cut off. `index.json` decides: with it the
    /// run is sealed and the journal superfluous, without it the journal is all and anything made from it is stale.
    fn settle(&self) -> Result<()> {
        // Before anything is touched: this refuses what only looks like a run that goes on.
        let state = self.state()?;
        atomic::remove(&self.file(PARTIAL))?;
        for folder in [self.path().to_owned(), self.file(SEGMENTS)] {
            if !atomic::kind(&folder)?.is_some_and(|kind| kind.is_dir()) {
                continue;
            }
            let entries = fs::read_dir(&folder).map_err(ResultsError::io("list", &folder))?;
            for entry in entries.flatten().filter(|entry| atomic::is_temporary(&entry.file_name().to_string_lossy())) {
                atomic::remove(&entry.path())?;
            }
        }
        if state == State::Running {
            return PRODUCTS.iter().try_for_each(|name| atomic::remove(&self.file(name)));
        }
        if atomic::is_there(&self.file(JOURNAL))? {
            Index::read(self)?.verify(self)?;
            atomic::remove(&self.file(JOURNAL))?;
            atomic::remove(&self.file(CHECKSUMS))?;
        }
        if !atomic::is_there(&self.file(CHECKSUMS))? {
            checksums::write(self, &BTreeMap::new())?;
        }
        Ok(())
    }
}

/// A held lock. It is given back in so many words: a child that is just being started has a copy of the file for a moment,
/// and would keep it.
#[derive(Debug)]
pub(crate) struct Lock(pub(crate) File);

impl Drop for Lock {
    fn drop(&mut self) {
        // The end of the file does it as well.
        let _ = self.0.unlock();
    }
}

/// Takes the lock of a folder, makes its file if need be.
pub(crate) fn lock(folder: &Path) -> Result<Lock> {
    let path = folder.join(LOCK);
    let file = atomic::open_plain(&path, File::options().create(true).append(true));
    let file = file.map_err(ResultsError::io("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => Err(ResultsError::RunLocked { path: folder.to_owned() }),
        Err(TryLockError::Error(error)) => Err(ResultsError::io("lock", &path)(error)),
    }
}
