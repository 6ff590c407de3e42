//! Objects as files in one folder. An object is created by linking a finished, synced file to its name, which the system
//! does once and atomically; there is no overwriting and no half of an object, also after a kill or a power cut.

use std::collections::HashSet;
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::SystemTime;

use arena_model::{Digest, Hasher};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions};
use rustix::fs::FlockOperation;

use crate::{Folder, Name, Put, StoreError};

/// Files that are being written. Emptied when the store is opened: nobody else writes.
pub(crate) const PARTIAL: &str = ".partial";
const LOCK: &str = ".lock";
/// Bytes read at a time.
const PIECE: usize = 64 << 10;
/// Folders that are remembered as synced.
const REMEMBERED: usize = 4096;

/// The store's folder, opened by this process alone.
#[derive(Clone)]
pub struct Disk(Arc<Inner>);

struct Inner {
    root: Dir,
    _lock: File,
    /// Held to read while something is created, to write while something is deleted: a sweep sees every pin.
    gate: RwLock<()>,
    synced: Mutex<HashSet<String>>,
}

impl Disk {
    /// Opens the folder, makes it if need be, and removes what a killed process left half written.
    ///
    /// # Errors
    /// [`StoreError::Locked`] if another process has it, [`StoreError::Io`] if the system refuses.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let doing = || format!("open {}", path.display());
        std::fs::create_dir_all(path).map_err(StoreError::io(doing()))?;
        let root = Dir::open_ambient_dir(path, ambient_authority()).map_err(StoreError::io(doing()))?;
        let lock =
            root.open_with(LOCK, OpenOptions::new().write(true).create(true)).map_err(StoreError::io(doing()))?;
        match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                return Err(StoreError::Locked { path: path.display().to_string() });
            }
            Err(error) => return Err(StoreError::io(doing())(error.into())),
        }
        match root.remove_dir_all(PARTIAL) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(StoreError::io(doing())(error)),
            _ => {}
        }
        root.create_dir(PARTIAL).map_err(StoreError::io(doing()))?;
        let inner = Inner { root, _lock: lock.into_std(), gate: RwLock::default(), synced: Mutex::default() };
        Ok(Self(Arc::new(inner)))
    }

    /// Opens an object; none if it does not exist.
    pub fn object(&self, name: &Name) -> Result<Option<(File, u64)>, StoreError> {
        self.file(&name.to_string())
    }

    /// Deletes an object; false if it does not exist. Folders of results that become empty go with it.
    pub fn delete(&self, name: &Name) -> Result<bool, StoreError> {
        let _gate = self.deleting();
        let gone = self.remove(&name.to_string())?;
        if gone && let Name::Segment { .. } | Name::Result { .. } = name {
            let mut folder = name.folder().to_string();
            // The folder of the worker, then that of the job.
            while Folder::parse(&folder).is_some_and(|it| !matches!(it, Folder::Jobs { .. })) {
                self.synced().remove(&folder);
                if self.0.root.remove_dir(folder.trim_end_matches('/')).is_err() {
                    break;
                }
                let parent = folder.trim_end_matches('/').rsplit_once('/').map(|(parent, _)| format!("{parent}/"));
                folder = parent.unwrap_or_default();
            }
        }
        Ok(gone)
    }

    /// Links the synced file `partial` to `name`, once.
    pub(crate) fn publish(&self, partial: &str, name: &Name, digest: &Digest) -> Result<Put, StoreError> {
        let _gate = self.creating();
        let put = self.link(partial, &name.folder().to_string(), &name.leaf(), digest)?;
        if let (Name::Artifact { namespace, digest }, Put::SameExists | Put::Created) = (name, &put) {
            // Stored anew: a sweep that has marked it starts over.
            self.unmark(namespace, digest)?;
            if let Some((file, _)) = self.object(name)? {
                file.set_modified(SystemTime::now()).map_err(StoreError::io(format!("touch {name}")))?;
            }
        }
        Ok(put)
    }

    /// The caller holds the gate.
    pub(crate) fn link(&self, partial: &str, folder: &str, leaf: &str, digest: &Digest) -> Result<Put, StoreError> {
        self.make(folder)?;
        let path = format!("{folder}{leaf}");
        let put = match self.0.root.hard_link(partial, &self.0.root, &path) {
            Ok(()) => Put::Created,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => match self.digest(&path)? {
                Some(there) if there == *digest => Put::SameExists,
                Some(there) => return Ok(Put::OtherExists(there)),
                None => return Err(StoreError::Missing { name: path }),
            },
            Err(error) => return Err(StoreError::io(format!("create {path}"))(error)),
        };
        // Also where it was there: its creator may not have come that far.
        self.sync(folder)?;
        Ok(put)
    }

    /// Removes a file and syncs its folder. The caller holds the gate to write.
    pub(crate) fn remove(&self, path: &str) -> Result<bool, StoreError> {
        match self.0.root.remove_file(path) {
            Ok(()) => {
                self.sync(path.rsplit_once('/').map_or(".", |(folder, _)| folder))?;
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(StoreError::io(format!("delete {path}"))(error)),
        }
    }

    pub(crate) fn file(&self, path: &str) -> Result<Option<(File, u64)>, StoreError> {
        let opened = self.0.root.open(path).and_then(|file| Ok((file.metadata()?.len(), file)));
        match opened {
            Ok((size, file)) => Ok(Some((file.into_std(), size))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::io(format!("open {path}"))(error)),
        }
    }

    /// None if it does not exist.
    pub(crate) fn folder(&self, path: &str) -> Result<Option<Dir>, StoreError> {
        match self.0.root.open_dir(path) {
            Ok(dir) => Ok(Some(dir)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::io(format!("open {path}"))(error)),
        }
    }

    pub(crate) fn root(&self) -> &Dir {
        &self.0.root
    }

    pub(crate) fn creating(&self) -> RwLockReadGuard<'_, ()> {
        self.0.gate.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn deleting(&self) -> RwLockWriteGuard<'_, ()> {
        self.0.gate.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn digest(&self, path: &str) -> Result<Option<Digest>, StoreError> {
        let Some((mut file, _)) = self.file(path)? else { return Ok(None) };
        let (mut hasher, mut piece) = (Hasher::default(), vec![0; PIECE]);
        loop {
            match file.read(&mut piece).map_err(StoreError::io(format!("read {path}")))? {
                0 => return Ok(Some(hasher.finish())),
                read => hasher.update(&piece[..read]),
            }
        }
    }

    /// Makes a folder and those above it, and syncs each one's entry.
    fn make(&self, folder: &str) -> Result<(), StoreError> {
        if self.synced().contains(folder) {
            return Ok(());
        }
        let mut parent = ".";
        for (at, _) in folder.match_indices('/') {
            let path = &folder[..at];
            match self.0.root.create_dir(path) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                    return Err(StoreError::io(format!("make {path}"))(error));
                }
                _ => self.sync(parent)?,
            }
            parent = path;
        }
        let mut synced = self.synced();
        if synced.len() >= REMEMBERED {
            synced.clear();
        }
        synced.insert(folder.to_owned());
        Ok(())
    }

    fn sync(&self, folder: &str) -> Result<(), StoreError> {
        let synced = self.0.root.open(folder).and_then(|dir| dir.sync_all());
        synced.map_err(StoreError::io(format!("sync {folder}")))
    }

    fn synced(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.0.synced.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
