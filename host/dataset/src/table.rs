//! Rows by number, from blocks that are read when they are needed.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use arena_model::Hasher;

use crate::row::Values;
use crate::{Block, DatasetError, INDEX, Index, ROWS, Row};

/// Fewest and most unpacked blocks that are kept.
const KEPT: (usize, usize) = (4, 8);
/// Bytes of rows up to which more than the fewest are.
const KEPT_BYTES: usize = 1 << 20;
/// Longest index, bytes.
const INDEX_BYTES: u64 = 64 << 20;
/// Most bytes of an unpacked block: its limit and a row over it.
const BLOCK_BYTES: u32 = 8 << 20;

/// Where the blocks of a table are read from.
pub trait Blocks: Send + Sync {
    /// `count` bytes from `offset` of the file of rows.
    ///
    /// # Errors
    /// What went wrong, in words.
    fn read(&self, offset: u64, count: u32) -> Result<Vec<u8>, String>;
}

/// A table that was indexed.
pub struct Table {
    index: Index,
    blocks: Box<dyn Blocks>,
    /// The last used first.
    kept: Mutex<VecDeque<(usize, Arc<Unpacked>)>>,
}

/// The rows of a block.
struct Unpacked {
    text: String,
    /// Where each row ends in `text`.
    ends: Vec<u32>,
}

impl Unpacked {
    fn new(text: String) -> Self {
        // Blocks have at most `BLOCK_BYTES`.
        let mut ends: Vec<u32> = memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at as u32).collect();
        if !text.is_empty() && !text.ends_with('\n') {
            ends.push(text.len() as u32);
        }
        Self { text, ends }
    }

    fn row(&self, nth: usize) -> Option<&str> {
        let end = *self.ends.get(nth)? as usize;
        let from = nth.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |end| *end as usize + 1);
        self.text.get(from..end)
    }
}

impl Table {
    /// The table whose index and rows are in `folder`.
    ///
    /// # Errors
    /// [`DatasetError::IndexBroken`], [`DatasetError::Io`].
    pub fn open(folder: &Path) -> Result<Self, DatasetError> {
        let path = folder.join(INDEX);
        let shown = path.display().to_string();
        let failed = || DatasetError::io(&shown, "the index of a table cannot be read");
        let mut bytes = Vec::new();
        regular(&path).map_err(failed())?.take(INDEX_BYTES + 1).read_to_end(&mut bytes).map_err(failed())?;
        if bytes.len() as u64 > INDEX_BYTES {
            return Err(DatasetError::broken(&shown, format!("it has more than {INDEX_BYTES} bytes")));
        }
        Self::of_folder(Index::read(&bytes)?, folder)
    }

    /// As [`Table::open`], with the index at hand.
    pub(crate) fn of_folder(index: Index, folder: &Path) -> Result<Self, DatasetError> {
        let failed = || DatasetError::io(&index.table, "its rows cannot be read");
        let file = regular(&folder.join(ROWS)).map_err(failed())?;
        let end = index.blocks.last().map_or(0, |block| block.offset.saturating_add(block.packed.into()));
        if file.metadata().map_err(failed())?.len() != end {
            return Err(DatasetError::broken(&index.table, "its rows are cut"));
        }
        Self::new(index, Box::new(OfFile(file)))
    }

    /// The table of `index` with its blocks elsewhere.
    ///
    /// # Errors
    /// [`DatasetError::IndexBroken`].
    pub fn new(index: Index, blocks: Box<dyn Blocks>) -> Result<Self, DatasetError> {
        index.check().map_err(|why| DatasetError::broken(&index.table, why))?;
        Ok(Self { index, blocks, kept: Mutex::default() })
    }

    /// The same under another name, for messages.
    #[must_use]
    pub fn named(mut self, table: &str) -> Self {
        self.index.table = table.to_owned();
        self
    }

    /// Whether its packed rows are those that were indexed; true without a look if they are more than `most` bytes.
    pub fn is_intact(&self, most: u64) -> bool {
        let packed: u64 = self.index.blocks.iter().map(|block| u64::from(block.packed)).sum();
        packed > most || self.index.blocks.iter().all(|block| self.packed(block).is_ok())
    }

    /// Reads all rows and compares them with what the index says they are.
    ///
    /// # Errors
    /// As [`Table::row`].
    pub fn verify(&self) -> Result<(), DatasetError> {
        let mut content = Hasher::default();
        for (at, block) in self.index.blocks.iter().enumerate() {
            let text = self.unpacked(block)?;
            let next = self.index.blocks.get(at + 1).map_or(self.index.rows, |next| next.first);
            if text.lines().count() as u64 != next.saturating_sub(block.first) {
                return Err(DatasetError::broken(&self.index.table, "a block has other rows than were indexed"));
            }
            content.update(text.as_bytes());
        }
        match content.finish() == self.index.content {
            true => Ok(()),
            false => Err(DatasetError::broken(&self.index.table, "its rows are not those that were indexed")),
        }
    }

