//! Rows and packed transcripts of one kind of case, kept in unnamed files beside the run: memory stays the same however
//! many there are.

use std::io::{self, BufRead as _, BufReader, BufWriter, Read as _, Seek as _, Write};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use tempfile::SpooledTempFile;

/// Bytes of transcripts in a block, before packing: what a browser unpacks to show one.
const BLOCK_BYTES: usize = 256 << 10;
/// Bytes of transcripts on a shelf, before packing: what a browser unpacks to search all.
const UNPACKED_BYTES: usize = 256 << 20;
/// Bytes held in memory before a file takes them.
const IN_MEMORY: usize = 64 << 10;
/// Bytes that the element around a block takes.
const AROUND: usize = 48;

/// Where a row's transcript is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The case has none.
    None,
    /// There was no room.
    LeftOut,
    /// In the block of this number.
    Block(u32),
}

/// A block on the shelf: its base64 text.
struct Block {
    start: u64,
    bytes: usize,
}

pub(super) struct Shelf {
    rows: BufWriter<SpooledTempFile>,
    /// Of each row its length, line break not included, and where its transcript is.
    lines: Vec<(u32, Place)>,
    row_bytes: usize,
    blocks: BufWriter<SpooledTempFile>,
    index: Vec<Block>,
    packed_bytes: usize,
    unpacked_bytes: usize,
    max_bytes: usize,
    /// Transcripts of the block that is being filled.
    open: Vec<u8>,
    /// Cases that came, with a row or not.
    pub seen: u64,
}

fn scratch(folder: &Path) -> BufWriter<SpooledTempFile> {
    BufWriter::with_capacity(IN_MEMORY, tempfile::spooled_tempfile_in(IN_MEMORY, folder))
}

impl Shelf {
    /// An empty one whose files lie in `folder`; holds at most about `max_bytes` of rows and as much of blocks.
    pub(super) fn new(folder: &Path, max_bytes: usize) -> Self {
        Self {
            rows: scratch(folder),
            lines: Vec::new(),
            row_bytes: 0,
            blocks: scratch(folder),
            index: Vec::new(),
            packed_bytes: 0,
            unpacked_bytes: 0,
            max_bytes,
            open: Vec::new(),
            seen: 0,
        }
    }

    /// Number of rows.
    pub(super) fn rows(&self) -> usize {
        self.lines.len()
    }

    /// Bytes of rows and of what they need besides.
    pub(super) fn row_bytes(&self) -> usize {
        self.row_bytes
    }

    /// Takes a transcript, if there is room, by letting `write` write it as one line.
    pub(super) fn transcript(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>) -> serde_json::Result<()>,
    ) -> io::Result<Place> {
        if self.packed_bytes >= self.max_bytes || self.unpacked_bytes >= UNPACKED_BYTES {
            return Ok(Place::LeftOut);
        }
        let block = Place::Block(self.index.len() as u32);
        let before = self.open.len();
        write(&mut self.open)?;
        self.open.push(b'\n');
        self.unpacked_bytes += self.open.len() - before;
        if self.open.len() >= BLOCK_BYTES {
            self.pack()?;
        }
        Ok(block)
    }

    /// Takes a row, an inert line, which costs `besides` more bytes elsewhere.
    pub(super) fn row(&mut self, line: &[u8], place: Place, besides: usize) -> io::Result<()> {
        self.rows.write_all(line)?;
        self.rows.write_all(b"\n")?;
        self.lines.push((line.len() as u32, place));
        self.row_bytes += line.len() + 1 + besides;
        Ok(())
    }

    fn pack(&mut self) -> io::Result<()> {
        let mut encoder = ZlibEncoder::new(Vec::with_capacity(self.open.len() / 4), Compression::fast());
        encoder.write_all(&self.open)?;
        let text = STANDARD.encode(encoder.finish()?);
        self.blocks.write_all(text.as_bytes())?;
        let start = self.index.last().map_or(0, |last| last.start + last.bytes as u64);
        self.index.push(Block { start, bytes: text.len() });
        self.packed_bytes += text.len() + AROUND;
        self.open.clear();
        Ok(())
    }

    /// No more comes.
    pub(super) fn close(mut self) -> io::Result<Closed> {
        if !self.open.is_empty() {
            self.pack()?;
        }
        let read = |file: BufWriter<SpooledTempFile>| {
            let mut file = file.into_inner().map_err(|error| error.into_error())?;
            file.rewind()?;
            io::Result::Ok(file)
        };
        Ok(Closed { rows: read(self.rows)?, lines: self.lines, blocks: read(self.blocks)?, index: self.index })
    }
}

/// A shelf that is complete, to choose from.
pub(super) struct Closed {
    rows: SpooledTempFile,
    lines: Vec<(u32, Place)>,
    blocks: SpooledTempFile,
    index: Vec<Block>,
}

