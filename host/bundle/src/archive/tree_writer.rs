//! A tree on disk from files that strangers name.

use std::io::{ErrorKind, Read, Write as _};

use arena_model::Hasher;
use cap_std::fs::{Dir, OpenOptions};

use super::ArchiveError;
use super::path::{Paths, is_hidden, normal};
use crate::{BundleFile, Limits};

/// Bytes read at a time.
const PIECE: usize = 64 << 10;

/// Writes regular files into an opened, empty folder, under limits and never outside of it. Whatever it refuses ends the
/// tree: the caller removes the folder.
pub struct TreeWriter<'a> {
    dir: &'a Dir,
    limits: &'a Limits,
    paths: Paths,
    entries: usize,
    total: u64,
    files: Vec<BundleFile>,
    /// The folder of the last file, which is there.
    made: String,
}

impl<'a> TreeWriter<'a> {
    /// A writer into `dir`, which must be empty: nothing that is there is replaced or followed.
    pub fn new(dir: &'a Dir, limits: &'a Limits) -> Self {
        Self { dir, limits, paths: Paths::default(), entries: 0, total: 0, files: Vec::new(), made: String::new() }
    }

    pub(super) fn limits(&self) -> &'a Limits {
        self.limits
    }

    /// Checks and counts a folder, which is made when a file in it is written. False if it is hidden.
    pub fn folder(&mut self, path: &str) -> Result<bool, ArchiveError> {
        let path = normal(path)?;
        self.pass()?;
        Ok(!is_hidden(&path))
    }

    /// Checks the path of a file without writing or counting it. False if it is hidden.
    pub fn takes(&self, path: &str) -> Result<bool, ArchiveError> {
        Ok(!is_hidden(&normal(path)?))
    }

    /// Counts an entry that is passed over; there may not be too many of those either.
    pub fn pass(&mut self) -> Result<(), ArchiveError> {
        self.entries += 1;
        if self.entries.max(self.paths.len()) > self.limits.files {
            return Err(ArchiveError::TooManyFiles { limit: self.limits.files });
        }
        Ok(())
    }

    /// Writes one file. Hidden ones are no part of a bundle and are passed over: false.
    pub fn file(&mut self, path: &str, from: &mut dyn Read) -> Result<bool, ArchiveError> {
        let path = normal(path)?;
        if path.is_empty() {
            return Err(ArchiveError::Path { path, why: "it names no file" });
        }
        self.pass()?;
        if is_hidden(&path) {
            return Ok(false);
        }
        self.paths.file(&path)?;
        if self.paths.len() > self.limits.files {
            return Err(ArchiveError::TooManyFiles { limit: self.limits.files });
        }
        let failed = |error: std::io::Error| ArchiveError::Io { path: path.clone(), why: error.to_string() };
        if let Some((folder, _)) = path.rsplit_once('/').filter(|(folder, _)| *folder != self.made) {
            self.dir.create_dir_all(folder).map_err(failed)?;
            folder.clone_into(&mut self.made);
        }
        let mut file = self.dir.open_with(&path, OpenOptions::new().write(true).create_new(true)).map_err(failed)?;
        let (mut size, mut hasher, mut piece) = (0u64, Hasher::default(), vec![0; PIECE]);
        loop {
            let read = match from.read(&mut piece) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(ArchiveError::Malformed { why: format!("{path:?} cannot be read: {error}") }),
            };
            size += read as u64;
            if size > self.limits.file_bytes {
                return Err(ArchiveError::FileTooLarge { path, limit: self.limits.file_bytes });
            }
            if self.total + size > self.limits.total_bytes {
                return Err(ArchiveError::TooLarge { path, limit: self.limits.total_bytes });
            }
            hasher.update(&piece[..read]);
            file.write_all(&piece[..read]).map_err(failed)?;
        }
        self.total += size;
        self.files.push(BundleFile::new(path, size, hasher.finish()));
        Ok(true)
    }

    /// What was written, sorted by path.
    pub fn finish(mut self) -> Vec<BundleFile> {
        self.files.sort_unstable_by(|left, right| left.path.cmp(&right.path));
        self.files
    }
}
