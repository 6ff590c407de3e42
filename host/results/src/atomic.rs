//! Files that appear whole or not at all, and are never reached through a link that someone put in their place.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

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

/// Opens `path` in the way `options` say, if it is a plain file: no symbolic link, and no pipe that would be waited for.
pub(crate) fn open_plain(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let link = rustix::io::Errno::LOOP.raw_os_error();
    let file = options.custom_flags(flags.bits().cast_signed()).open(path).map_err(|error| {
        let odd = || io::Error::new(io::ErrorKind::InvalidInput, "it is a symbolic link");
        if error.raw_os_error() == Some(link) { odd() } else { error }
    })?;
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no plain file"))
}

/// A new file at `path`; what a killed attempt left there goes first.
pub(crate) fn create(path: &Path) -> Result<File> {
    remove(path)?;
    let file = File::options().read(true).write(true).create_new(true).open(path);
    file.map_err(ResultsError::io("create", path))
}

/// Whether anything has this name, be it a link that leads nowhere.
pub(crate) fn is_there(path: &Path) -> Result<bool> {
    Ok(kind(path)?.is_some())
}

/// What has this name, links not followed; none if nothing has.
pub(crate) fn kind(path: &Path) -> Result<Option<fs::FileType>> {
    match fs::symlink_metadata(path) {
        Ok(meta) => Ok(Some(meta.file_type())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(ResultsError::io("look at", path)(error)),
    }
}

/// Writes `path` through a temporary file, synced before the rename and its folder after it.
pub(crate) fn replace(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> Result<()>) -> Result<()> {
    let mut out = BufWriter::with_capacity(64 << 10, create(&temporary(path))?);
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
    Ok(below(folder)?.0)
}

/// All folders below `folder`, sorted. Errors as for [`files`].
pub(crate) fn folders(folder: &Path) -> Result<Vec<PathBuf>> {
    Ok(below(folder)?.1)
}

/// Files and folders.
fn below(folder: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    let mut waiting = vec![folder.to_owned()];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(&folder).map_err(ResultsError::io("list", &folder))? {
            let entry = entry.map_err(ResultsError::io("list", &folder))?;
            let kind = entry.file_type().map_err(ResultsError::io("look at", &entry.path()))?;
            if kind.is_dir() {
                folders.push(entry.path());
                waiting.push(entry.path());
            } else if kind.is_file() {
                files.push(entry.path());
            } else {
                return Err(ResultsError::LinkInRun { path: entry.path() });
            }
        }
    }
    files.sort();
    folders.sort();
    Ok((files, folders))
}
