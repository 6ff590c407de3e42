//! The journal of a running folder: one line per finished case, one write per line.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use arena_model::Record;

use crate::reader::head;
use crate::run_dir::JOURNAL;
use crate::{Result, ResultsError, RunDir, State};

/// What a journal held when it was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Finished cases by index: (index in the plan, byte offset of the line, its length without the newline). Of two
    /// lines for one case only the first counts.
    pub done: Vec<(u64, u64, u32)>,
    /// Bytes of a torn last line that were cut off.
    pub dropped_bytes: u64,
}

/// The open journal of a run. Several may append through a lock of their own; the type itself takes `&mut self`.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    /// Length up to which the file holds whole lines.
    length: u64,
    max_record_bytes: u32,
    cases: u64,
    /// Set when a failed write could not be taken back: what follows would be glued to half a line.
    broken: bool,
    _writer: Arc<()>,
}

impl Journal {
    /// Opens the journal for appending, creates it if need be, and cuts off the torn line a kill may have left.
    ///
    /// Errors: `RunSealed`, `JournalOpen` if this process has it open already, `JournalCorrupt` for a bad line that
    /// is not the last, `ResultsIo`.
    pub fn open(run: &RunDir) -> Result<(Self, Recovered)> {
        let path = run.file(JOURNAL);
        if run.state() == State::Sealed {
            return Err(ResultsError::RunSealed { path: run.path().to_owned() });
        }
        if Arc::strong_count(&run.writer) > 1 {
            return Err(ResultsError::JournalOpen { path });
        }
        let file = File::options().create(true).append(true).open(&path).map_err(ResultsError::io("open", &path))?;
        let scan = scan(run)?;
        let dropped_bytes = scan.total - scan.good;
        if dropped_bytes > 0 {
            file.set_len(scan.good).and_then(|()| file.sync_all()).map_err(ResultsError::io("cut", &path))?;
        }
        let journal = Self {
            path,
            file,
            length: scan.good,
            max_record_bytes: run.max_record_bytes(),
            cases: run.manifest().work.plan.cases,
            broken: false,
            _writer: Arc::clone(&run.writer),
        };
        Ok((journal, Recovered { done: scan.done, dropped_bytes }))
    }

    /// Appends a finished case and gives the length of its line in bytes, newline not counted.
    ///
    /// When this returns, the record survives a kill of the process; [`Journal::sync`] makes it survive the machine.
    pub fn append(&mut self, record: &Record) -> Result<u32> {
        let line = serde_json::to_vec(record).map_err(ResultsError::encode(&self.path))?;
        self.write(record.index, line)
    }

    /// Appends a record that is serialised already: one JSON object in one line, newline not included.
    pub fn append_line(&mut self, line: &[u8]) -> Result<u32> {
        let head = head(line).map_err(|detail| ResultsError::RecordInvalid { detail })?;
        self.write(head.index, line.to_vec())
    }

    /// Appends what [`Record`] number `index` serialises to; for who has it serialised elsewhere and need not have it
    /// read back.
    pub fn append_serialized(&mut self, index: u64, line: Vec<u8>) -> Result<u32> {
        self.write(index, line)
    }

    /// Makes all that was appended durable.
    pub fn sync(&self) -> Result<()> {
        self.file.sync_data().map_err(ResultsError::io("sync", &self.path))
    }

    fn write(&mut self, index: u64, mut line: Vec<u8>) -> Result<u32> {
        let (bytes, limit) = (line.len(), self.max_record_bytes);
        if index >= self.cases {
            let detail = format!("case {index} is not in the plan of {} cases", self.cases);
            return Err(ResultsError::RecordInvalid { detail });
        }
        if bytes > limit as usize {
            return Err(ResultsError::RecordTooLarge { index, bytes: bytes as u64, limit });
        }
        if self.broken {
            let stuck = io::Error::other("an earlier write failed and could not be taken back: open the run again");
            return Err(ResultsError::io("append to", &self.path)(stuck));
        }
        line.push(b'\n');
        if let Err(error) = self.file.write_all(&line) {
            self.broken = self.file.set_len(self.length).is_err();
            return Err(ResultsError::io("append to", &self.path)(error));
        }
        self.length += line.len() as u64;
        Ok(bytes as u32)
    }
}

/// The result of reading a journal from start to end.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// See [`Recovered::done`].
    pub done: Vec<(u64, u64, u32)>,
    /// Bytes of whole lines.
    pub good: u64,
    /// Bytes of the file.
    pub total: u64,
}

/// Finds the lines of the journal without changing it. Holds one line and 24 bytes per case.
pub(crate) fn scan(run: &RunDir) -> Result<Scan> {
    let path = run.file(JOURNAL);
    let (limit, cases) = (run.max_record_bytes(), run.manifest().work.plan.cases);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Scan::default()),
        Err(error) => return Err(ResultsError::io("open", &path)(error)),
    };
    let total = file.metadata().map_err(ResultsError::io("look at", &path))?.len();
    let mut scan = Scan { total, ..Scan::default() };
    let mut reader = BufReader::with_capacity(256 << 10, file);
    let mut line = Vec::new();
    for number in 1u64.. {
        let corrupt = |detail: String| ResultsError::JournalCorrupt { path: path.clone(), line: number, detail };
        line.clear();
        let read = reader.by_ref().take(u64::from(limit) + 1).read_until(b'\n', &mut line);
        let read = read.map_err(ResultsError::io("read", &path))?;
        if line.pop_if(|byte| *byte == b'\n').is_none() {
            if read > limit as usize {
                return Err(corrupt(format!("a line of more than {limit} bytes, the limit of a record")));
            }
            break;
        }
        match head(&line) {
            Ok(head) if head.v == 1 && head.index < cases => scan.done.push((head.index, scan.good, line.len() as u32)),
            Ok(head) if head.v != 1 => return Err(corrupt(format!("version {} is not known, only 1 is", head.v))),
            Ok(head) => return Err(corrupt(format!("case {} is not in the plan of {cases} cases", head.index))),
            Err(detail) => {
                if reader.fill_buf().map_err(ResultsError::io("read", &path))?.is_empty() {
                    break;
                }
                return Err(corrupt(detail));
            }
        }
        scan.good += read as u64;
    }
    scan.done.sort_unstable();
    scan.done.dedup_by_key(|place| place.0);
    Ok(scan)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_surfaces_and_closes_a_journal_that_cannot_be_cut_back() {
        let file = File::options().append(true).open("/dev/full").unwrap();
        let (path, writer) = (PathBuf::from("journal.jsonl"), Arc::default());
        let mut journal =
            Journal { path, file, length: 0, max_record_bytes: 100, cases: 9, broken: false, _writer: writer };
        let line = br#"{"v":1,"index":3,"outcome":"passed"}"#;
        let error = journal.append_line(line).unwrap_err();
        assert!(
            matches!(&error, ResultsError::ResultsIo { source, .. } if source.kind() == io::ErrorKind::StorageFull)
        );
        let error = journal.append_line(line).unwrap_err();
        assert!(matches!(&error, ResultsError::ResultsIo { source, .. } if source.to_string().contains("taken back")));
    }
}
