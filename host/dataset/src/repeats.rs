//! Which rows are equal to earlier ones, of more rows than memory holds: ids are put into parts by a digest, and each part
//! is looked through by itself.

use std::collections::HashMap;
use std::fs::File;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, BufReader, BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

/// Ids that are held before they go to files.
const HELD: usize = 500_000;
/// Files.
const PARTS: usize = 256;
/// Bytes of an entry: digest and row.
const ENTRY: usize = 24;
/// Held of each file before it is written.
const BUFFER: usize = 16 << 10;

/// Finds equal ids.
pub(crate) struct Repeats {
    held: Vec<(u128, u64)>,
    parts: Vec<BufWriter<File>>,
    /// Chooses the part; random, so that no table can be made that fills only one.
    spread: RandomState,
}

/// A row with an equal one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Repeat {
    /// Its number.
    pub row: u64,
    /// Of the first that it is equal to.
    pub first: u64,
    /// How many equal ones stand before it.
    pub before: u32,
}

impl Repeats {
    pub fn new() -> Self {
        Self { held: Vec::new(), parts: Vec::new(), spread: RandomState::new() }
    }

    /// Adds the id of the next row; files are made in `folder` and have no name.
    pub fn push(&mut self, row: u64, id: &str, folder: &Path) -> io::Result<()> {
        let mut digest = [0; 16];
        digest.copy_from_slice(&blake3::hash(id.as_bytes()).as_bytes()[..16]);
        let digest = u128::from_be_bytes(digest);
        if self.parts.is_empty() {
            self.held.push((digest, row));
            if self.held.len() < HELD {
                return Ok(());
            }
            for _ in 0..PARTS {
                self.parts.push(BufWriter::with_capacity(BUFFER, tempfile::tempfile_in(folder)?));
            }
            return std::mem::take(&mut self.held).into_iter().try_for_each(|(digest, row)| self.put(digest, row));
        }
        self.put(digest, row)
    }

    fn put(&mut self, digest: u128, row: u64) -> io::Result<()> {
        let part = self.spread.hash_one(digest) as usize % PARTS;
        let mut entry = [0; ENTRY];
        entry[..16].copy_from_slice(&digest.to_be_bytes());
        entry[16..].copy_from_slice(&row.to_be_bytes());
        self.parts[part].write_all(&entry)
    }

    /// All repeats, ascending; of more than `most` the first that were found and one more.
    pub fn finish(self, most: usize) -> io::Result<Vec<Repeat>> {
        let mut found = Vec::new();
        look(self.held.into_iter().map(Ok), most, &mut found)?;
        for part in self.parts {
            let mut file = part.into_inner().map_err(io::IntoInnerError::into_error)?;
            file.seek(SeekFrom::Start(0))?;
            let entries = file.metadata()?.len() / ENTRY as u64;
            let mut from = BufReader::new(file);
            let next = |_| {
                let mut entry = [0; ENTRY];
                from.read_exact(&mut entry)?;
                let (mut digest, mut row) = ([0; 16], [0; 8]);
                digest.copy_from_slice(&entry[..16]);
                row.copy_from_slice(&entry[16..]);
                Ok((u128::from_be_bytes(digest), u64::from_be_bytes(row)))
            };
            look((0..entries).map(next), most, &mut found)?;
        }
        found.sort_unstable();
        Ok(found)
    }
}

fn look(
    entries: impl Iterator<Item = io::Result<(u128, u64)>>,
    most: usize,
    found: &mut Vec<Repeat>,
) -> io::Result<()> {
    // The digest of the first and how many there were.
    let mut seen: HashMap<u128, (u64, u32)> = HashMap::new();
    for entry in entries {
        let (digest, row) = entry?;
        match seen.get_mut(&digest) {
            None => drop(seen.insert(digest, (row, 1))),
            Some(_) if found.len() > most => {}
            Some((first, before)) => {
                found.push(Repeat { row, first: *first, before: *before });
                *before = before.saturating_add(1);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ids: impl Iterator<Item = u64>, most: usize) -> (bool, Vec<Repeat>) {
        let folder = tempfile::tempdir().unwrap();
        let mut repeats = Repeats::new();
        for (row, id) in (0..).zip(ids) {
            repeats.push(row, &id.to_string(), folder.path()).unwrap();
        }
        (!repeats.parts.is_empty(), repeats.finish(most).unwrap())
    }

    #[test]
    fn equal_ids_are_counted() {
        let (_, found) = of([7, 8, 7, 9, 7].into_iter(), 10);
        assert_eq!(found, [Repeat { row: 2, first: 0, before: 1 }, Repeat { row: 4, first: 0, before: 2 }]);
    }

    #[test]
    fn files_find_what_memory_finds() {
        let all = HELD as u64 + 1000;
        let (in_files, found) = of((0..all).map(|row| if row % 100_000 == 99_999 { 5 } else { row }), 1000);
        assert!(in_files);
        let rows: Vec<_> = found.iter().map(|repeat| (repeat.row, repeat.first, repeat.before)).collect();
        assert_eq!(rows, [(99_999, 5, 1), (199_999, 5, 2), (299_999, 5, 3), (399_999, 5, 4), (499_999, 5, 5)]);
    }

    #[test]
    fn there_is_a_most() {
        let (_, found) = of((0..100).map(|_| 1), 10);
        assert_eq!(found.len(), 11);
    }
}
