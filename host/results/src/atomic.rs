//! Files that appear whole or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::{Result, ResultsError};

/// Where a file is written before it gets its name.
pub(crate) fn temporary(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.tmp"))
}

/// Whether `name` is one that [`temporary`] gives.
pub(crate) fn is_temporary(name: &str) -> bool {
    name.starts_with('.') && name.ends_with(".tmp")
}

/// Writes `path` through a temporary file, synced before the rename and its folder after it.
pub(crate) fn replace(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> Result<()>) -> Result<()> {
    let temporary = temporary(path);
    let file = File::create(&temporary).map_err(ResultsError::io("create", &temporary))?;
    let mut out = BufWriter::new(file);
    write(&mut out)?;
    out.flush().map_err(ResultsError::io("write", path))?;
    publish(out.get_ref(), path)
}

/// Syncs the temporary file of `path` and gives it its name.
pub(crate) fn publish(file: &File, path: &Path) -> Result<()> {
    file.sync_all().map_err(ResultsError::io("sync", path))?;
    fs::rename(temporary(path), path).map_err(ResultsError::io("rename", path))?;
    sync_folder(path.parent().unwrap_or(path))
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> Result<()> {
    File::open(folder).and_then(|file| file.sync_all()).map_err(ResultsError::io("sync", folder))
}

/// Removes a file or folder; one that is not there is fine.
pub(crate) fn remove(path: &Path) -> Result<()> {
    let gone = match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match gone {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(ResultsError::io("remove", path)(error)),
        _ => Ok(()),
    }
}

/// All files below `folder`, sorted. A symbolic link or a device is an error: neither belongs in a run's folder.
pub(crate) fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(&folder).map_err(ResultsError::io("list", &folder))? {
            let entry = entry.map_err(ResultsError::io("list", &folder))?;
            let kind = entry.file_type().map_err(ResultsError::io("look at", &entry.path()))?;
            if kind.is_dir() {
                waiting.push(entry.path());
            } else if kind.is_file() {
                found.push(entry.path());
            } else {
                let odd = io::Error::new(io::ErrorKind::InvalidData, "neither a file nor a folder");
                return Err(ResultsError::io("accept", &entry.path())(odd));
            }
        }
    }
    found.sort();
    Ok(found)
}
