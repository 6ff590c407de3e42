//! The fixed-size strip per case, beside each segment: enough for statistics without opening a transcript.
//!
//! File layout, integers big-endian: 8 bytes magic, then 44 bytes per case in plan order, then the bitmap of the cases
//! present (bit `i % 8` of byte `i / 8`, from the lowest), then the number of bitmap bytes (u64), the number of cases
//! (u64) and the BLAKE3 of all before.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use arena_model::Outcome;

use crate::index::Index;
use crate::row::Row;
use crate::run_view::SEGMENTS;
use crate::{Result, ResultsError, RunView, atomic};

pub(crate) const MAGIC: &[u8; 8] = b"ARSTRIP1";
pub(crate) const STRIP_BYTES: usize = 44;
const TRAILER_BYTES: usize = 48;

/// Numbers of one case, integers only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strip {
    /// How the case ended.
    pub outcome: Outcome,
    /// Number of checks that gave a score, at most 65,535.
    pub scored: u16,
    /// Sum of those scores in units of 1e-9.
    pub score_nano: u64,
    /// Millionths of a US dollar; none if any price is unknown.
    pub cost_usd_micro: Option<u64>,
    /// Tokens in.
    pub input: u64,
    /// Tokens out.
    pub output: u64,
    /// Microseconds of the whole case.
    pub latency_us: u64,
}

/// Milliseconds of a record in whole microseconds; what is no time counts as none.
pub(crate) fn micros(milliseconds: f64) -> u64 {
    (milliseconds * 1000.0).round() as u64
}

impl Strip {
    /// The strip of a record.
    pub(crate) fn of(record: &Row<'_>) -> Self {
        let scores = record.checks.iter().filter_map(|check| check.score).take(usize::from(u16::MAX));
        Self {
            outcome: record.outcome,
            scored: scores.clone().count() as u16,
            score_nano: scores.map(|score| (score.clamp(0.0, 1.0) * 1e9).round() as u64).sum(),
            cost_usd_micro: record.cost_usd_micro,
            input: record.usage.input,
            output: record.usage.output,
            latency_us: micros(record.measured.latency_ms),
        }
    }

    pub(crate) fn encode(&self) -> [u8; STRIP_BYTES] {
        let mut bytes = [0; STRIP_BYTES];
        let outcome = Outcome::ALL.iter().position(|outcome| *outcome == self.outcome).unwrap_or_default();
        bytes[0] = outcome as u8;
        bytes[1] = u8::from(self.cost_usd_micro.is_some());
        bytes[2..4].copy_from_slice(&self.scored.to_be_bytes());
        let words =
            [self.score_nano, self.cost_usd_micro.unwrap_or_default(), self.input, self.output, self.latency_us];
        for (place, word) in bytes[4..].chunks_exact_mut(8).zip(words) {
            place.copy_from_slice(&word.to_be_bytes());
        }
        bytes
    }

    pub(crate) fn decode(bytes: &[u8; STRIP_BYTES]) -> Option<Self> {
        let word =
            |at: usize| bytes[4 + at * 8..12 + at * 8].iter().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
        Some(Self {
            outcome: *Outcome::ALL.get(usize::from(bytes[0]))?,
            scored: u16::from_be_bytes([bytes[2], bytes[3]]),
            score_nano: word(0),
            cost_usd_micro: (bytes[1] == 1).then(|| word(1)),
            input: word(2),
            output: word(3),
            latency_us: word(4),
        })
    }
}

/// Iterator over (index in the plan, strip), see [`strips`].
pub struct Strips {
    path: PathBuf,
    file: BufReader<File>,
    bitmap: Vec<u8>,
    next: u64,
}

