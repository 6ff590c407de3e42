//! A batch: up to 64 finished cases on their way from a worker to the store, as one object.
//!
//! Layout, integers big-endian: 8 bytes magic; the records as zstd-compressed JSON lines; per case its index in the
//! plan (u64) and its 44-byte strip; then the length of the compressed lines (u64), the number of cases (u32) and the
//! BLAKE3 of all before. What a case cost and how it ended is read from the end, without opening a transcript.

use crate::row::Row;
use crate::strip::{STRIP_BYTES, Strip};

const MAGIC: &[u8; 8] = b"ARBATCH1";
const ENTRY_BYTES: usize = 8 + STRIP_BYTES;
const TRAILER_BYTES: usize = 8 + 4 + 32;
/// zstd level of the lines: batches live until the job's segment is written.
const LEVEL: i32 = 1;

/// Why bytes are no batch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the batch cannot be read: {detail}")]
pub struct BatchCorrupt {
    /// What is wrong with it.
    pub detail: String,
}

fn corrupt(detail: impl Into<String>) -> BatchCorrupt {
    BatchCorrupt { detail: detail.into() }
}

/// A batch being filled.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    lines: Vec<u8>,
    entries: Vec<(u64, Strip)>,
}

impl Batch {
    /// Adds a record by its line, newline not included.
    ///
    /// # Errors
    /// [`BatchCorrupt`] for a line that is no record.
    pub fn push(&mut self, line: &[u8]) -> Result<(), BatchCorrupt> {
        let row = Row::read(line).map_err(corrupt)?;
        self.entries.push((row.index, Strip::of(&row)));
        self.lines.extend_from_slice(line);
        self.lines.push(b'\n');
        Ok(())
    }

    /// Bytes of its lines.
    pub fn bytes(&self) -> usize {
        self.lines.len()
    }

    /// Number of cases.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it holds no case.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The object's bytes.
    ///
    /// # Errors
    /// What zstd says.
    pub fn encode(&self) -> std::io::Result<Vec<u8>> {
        let mut bytes = MAGIC.to_vec();
        let lines = zstd::bulk::compress(&self.lines, LEVEL)?;
        bytes.extend_from_slice(&lines);
        for (index, strip) in &self.entries {
            bytes.extend_from_slice(&index.to_be_bytes());
            bytes.extend_from_slice(&strip.encode());
        }
        bytes.extend_from_slice(&(lines.len() as u64).to_be_bytes());
        bytes.extend_from_slice(&(self.entries.len() as u32).to_be_bytes());
        let hash = blake3::hash(&bytes);
        bytes.extend_from_slice(hash.as_bytes());
        Ok(bytes)
    }
}

/// A batch that was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBatch<'a> {
    compressed: &'a [u8],
    /// Index in the plan and strip of each case, in the order stored.
    pub entries: Vec<(u64, Strip)>,
}

impl<'a> StoredBatch<'a> {
    /// Reads all but the lines, and proves every byte.
    ///
    /// # Errors
    /// [`BatchCorrupt`] for anything but what [`Batch::encode`] gave.
    pub fn open(bytes: &'a [u8]) -> Result<Self, BatchCorrupt> {
        let (body, hash) = bytes.split_last_chunk::<32>().ok_or_else(|| corrupt("it is too short"))?;
        if blake3::hash(body).as_bytes() != hash {
            return Err(corrupt("its BLAKE3 does not match"));
        }
        let short = || corrupt("its lengths do not match its size");
        let (body, count) = body.split_last_chunk::<4>().ok_or_else(short)?;
        let (body, length) = body.split_last_chunk::<8>().ok_or_else(short)?;
        let rest = body.strip_prefix(MAGIC).ok_or_else(|| corrupt("it does not start as a batch does"))?;
        let count = u32::from_be_bytes(*count) as usize;
        let strips = count
            .checked_mul(ENTRY_BYTES)
            .filter(|strips| u64::from_be_bytes(*length).checked_add(*strips as u64) == Some(rest.len() as u64));
        let (compressed, entries) = rest.split_at(rest.len() - strips.ok_or_else(short)?);
        let entry = |bytes: &[u8]| {
            let (index, strip) = bytes.split_first_chunk::<8>()?;
            Some((u64::from_be_bytes(*index), Strip::decode(strip.try_into().ok()?)?))
        };
        let entries: Option<Vec<_>> = entries.chunks_exact(ENTRY_BYTES).map(entry).collect();
        Ok(Self { compressed, entries: entries.ok_or_else(|| corrupt("it names an unknown outcome"))? })
    }

    /// The lines, one per entry, of at most `limit` bytes in all.
    ///
    /// # Errors
    /// [`BatchCorrupt`] if they are more, or not as many as entries.
    pub fn lines(&self, limit: usize) -> Result<Vec<Vec<u8>>, BatchCorrupt> {
        let bytes = zstd::bulk::decompress(self.compressed, limit)
            .map_err(|error| corrupt(format!("its lines do not decompress into {limit} bytes: {error}")))?;
        let lines: Vec<_> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
        if lines.len() != self.entries.len() || lines.last().is_some_and(|line| !line.ends_with(b"\n")) {
            return Err(corrupt(format!("it holds {} lines for {} cases", lines.len(), self.entries.len())));
        }
        Ok(lines.into_iter().map(|line| line[..line.len() - 1].to_vec()).collect())
    }
}

/// Most bytes a batch of `raw` bytes of lines and `cases` cases can have as an object.
pub fn encoded_limit(raw: usize, cases: usize) -> usize {
    zstd::zstd_safe::compress_bound(raw) + cases * ENTRY_BYTES + MAGIC.len() + TRAILER_BYTES
}
