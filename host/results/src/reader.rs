//! Records in plan order, from the journal of a running folder or the segments of a sealed one. One at a time in
//! memory, whatever their number.

use std::fs::File;
use std::io::{self, BufReader, Read as _, Write};
use std::path::PathBuf;

use arena_model::{Outcome, Record};
use serde::Deserialize;

use crate::journal::Places;
use crate::run_view::JOURNAL;
use crate::segment::SegmentLines;
use crate::{Result, ResultsError, RunView, State, atomic, journal};

/// What is read of a record when the rest is not needed.
#[derive(Deserialize)]
pub(crate) struct Head {
    pub index: u64,
    pub outcome: Outcome,
}

/// Reads the head of a line and makes sure that the whole line is one JSON object in UTF-8.
pub(crate) fn head(line: &[u8]) -> std::result::Result<Head, String> {
    serde_json::from_slice(line).map_err(|error| error.to_string())
}

/// The stored lines in plan order, each with the index of its case and without its newline.
pub(crate) enum Lines {
    Journal(JournalLines),
    Segments(Box<SegmentLines>),
}

/// Lines of `run` as they are stored.
pub(crate) fn lines(run: &RunView) -> Result<Lines> {
    match run.state()? {
        State::Running => Ok(Lines::Journal(JournalLines::open(run, journal::scan(run, |_| Ok(()))?.places)?)),
        State::Sealed => Ok(Lines::Segments(Box::new(SegmentLines::open(run)?))),
    }
}

impl Iterator for Lines {
    type Item = Result<(u64, Vec<u8>)>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Journal(lines) => lines.next(),
            Self::Segments(lines) => lines.next(),
        }
    }
}

/// Lines of the journal, found by offset.
pub(crate) struct JournalLines {
    path: PathBuf,
    file: Option<BufReader<File>>,
    position: u64,
    places: std::vec::IntoIter<(u64, u64, u32)>,
}

impl JournalLines {
    /// The lines at `places`, in that order.
    pub(crate) fn open(run: &RunView, places: Places) -> Result<Self> {
        let path = run.file(JOURNAL);
        let file = match atomic::open_plain(&path, File::options().read(true)) {
            Ok(file) => Some(BufReader::with_capacity(256 << 10, file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(ResultsError::io("open", &path)(error)),
        };
        Ok(Self { path, file, position: 0, places: places.into_iter() })
    }

    fn read(&mut self, offset: u64, length: u32) -> io::Result<Vec<u8>> {
        let Some(file) = &mut self.file else { return Err(io::ErrorKind::NotFound.into()) };
        // Offsets are file positions, below 2^63; records mostly stand near plan order, so the buffer is kept.
        file.seek_relative(offset as i64 - self.position as i64)?;
        let mut line = vec![0; length as usize];
        file.read_exact(&mut line)?;
        self.position = offset + u64::from(length);
        Ok(line)
    }
}

impl Iterator for JournalLines {
    type Item = Result<(u64, Vec<u8>)>;

    fn next(&mut self) -> Option<Self::Item> {
        let (index, offset, length) = self.places.next()?;
        let line = self.read(offset, length);
        Some(line.map(|line| (index, line)).map_err(ResultsError::io("read", &self.path)))
    }
}

/// Iterator over the records of a run, see [`records`].
pub struct Records {
    path: PathBuf,
    lines: Lines,
}

/// The stored records of `run` in plan order. A sealed run has one for each planned case; a running one has those
/// that are finished. A record that cannot be read is an error item that names its file.
pub fn records(run: &RunView) -> Result<Records> {
    Ok(Records { path: run.path().to_owned(), lines: lines(run)? })
}

impl Iterator for Records {
    type Item = Result<Record>;

    fn next(&mut self) -> Option<Self::Item> {
        let line = self.lines.next()?;
        Some(line.and_then(|(_, line)| {
            serde_json::from_slice(&line).map_err(|error| ResultsError::SegmentCorrupt {
                path: self.path.clone(),
                detail: format!("a stored record cannot be read: {error}"),
            })
        }))
    }
}

/// The stored lines of `run` in plan order, byte for byte and without their newlines, each with the index of its case.
pub fn stored_lines(run: &RunView) -> Result<impl Iterator<Item = Result<(u64, Vec<u8>)>> + use<>> {
    lines(run)
}

/// Writes the stored records of `run` to `out`, one JSON object per line, in plan order, byte for byte as stored.
pub fn export_jsonl(run: &RunView, mut out: impl Write) -> Result<()> {
    for line in lines(run)? {
        let (_, mut line) = line?;
        line.push(b'\n');
        out.write_all(&line).map_err(ResultsError::io("export", run.path()))?;
    }
    out.flush().map_err(ResultsError::io("export", run.path()))
}
