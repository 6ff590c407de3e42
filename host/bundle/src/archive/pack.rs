//! A bundle's files as a plain tar: sorted by path, without times, owners or anything else that differs between two
//! places, so that equal files give equal bytes.

use std::io::Write;

use tar::{Builder, EntryType, Header};

use super::ArchiveError;
use super::path::{Paths, normal};
use crate::{Bundle, BundleFile, Files, Problem};

/// Mode of every file.
const MODE: u32 = 0o644;

/// Writes those of the bundle's files that `wanted` picks, each checked against what was digested when the bundle was
/// loaded, and gives the writer back.
pub fn pack<W: Write>(bundle: &Bundle, wanted: impl Fn(&BundleFile) -> bool, to: W) -> Result<W, ArchiveError> {
    write(bundle.files.iter().filter(|file| wanted(file)), |file| bundle.read(&file.path), to)
}

/// As [`pack`], all files of a folder that is no bundle.
pub fn pack_files<W: Write>(files: &Files, to: W) -> Result<W, ArchiveError> {
    write(files.list.iter(), |file| files.read(file), to)
}

fn write<'f, W: Write>(
    files: impl Iterator<Item = &'f BundleFile>,
    read: impl Fn(&BundleFile) -> Result<Vec<u8>, Problem>,
    to: W,
) -> Result<W, ArchiveError> {
    let (mut builder, mut paths) = (Builder::new(to), Paths::default());
    for file in files {
        // What unpacking would refuse must not be packed.
        normal(&file.path)?;
        paths.file(&file.path)?;
        let bytes = read(file)?;
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::Regular);
        header.set_mode(MODE);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(bytes.len() as u64);
        let failed = |error: std::io::Error| ArchiveError::Io { path: file.path.clone(), why: error.to_string() };
        builder.append_data(&mut header, &file.path, bytes.as_slice()).map_err(failed)?;
    }
    builder.into_inner().map_err(|error| ArchiveError::Io { path: "the archive".to_owned(), why: error.to_string() })
}
