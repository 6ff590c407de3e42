//! What the name of a table says of its bytes.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::rc::Rc;

use flate2::read::MultiGzDecoder;

use crate::DatasetError;

/// Largest window of a zstd stream, as a power of 2: what it may make us hold.
const ZSTD_WINDOW_LOG: u32 = 27;
/// Read at once.
const BUFFER: usize = 256 << 10;

/// How rows stand in the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// A JSON object a line.
    JsonLines,
    /// Fields with this between them, their names in the first record.
    Separated(u8),
    /// Apache Parquet.
    Parquet,
}

/// What is around them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Plain,
    Gzip,
    Zstd,
}

/// Reads a name; the case of its letters does not matter.
pub(crate) fn of(table: &str) -> Result<(Layout, Packing), DatasetError> {
    let unknown = || DatasetError::FormatUnknown { table: table.to_owned() };
    let name = table.to_ascii_lowercase();
    let (name, packing) = match name.rsplit_once('.') {
        Some((name, "gz")) => (name, Packing::Gzip),
        Some((name, "zst")) => (name, Packing::Zstd),
        _ => (name.as_str(), Packing::Plain),
    };
    let layout = match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("jsonl" | "ndjson") => Layout::JsonLines,
        Some("csv") => Layout::Separated(b','),
        Some("tsv") => Layout::Separated(b'\t'),
        // It packs its own columns, and must be read from its end.
        Some("parquet") if packing == Packing::Plain => Layout::Parquet,
        _ => return Err(unknown()),
    };
    Ok((layout, packing))
}

/// The unpacked bytes of a table, counted.
pub(crate) struct Unpacked {
    from: Box<dyn Read>,
    count: Rc<Cell<u64>>,
    limit: u64,
}

impl Unpacked {
    /// `read` grows with the bytes that are read of the file itself. Gives the bytes unpacked so far, too.
    pub fn open(file: File, packing: Packing, limit: u64, read: Rc<Cell<u64>>) -> io::Result<(Self, Rc<Cell<u64>>)> {
        let file = BufReader::with_capacity(BUFFER, Counted { from: file, count: read });
        let from: Box<dyn Read> = match packing {
            Packing::Plain => Box::new(file),
            Packing::Gzip => Box::new(MultiGzDecoder::new(file)),
            Packing::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(file)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG)?;
                Box::new(decoder)
            }
        };
        let count = Rc::new(Cell::new(0));
        Ok((Self { from, count: count.clone(), limit }, count))
    }
}

impl Read for Unpacked {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(to)?;
        self.count.set(self.count.get() + read as u64);
        if self.count.get() > self.limit {
            return Err(io::Error::other(format!("it has more than {} bytes unpacked", self.limit)));
        }
        Ok(read)
    }
}

/// Counts what is read.
struct Counted<R> {
    from: R,
    count: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(to)?;
        self.count.set(self.count.get() + read as u64);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_formats() {
        assert_eq!(of("a/b.JSONL.zst").unwrap(), (Layout::JsonLines, Packing::Zstd));
        assert_eq!(of("b.csv.gz").unwrap(), (Layout::Separated(b','), Packing::Gzip));
        assert_eq!(of("b.tsv").unwrap(), (Layout::Separated(b'\t'), Packing::Plain));
        assert_eq!(of("b.parquet").unwrap(), (Layout::Parquet, Packing::Plain));
        for name in ["b", "b.gz", "b.json", "b.parquet.gz", "jsonl", ".zst"] {
            assert!(of(name).is_err(), "{name}");
        }
    }
}