impl Closed {
    /// How many rows from the first on fit into `room` bytes, at most `most`; takes what they need from `room`.
    pub(super) fn fitting_rows(&self, most: usize, room: &mut usize) -> usize {
        let fits = |(bytes, _): &&(u32, Place)| match room.checked_sub(*bytes as usize + 2) {
            Some(rest) => {
                *room = rest;
                true
            }
            None => false,
        };
        self.lines.iter().take(most).take_while(fits).count()
    }

    /// How many blocks from the first on fit, of those that the first `rows` rows need.
    pub(super) fn fitting_blocks(&self, rows: usize, room: &mut usize) -> usize {
        let needed = self.lines[..rows].iter().rev().find_map(|(_, place)| match place {
            Place::Block(number) => Some(*number as usize + 1),
            _ => None,
        });
        let fits = |block: &&Block| match room.checked_sub(block.bytes + AROUND) {
            Some(rest) => {
                *room = rest;
                true
            }
            None => false,
        };
        self.index.iter().take(needed.unwrap_or(0)).take_while(fits).count()
    }

    /// How many of the first `rows` cases have a transcript that is not within the first `blocks` blocks.
    pub(super) fn left_out(&self, rows: usize, blocks: usize) -> usize {
        let missing = |place: &Place| match place {
            Place::None => false,
            Place::LeftOut => true,
            Place::Block(number) => *number as usize >= blocks,
        };
        self.lines[..rows].iter().filter(|(_, place)| missing(place)).count()
    }

    /// Writes the first `rows` rows, each after a comma but for the first of the page.
    pub(super) fn write_rows(&mut self, out: &mut impl Write, rows: usize, first: bool) -> io::Result<()> {
        for (at, line) in BufReader::new(&mut self.rows).split(b'\n').take(rows).enumerate() {
            out.write_all(if first && at == 0 { b"" } else { b",\n" })?;
            out.write_all(&line?)?;
        }
        Ok(())
    }

    /// Writes the first `blocks` blocks, each as an element with `letter` and its number as id.
    pub(super) fn write_blocks(&mut self, out: &mut impl Write, blocks: usize, letter: char) -> io::Result<()> {
        for (number, block) in self.index.iter().take(blocks).enumerate() {
            write!(out, "<script type=\"text/plain\" id=\"{letter}{number}\">")?;
            io::copy(&mut (&mut self.blocks).take(block.bytes as u64), out)?;
            out.write_all(b"</script>\n")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::ZlibDecoder;

    use super::*;

    fn filled(folder: &Path, cases: usize, max_bytes: usize) -> Closed {
        let mut shelf = Shelf::new(folder, max_bytes);
        let mut random = 1u64;
        for case in 0..cases {
            // Hardly to be packed, so that there are blocks to choose from.
            let mut line = format!("{case} ");
            while line.len() < 10_000 {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                line.push_str(&format!("{random:x}"));
            }
            let place = shelf.transcript(|out| out.write_all(line.as_bytes()).map_err(serde_json::Error::io)).unwrap();
            shelf.row(format!("[{case}]").as_bytes(), place, 0).unwrap();
        }
        shelf.close().unwrap()
    }

    #[test]
    fn blocks_hold_what_rows_say_and_no_file_stays() {
        let folder = tempfile::tempdir().unwrap();
        let mut shelf = filled(folder.path(), 100, 10_000_000);
        assert_eq!(shelf.index.len(), 4);
        let mut page = Vec::new();
        shelf.write_blocks(&mut page, 4, 'a').unwrap();
        let page = String::from_utf8(page).unwrap();
        let blocks: Vec<String> = page
            .lines()
            .map(|line| {
                let text = line.split_once('>').unwrap().1.strip_suffix("</script>").unwrap();
                let mut unpacked = String::new();
                ZlibDecoder::new(&STANDARD.decode(text).unwrap()[..]).read_to_string(&mut unpacked).unwrap();
                unpacked
            })
            .collect();
        for (case, (_, place)) in shelf.lines.iter().enumerate() {
            let Place::Block(number) = place else { panic!("{case}: {place:?}") };
            assert!(blocks[*number as usize].lines().any(|line| line.starts_with(&format!("{case} "))));
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let mut shelf = filled(folder.path(), 100, 300_000);
        let places = |wanted: fn(&Place) -> bool| shelf.lines.iter().filter(|(_, place)| wanted(place)).count();
        assert_eq!(places(|place| *place == Place::LeftOut), 46, "closed after two blocks");
        let mut room = usize::MAX;
        assert_eq!((shelf.fitting_rows(30, &mut room), shelf.fitting_rows(300, &mut 100)), (30, 18));
        assert_eq!((shelf.fitting_blocks(20, &mut room), shelf.fitting_blocks(100, &mut 300_000)), (1, 1));
        assert_eq!((shelf.left_out(20, 1), shelf.left_out(100, 1), shelf.left_out(100, 2)), (0, 73, 46));
        let mut rows = Vec::new();
        shelf.write_rows(&mut rows, 3, true).unwrap();
        assert_eq!(String::from_utf8(rows).unwrap(), "[0],\n[1],\n[2]");
    }
}