/// The strips of a sealed run in plan order, checked against their BLAKE3 first. Holds one bit per planned case.
///
/// Errors: `SegmentCorrupt`, `ResultsIo`; a running folder has none (`ResultsIo` for `index.json`).
pub fn strips(run: &RunView) -> Result<impl Iterator<Item = Result<(u64, Strip)>>> {
    let mut parts = Vec::new();
    for segment in Index::read(run)?.segments {
        parts.push(Strips::open(&run.file(SEGMENTS).join(&segment.strips), segment.records)?);
    }
    Ok(parts.into_iter().flatten())
}

impl Strips {
    fn open(path: &Path, records: u64) -> Result<Self> {
        let corrupt = |detail: &str| ResultsError::SegmentCorrupt { path: path.to_owned(), detail: detail.to_owned() };
        let io = || ResultsError::io("read", path);
        let file = atomic::open_plain(path, File::options().read(true)).map_err(ResultsError::io("open", path))?;
        let total = file.metadata().map_err(io())?.len();
        let body = total.checked_sub(32).ok_or_else(|| corrupt("it is too short"))?;
        let mut file = BufReader::with_capacity(256 << 10, file);
        let mut hasher = blake3::Hasher::new();
        io::copy(&mut file.by_ref().take(body), &mut hasher).map_err(io())?;
        let mut wanted = [0; 32];
        file.read_exact(&mut wanted).map_err(io())?;
        if hasher.finalize() != blake3::Hash::from_bytes(wanted) {
            return Err(corrupt("its BLAKE3 does not match"));
        }
        let mut counts = [[0u8; 8]; 2];
        file.seek(SeekFrom::Start(total.saturating_sub(TRAILER_BYTES as u64))).map_err(io())?;
        for count in &mut counts {
            file.read_exact(count).map_err(io())?;
        }
        let [bits, cases] = counts.map(u64::from_be_bytes);
        let strips = cases.checked_mul(STRIP_BYTES as u64).and_then(|size| size.checked_add(MAGIC.len() as u64));
        if strips.and_then(|size| size.checked_add(bits)?.checked_add(TRAILER_BYTES as u64)) != Some(total)
            || cases != records
        {
            return Err(corrupt("its counts do not match its size or the index"));
        }
        let mut bitmap = vec![0; bits as usize];
        file.seek(SeekFrom::Start(strips.unwrap_or_default())).map_err(io())?;
        file.read_exact(&mut bitmap).map_err(io())?;
        file.seek(SeekFrom::Start(MAGIC.len() as u64)).map_err(io())?;
        Ok(Self { path: path.to_owned(), file, bitmap, next: 0 })
    }
}

impl Iterator for Strips {
    type Item = Result<(u64, Strip)>;

    fn next(&mut self) -> Option<Self::Item> {
        let index = (self.next..self.bitmap.len() as u64 * 8)
            .find(|index| self.bitmap[(index / 8) as usize] >> (index % 8) & 1 == 1)?;
        self.next = index + 1;
        let mut bytes = [0; STRIP_BYTES];
        if let Err(error) = self.file.read_exact(&mut bytes) {
            return Some(Err(ResultsError::io("read", &self.path)(error)));
        }
        let unknown = || ResultsError::SegmentCorrupt {
            path: self.path.clone(),
            detail: format!("case {index} has an outcome that is not known here"),
        };
        Some(Strip::decode(&bytes).map(|strip| (index, strip)).ok_or_else(unknown))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strip_survives_its_encoding() {
        for (outcome, cost_usd_micro) in [(Outcome::Passed, Some(u64::MAX)), (Outcome::NotRun, None)] {
            let strip = Strip {
                outcome,
                scored: 3,
                score_nano: 2_500_000_001,
                cost_usd_micro,
                input: 7,
                output: u64::MAX - 1,
                latency_us: 1234,
            };
            assert_eq!(Strip::decode(&strip.encode()), Some(strip));
        }
        assert_eq!(Strip::decode(&[9; STRIP_BYTES]), None);
    }

    #[test]
    fn times_that_are_none_count_as_zero() {
        assert_eq!([micros(1.5), micros(-1.0), micros(f64::NAN)], [1500, 0, 0]);
    }
}
