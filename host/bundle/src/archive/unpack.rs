//! A tree from a plain tar of strangers.

use std::io::Read;

use cap_std::fs::Dir;
use tar::{Archive, Entry, EntryType, PaxExtensions};

use super::{ArchiveError, TreeWriter};
use crate::{BundleFile, Limits};

/// Largest entry that only carries a long name or other attributes of the next one, bytes.
const EXTENSION_BYTES: u64 = 64 << 10;
/// A header, and what an entry is padded to.
const BLOCK: u64 = 512;

/// Unpacks a plain tar into an empty folder and lists its files, sorted by path. See [`unpack_into`].
pub fn unpack(from: impl Read, to: &Dir, limits: &Limits) -> Result<Vec<BundleFile>, ArchiveError> {
    let mut tree = TreeWriter::new(to, limits);
    unpack_into(&mut tree, from)?;
    Ok(tree.finish())
}

/// Unpacks the regular files of a plain tar. Folders come from the paths of files; hidden entries are passed over. Links,
/// devices, sparse files, paths that lead out, two entries that some system takes for one, and whatever is over the
/// limits end it with an error; the caller removes the folder.
pub fn unpack_into(tree: &mut TreeWriter<'_>, from: impl Read) -> Result<(), ArchiveError> {
    let limits = tree.limits();
    // Headers, padding and names of entries: what an archive within the limits can have at most.
    let overhead = (limits.files as u64).saturating_mul(4 * BLOCK).saturating_add(EXTENSION_BYTES);
    let most = limits.total_bytes.saturating_add(overhead);
    let mut archive = Archive::new(Counted { from, left: most });
    // Raw, because the library would keep names of any length in memory and let an attribute change a size.
    let entries = archive.entries().map_err(malformed)?.raw(true);
    let mut name = None;
    for entry in entries {
        let mut entry = entry.map_err(malformed)?;
        let kind = entry.header().entry_type();
        match kind {
            EntryType::GNULongName => name = Some(text(extension(&mut entry)?)?),
            EntryType::XHeader => name = pax_name(&extension(&mut entry)?)?.or(name),
            EntryType::XGlobalHeader => {
                pax_name(&extension(&mut entry)?)?;
            }
            _ => {
                let path = match name.take() {
                    Some(path) => path,
                    None => text(entry.path_bytes().into_owned())?,
                };
                match kind {
                    EntryType::Regular | EntryType::Continuous => {
                        tree.file(&path, &mut entry)?;
                    }
                    EntryType::Directory => {
                        tree.folder(&path)?;
                    }
                    _ => return Err(ArchiveError::Kind { path, kind: describe(kind) }),
                }
            }
        }
    }
    Ok(())
}

/// All bytes of an entry that describes the next one.
fn extension(entry: &mut Entry<'_, impl Read>) -> Result<Vec<u8>, ArchiveError> {
    if entry.size() > EXTENSION_BYTES {
        let why = format!("a name or attribute has more than {EXTENSION_BYTES} bytes");
        return Err(ArchiveError::Malformed { why });
    }
    let mut bytes = Vec::new();
    entry.read_to_end(&mut bytes).map_err(malformed)?;
    Ok(bytes)
}

/// The path that attributes in the pax format give the next entry.
fn pax_name(bytes: &[u8]) -> Result<Option<String>, ArchiveError> {
    let mut name = None;
    for extension in PaxExtensions::new(bytes) {
        let extension = extension.map_err(malformed)?;
        match extension.key_bytes() {
            b"path" => name = Some(text(extension.value_bytes().to_vec())?),
            b"size" => {
                let why = "an attribute changes the size of an entry".to_owned();
                return Err(ArchiveError::Malformed { why });
            }
            _ => {}
        }
    }
    Ok(name)
}

fn text(mut bytes: Vec<u8>) -> Result<String, ArchiveError> {
    // Long names end with a NUL.
    if bytes.last() == Some(&0) {
        bytes.pop();
    }
    String::from_utf8(bytes).map_err(|error| {
        let path = String::from_utf8_lossy(error.as_bytes()).into_owned();
        ArchiveError::Path { path, why: "it is not UTF-8" }
    })
}

fn describe(kind: EntryType) -> &'static str {
    match kind {
        EntryType::Symlink | EntryType::Link | EntryType::GNULongLink => "a link",
        EntryType::Char | EntryType::Block => "a device",
        EntryType::Fifo => "a pipe",
        EntryType::GNUSparse => "a sparse file",
        _ => "of an unknown kind",
    }
}

fn malformed(error: std::io::Error) -> ArchiveError {
    ArchiveError::Malformed { why: error.to_string() }
}

/// Ends a stream that goes on for longer than any good one.
struct Counted<R> {
    from: R,
    left: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        if self.left == 0 {
            return Err(std::io::Error::other("the archive goes on after all that a bundle may hold"));
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(to.len());
        let read = self.from.read(&mut to[..most])?;
        self.left -= read as u64;
        Ok(read)
    }
}