    /// What is known of it.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// The row `number`, from 0.
    ///
    /// # Errors
    /// [`DatasetError::IndexBroken`], [`DatasetError::Io`].
    pub fn row(&self, number: u64) -> Result<Row, DatasetError> {
        let broken = |why: &str| DatasetError::broken(&self.index.table, why);
        let at = self.index.block_of(number).ok_or_else(|| broken("there is no such row"))?;
        let (block, rows) = (&self.index.blocks[at], self.block(at)?);
        let nth = usize::try_from(number - block.first).unwrap_or(usize::MAX);
        let line = rows.row(nth).ok_or_else(|| broken("a block lacks rows"))?;
        self.parsed(number, line)
    }

    /// Whether [`Table::row`] needs to read nothing for this row, now.
    pub fn is_at_hand(&self, number: u64) -> bool {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        self.index.block_of(number).is_some_and(|at| kept.iter().any(|(kept, _)| *kept == at))
    }

    /// Calls `each` for every row, in order, until it ends with an error.
    ///
    /// # Errors
    /// As [`Table::row`], and those of `each`.
    pub fn scan(&self, mut each: impl FnMut(Row) -> Result<(), DatasetError>) -> Result<(), DatasetError> {
        for (at, block) in self.index.blocks.iter().enumerate() {
            let text = self.unpacked(block)?;
            let next = self.index.blocks.get(at + 1).map_or(self.index.rows, |next| next.first);
            let mut number = block.first;
            for line in text.lines() {
                each(self.parsed(number, line)?)?;
                number += 1;
            }
            if number != next {
                return Err(DatasetError::broken(&self.index.table, "a block lacks rows"));
            }
        }
        Ok(())
    }

    fn parsed(&self, number: u64, line: &str) -> Result<Row, DatasetError> {
        let broken = || DatasetError::broken(&self.index.table, "a row cannot be read");
        let mut parts = line.splitn(3, '\t');
        let (Some(line), Some(id), Some(text)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(broken());
        };
        let id = match self.index.repeats_before(number) {
            0 => id.to_owned(),
            before => format!("{id}.{}", before + 1),
        };
        let values = match text.strip_prefix('!') {
            Some(why) => Err(why.to_owned()),
            None => Ok(Values::parse(text).map_err(|_| broken())?),
        };
        Ok(Row { number, line: line.parse().map_err(|_| broken())?, id, values })
    }

    fn block(&self, at: usize) -> Result<Arc<Unpacked>, DatasetError> {
        let kept = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        {
            let mut kept = kept();
            if let Some(place) = kept.iter().position(|(kept, _)| *kept == at)
                && let Some(found) = kept.remove(place)
            {
                let rows = found.1.clone();
                kept.push_front(found);
                return Ok(rows);
            }
        }
        // Two that want the same at once both read it: waiting for each other would be worse.
        let rows = Arc::new(Unpacked::new(self.unpacked(&self.index.blocks[at])?));
        let mut kept = kept();
        kept.push_front((at, rows.clone()));
        let mut bytes = 0;
        let stays = |(nth, (_, rows)): &(usize, &(usize, Arc<Unpacked>))| {
            bytes += rows.text.len();
            *nth < KEPT.0 || (*nth < KEPT.1 && bytes <= KEPT_BYTES)
        };
        let staying = kept.iter().enumerate().take_while(stays).count();
        kept.truncate(staying);
        Ok(rows)
    }

    /// The bytes of a block as they are kept, checked against the index.
    fn packed(&self, block: &Block) -> Result<Vec<u8>, DatasetError> {
        if block.bytes > BLOCK_BYTES || block.packed > BLOCK_BYTES {
            return Err(DatasetError::broken(&self.index.table, "a block is too large"));
        }
        let read = self.blocks.read(block.offset, block.packed);
        let doing = "its rows cannot be read".to_owned();
        let packed = read.map_err(|why| DatasetError::Io { table: self.index.table.clone(), doing, why })?;
        if !blake3::hash(&packed).to_hex().starts_with(block.hash.as_str()) || block.hash.len() < 32 {
            return Err(DatasetError::broken(&self.index.table, "a block is not what was indexed"));
        }
        Ok(packed)
    }

    fn unpacked(&self, block: &Block) -> Result<String, DatasetError> {
        let broken = |why: &str| DatasetError::broken(&self.index.table, why);
        let packed = self.packed(block)?;
        let bytes = zstd::bulk::decompress(&packed, block.bytes as usize).map_err(|_| broken("a block is broken"))?;
        String::from_utf8(bytes).map_err(|_| broken("a block is no text"))
    }
}

/// A regular file: a pipe would block when opened, a device never end.
fn regular(path: &Path) -> std::io::Result<File> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("this is not a regular file"));
    }
    File::open(path)
}

struct OfFile(File);

impl Blocks for OfFile {
    fn read(&self, offset: u64, count: u32) -> Result<Vec<u8>, String> {
        let mut bytes = vec![0; count as usize];
        self.0.read_exact_at(&mut bytes, offset).map_err(|error| error.to_string())?;
        Ok(bytes)
    }
}
