//! Deletes artifacts that nobody uses: mark what is not pinned, wait, read the pins again, delete. Whoever pins before
//! it uses, or stores again what it wants to use, never loses it.

use std::collections::HashSet;
use std::io::{Read as _, Write as _};
use std::time::{Duration, SystemTime};

use arena_model::Digest;
use cap_std::fs::OpenOptions;

use crate::name::label;
use crate::pin::{PIN_BYTES, Pin};
use crate::{Disk, Folder, Name, StoreError};

/// Longest mark: a number of seconds.
const MARK_BYTES: u64 = 32;

/// When something is old enough to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SweepSettings {
    /// An artifact that was stored, or stored again, less long ago is kept.
    pub min_age: Duration,
    /// From marking to deleting, at least.
    pub wait: Duration,
}

impl Default for SweepSettings {
    /// A day, and an hour.
    fn default() -> Self {
        Self { min_age: Duration::from_secs(24 * 3600), wait: Duration::from_secs(3600) }
    }
}

/// What one sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SweepReport {
    /// Artifacts that stay as they are.
    pub kept: u64,
    /// Newly marked.
    pub marked: u64,
    /// Deleted.
    pub deleted: u64,
}

impl Disk {
    /// Goes over every artifact once. A pin that cannot be read stops it: nothing is deleted on a guess.
    pub fn sweep(&self, now: SystemTime, settings: &SweepSettings) -> Result<SweepReport, StoreError> {
        let mut report = SweepReport::default();
        for entry in self.root().entries().map_err(StoreError::io("list the namespaces"))? {
            let entry = entry.map_err(StoreError::io("list the namespaces"))?;
            if let Some(namespace) = entry.file_name().to_str().and_then(label) {
                self.sweep_namespace(&namespace, now, settings, &mut report)?;
            }
        }
        Ok(report)
    }

    fn sweep_namespace(
        &self,
        namespace: &str,
        now: SystemTime,
        settings: &SweepSettings,
        report: &mut SweepReport,
    ) -> Result<(), StoreError> {
        let folder = Folder::Artifacts { namespace: namespace.to_owned() }.to_string();
        let Some(dir) = self.folder(&folder)? else { return Ok(()) };
        let pinned = self.pinned(namespace)?;
        let failed = || StoreError::io(format!("list {folder}"));
        for entry in dir.entries().map_err(failed())? {
            let entry = entry.map_err(failed())?;
            let name = entry.file_name();
            let Some(digest) = name.to_str().and_then(|hex| Digest::parse(&format!("sha256:{hex}"))) else { continue };
            // Deleted since it was listed.
            let Ok(metadata) = entry.metadata() else { continue };
            let stored = metadata.modified().map_err(failed())?.into_std();
            let old = now.duration_since(stored).is_ok_and(|age| age >= settings.min_age);
            if pinned.contains(&digest) || !old {
                self.unmark(namespace, &digest)?;
                report.kept += 1;
                continue;
            }
            match self.marked(namespace, &digest)? {
                None => {
                    self.mark(namespace, &digest, now)?;
                    report.marked += 1;
                }
                Some(marked) if now.duration_since(marked).is_ok_and(|age| age >= settings.wait) => {
                    let gone = self.delete_unpinned(namespace, &digest)?;
                    *if gone { &mut report.deleted } else { &mut report.kept } += 1;
                }
                Some(_) => report.kept += 1,
            }
        }
        Ok(())
    }

    /// The last look: nothing can be pinned or stored while it decides.
    fn delete_unpinned(&self, namespace: &str, digest: &Digest) -> Result<bool, StoreError> {
        let _gate = self.deleting();
        if self.marked(namespace, digest)?.is_none() || self.pinned(namespace)?.contains(digest) {
            return Ok(false);
        }
        let name = Name::Artifact { namespace: namespace.to_owned(), digest: digest.clone() };
        self.remove(&name.to_string())?;
        self.unmark(namespace, digest)?;
        Ok(true)
    }

    fn pinned(&self, namespace: &str) -> Result<HashSet<Digest>, StoreError> {
        let folder = Folder::Pins { namespace: namespace.to_owned() }.to_string();
        let mut pinned = HashSet::new();
        let Some(dir) = self.folder(&folder)? else { return Ok(pinned) };
        for entry in dir.entries().map_err(StoreError::io(format!("list {folder}")))? {
            let entry = entry.map_err(StoreError::io(format!("list {folder}")))?;
            let path = format!("{folder}{}", entry.file_name().to_string_lossy());
            // Unpinned since it was listed.
            let Some((file, _)) = self.file(&path)? else { continue };
            let mut bytes = Vec::new();
            file.take(PIN_BYTES).read_to_end(&mut bytes).map_err(StoreError::io(format!("read {path}")))?;
            let pin = Pin::parse(&bytes);
            pinned.extend(
                pin.map_err(|error| StoreError::Io { doing: format!("read {path}"), why: error.to_string() })?
                    .artifacts,
            );
        }
        Ok(pinned)
    }

    /// When it was marked; none if it is not.
    fn marked(&self, namespace: &str, digest: &Digest) -> Result<Option<SystemTime>, StoreError> {
        let path = mark_path(namespace, digest);
        let Some((file, _)) = self.file(&path)? else { return Ok(None) };
        let mut text = String::new();
        file.take(MARK_BYTES).read_to_string(&mut text).map_err(StoreError::io(format!("read {path}")))?;
        Ok(text.parse().ok().map(|seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)))
    }

    fn mark(&self, namespace: &str, digest: &Digest, now: SystemTime) -> Result<(), StoreError> {
        let path = mark_path(namespace, digest);
        let failed = || StoreError::io(format!("mark {path}"));
        let seconds = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let _gate = self.creating();
        self.root().create_dir_all(format!("{namespace}/{MARKS}")).map_err(failed())?;
        let partial = self.partial()?;
        let file = self.root().open_with(&partial, OpenOptions::new().write(true).create_new(true));
        file.and_then(|mut file| file.write_all(seconds.to_string().as_bytes())).map_err(failed())?;
        // Renamed, so that a mark is never half a number; lost in a power cut, it is made again.
        self.root().rename(&partial, self.root(), &path).map_err(failed())
    }

    /// Takes a mark away.
    pub(crate) fn unmark(&self, namespace: &str, digest: &Digest) -> Result<(), StoreError> {
        let path = mark_path(namespace, digest);
        match self.root().remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(StoreError::io(format!("unmark {path}"))(error))
            }
            _ => Ok(()),
        }
    }
}

/// Folder of the marks beside that of the artifacts.
const MARKS: &str = "tombstones";

fn mark_path(namespace: &str, digest: &Digest) -> String {
    format!("{namespace}/{MARKS}/{}", digest.hex())
}
