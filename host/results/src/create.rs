//! A new run's folder: built under a name that nobody can know before, renamed into place when it is whole.

use std::fs::{self, File, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use arena_model::Manifest;

use crate::run_dir::{Lock, lock};
use crate::run_view::{BUNDLE, LOCK, MANIFEST, refuse_inside_run};
use crate::{Result, ResultsError, RunView, atomic};

/// What the lock of a folder says whose creator holds it, and by which the leftovers of a killed one are known.
pub(crate) const MARK: &[u8] = b"arena run folder\n";
/// How the name of a folder ends that is being built.
const BUILDING: &str = ".creating";

/// Makes the folder and gives it together with its lock.
pub(crate) fn create(
    dir: &Path,
    manifest: &Manifest,
    copy_bundle: impl FnOnce(&Path) -> io::Result<()>,
) -> Result<(RunView, Lock)> {
    let dir = std::path::absolute(dir).map_err(ResultsError::io("find", dir))?;
    refuse_existing(&dir)?;
    refuse_inside_run(&dir)?;
    let (Some(parent), Some(name)) = (dir.parent(), dir.file_name()) else {
        return Err(ResultsError::RunDirExists { path: dir });
    };
    fs::create_dir_all(parent).map_err(ResultsError::io("create", parent))?;
    let prefix = format!(".{}.", name.to_string_lossy());
    clear_leftovers(parent, &prefix)?;
    // Goes away with everything in it unless it gets to the rename.
    let building = tempfile::Builder::new()
        .prefix(&prefix)
        .suffix(BUILDING)
        // As any folder the user makes: the user's umask decides.
        .permissions(Permissions::from_mode(0o777))
        .tempdir_in(parent)
        .map_err(ResultsError::io("create a folder in", parent))?;
    let lock = lock(building.path())?;
    let path = building.path().join(LOCK);
    (&lock.0).write_all(MARK).map_err(ResultsError::io("write", &path))?;
    let path = building.path().join(MANIFEST);
    let text = serde_json::to_vec_pretty(manifest).map_err(ResultsError::encode(&path))?;
    fs::write(&path, text).map_err(ResultsError::io("write", &path))?;
    let bundle = building.path().join(BUNDLE);
    copy_bundle(&bundle).map_err(ResultsError::io("copy the bundle to", &bundle))?;
    let view = RunView::unlocked(building.path())?;
    sync(building.path())?;
    // A folder that came to be there meanwhile is taken only if it is empty; the system looks, not we.
    fs::rename(building.path(), &dir).map_err(|error| match error.kind() {
        io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists => {
            ResultsError::RunDirExists { path: dir.clone() }
        }
        _ => ResultsError::io("rename the new run to", &dir)(error),
    })?;
    // The name is gone, so there is nothing left to remove.
    let _ = building.keep();
    atomic::sync_folder(parent)?;
    Ok((view.at(dir), lock))
}

/// `dir` must be absent or an empty folder, and what leads to it must be folders.
fn refuse_existing(dir: &Path) -> Result<()> {
    let blocked = |by: &Path, what| ResultsError::RunDirBlocked { path: dir.to_owned(), by: by.to_owned(), what };
    for part in dir.ancestors().skip(1) {
        match fs::metadata(part) {
            Ok(meta) if meta.is_dir() => break,
            Ok(_) => return Err(blocked(part, "a file")),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
            Err(error) => return Err(ResultsError::io("look at", part)(error)),
        }
    }
    match atomic::kind(dir)? {
        None => return Ok(()),
        Some(kind) if kind.is_symlink() => return Err(blocked(dir, "a symbolic link")),
        Some(kind) if !kind.is_dir() => return Err(blocked(dir, "a file")),
        Some(_) => {}
    }
    match fs::read_dir(dir).map_err(ResultsError::io("list", dir))?.next() {
        Some(_) => Err(ResultsError::RunDirExists { path: dir.to_owned() }),
        None => Ok(()),
    }
}

/// Removes what killed attempts at the same name left: folders whose lock bears our mark and is held by nobody.
fn clear_leftovers(parent: &Path, prefix: &str) -> Result<()> {
    for entry in fs::read_dir(parent).map_err(ResultsError::io("list", parent))? {
        let entry = entry.map_err(ResultsError::io("list", parent))?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let plain = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if plain && name.starts_with(prefix) && name.ends_with(BUILDING) && is_abandoned(&entry.path()) {
            atomic::remove(&entry.path())?;
        }
    }
    Ok(())
}

/// Whether a creator of ours began this folder and is no more. The mark is written under the lock, so that a folder
/// with the mark and without a holder has no living creator.
fn is_abandoned(folder: &Path) -> bool {
    let Ok(lock) = atomic::open_plain(&folder.join(LOCK), File::options().read(true)) else { return false };
    let mut mark = Vec::new();
    let read = (&lock).take(MARK.len() as u64 + 1).read_to_end(&mut mark);
    read.is_ok() && mark == MARK && lock.try_lock().is_ok()
}

/// Makes the manifest and the folder durable. The bundle is not synced, one call per file being the better part of a
/// short run: should the machine lose power in the next seconds, its digest refuses what is left of it.
fn sync(folder: &Path) -> Result<()> {
    let manifest = folder.join(MANIFEST);
    File::open(&manifest).and_then(|file| file.sync_all()).map_err(ResultsError::io("sync", &manifest))?;
    atomic::sync_folder(folder)
}
