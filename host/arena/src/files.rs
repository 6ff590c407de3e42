//! Files named on the command line or by a provider: regular files alone, and never more of one than its limit.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptionsExt as _};
use rustix::fs::OFlags;
use tempfile::NamedTempFile;

use crate::exit::{Failure, OrFail as _};

/// Largest mock file, component or file of cases, bytes: as for a file of a bundle.
pub const FILE_BYTES: u64 = 64 << 20;
/// Largest key file, bytes.
pub const KEY_BYTES: u64 = 64 << 10;

/// A file that the user named, of at most `limit` bytes.
///
/// Errors: `FileUnreadable`, `NotAFile` for a pipe, device or folder, `FileTooLarge`.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, Failure> {
    read_file(path, limit).map_err(|error| failure(path, &error))
}

/// Standard input, of at most `limit` bytes.
///
/// Errors: `InputUnreadable`, `FileTooLarge`.
pub fn read_input(limit: u64) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let failed = |error: io::Error| Failure::machinery("InputUnreadable", format!("standard input: {error}"));
    io::stdin().lock().take(limit + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > limit {
        return Err(Failure::input("FileTooLarge", format!("standard input has more than {limit} bytes")));
    }
    Ok(bytes)
}

/// A file that the user named, to be read piece by piece. The same errors.
#[cfg(feature = "fleet")]
pub fn open(path: &Path) -> Result<File, Failure> {
    open_file(path).and_then(|file| regular(&file).map(|_| file)).map_err(|error| failure(path, &error))
}

fn failure(path: &Path, error: &io::Error) -> Failure {
    let reason = match error.kind() {
        ErrorKind::InvalidInput => "NotAFile",
        ErrorKind::FileTooLarge => "FileTooLarge",
        _ => "FileUnreadable",
    };
    Failure::input(reason, format!("{}: {error}", path.display()))
}

/// The same as [`read`] with the system's kind of error: `InvalidInput` if it is no regular file, `FileTooLarge`.
pub fn read_file(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    whole(open_file(path)?, limit)
}

fn open_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(flags()).open(path)
}

/// The same for a path that may not lead out of `folder`, by `..` or by a link.
pub fn read_within(folder: &Path, path: &str, limit: u64) -> io::Result<Vec<u8>> {
    let folder = Dir::open_ambient_dir(folder, ambient_authority())?;
    let mut options = cap_std::fs::OpenOptions::new();
    options.read(true).custom_flags(flags());
    let file = folder.open_with(path, &options).map_err(|error| match error.kind() {
        // The library's own refusal carries no system error number.
        ErrorKind::PermissionDenied if error.raw_os_error().is_none() => {
            io::Error::other("it leads out of the bundle; a path elsewhere must be absolute")
        }
        _ => error,
    })?;
    whole(file.into_std(), limit)
}

/// Copies a file of ours to where the user wants it, whole or not at all; folders on the way are made.
///
/// Errors: `FileUnwritable`, `OutputInsideRun`.
pub fn copy_whole(from: &Path, to: &Path) -> Result<(), Failure> {
    write_by(to, |out| {
        let copied = File::open(from).and_then(|mut file| io::copy(&mut file, out));
        copied.map(drop).map_err(|error| unwritable(to, &error))
    })
}

/// Writes a file that the user wants, whole or not at all; folders on the way are made.
///
/// Errors: `FileUnwritable`, `OutputInsideRun`.
pub fn write(to: &Path, bytes: &[u8]) -> Result<(), Failure> {
    write_by(to, |out| out.write_all(bytes).map_err(|error| unwritable(to, &error)))
}

/// The same by a function that writes to what it is given.
///
/// Errors: `FileUnwritable`, `OutputInsideRun`, and those of the function.
pub fn write_by(to: &Path, fill: impl FnOnce(&mut File) -> Result<(), Failure>) -> Result<(), Failure> {
    arena_results::refuse_inside_run(to).or_fail()?;
    let mut file = start(to).map_err(|error| unwritable(to, &error))?;
    fill(file.as_file_mut())?;
    end(file, to).map_err(|error| unwritable(to, &error))
}

/// A file that cannot be written.
pub fn unwritable(to: &Path, error: &io::Error) -> Failure {
    Failure::machinery("FileUnwritable", format!("{}: {error}", to.display()))
}

/// A file beside `to` that takes its place in the end.
fn start(to: &Path) -> io::Result<NamedTempFile> {
    // A device or pipe would be replaced by a file, and a link by what it leads to.
    match std::fs::symlink_metadata(to) {
        Ok(there) if !there.is_file() => {
            return Err(io::Error::new(ErrorKind::InvalidInput, "it is a link, a pipe, a device or a folder"));
        }
        _ => {}
    }
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    tempfile::Builder::new().permissions(Permissions::from_mode(0o666)).tempfile_in(folder)
}

fn end(file: NamedTempFile, to: &Path) -> io::Result<()> {
    file.as_file().sync_all()?;
    file.persist(to).map(drop).map_err(|error| error.error)
}

/// Opening a pipe must not wait for its other end.
fn flags() -> i32 {
    (OFlags::NONBLOCK | OFlags::CLOEXEC).bits().cast_signed()
}

/// Its size, if it is a regular file.
fn regular(file: &File) -> io::Result<u64> {
    let metadata = file.metadata()?;
    if metadata.is_file() {
        return Ok(metadata.len());
    }
    Err(io::Error::new(ErrorKind::InvalidInput, "it is a pipe, a device or a folder, not a regular file"))
}

fn whole(file: File, limit: u64) -> io::Result<Vec<u8>> {
    let size = regular(&file)?;
    let too_large =
        || io::Error::new(ErrorKind::FileTooLarge, format!("it has more than {limit} bytes, which is the limit"));
    if size > limit {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    // It may grow meanwhile.
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit { Err(too_large()) } else { Ok(bytes) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_up_to_the_limit_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "12345678").unwrap();
        assert_eq!(read(&path, 8).unwrap(), b"12345678");
        for (path, limit, reason) in [
            (path.as_path(), 7, "FileTooLarge"),
            (Path::new("/dev/zero"), 7, "NotAFile"),
            (folder.path(), 7, "NotAFile"),
            (Path::new("/nonexistent"), 7, "FileUnreadable"),
        ] {
            assert_eq!(read(path, limit).unwrap_err().reason, reason, "{}", path.display());
        }
    }

    #[test]
    fn a_pipe_without_a_writer_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RUSR).unwrap();
        assert_eq!(read(&path, 8).unwrap_err().reason, "NotAFile");
        assert_eq!(read_within(folder.path(), "pipe", 8).unwrap_err().kind(), ErrorKind::InvalidInput);
    }

    #[test]
    fn a_path_within_a_folder_stays_there() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("folder");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(outer.path().join("outside"), "x").unwrap();
        std::fs::write(folder.join(".key"), "sk").unwrap();
        std::os::unix::fs::symlink("../outside", folder.join("link")).unwrap();
        assert_eq!(read_within(&folder, "./.key", 8).unwrap(), b"sk");
        for path in ["../outside", "link", "/etc/hostname"] {
            let error = read_within(&folder, path, 8).unwrap_err();
            assert!(error.to_string().contains("leads out of the bundle"), "{path}: {error}");
        }
    }
}
