//! The journal of a running folder: one line per finished case.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use arena_model::{CaseKey, Outcome, Record};

use crate::run_view::JOURNAL;
use crate::{Result, ResultsError, RunDir, RunView, State, atomic};

/// Bytes that are kept at hand for the next write.
const TEXT_BYTES: usize = 1 << 20;

/// Where records stand: (index in the plan, byte offset of the line, its length without the newline).
pub(crate) type Places = Vec<(u64, u64, u32)>;

/// A case that has a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    /// Place in the plan.
    pub index: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// What it cost, millionths of a US dollar; none if any price is unknown.
    pub cost_usd_micro: Option<u64>,
    /// Calls of models that were made for it.
    pub calls: u64,
}

/// What a journal held when it was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Finished cases in plan order. Of two lines for one case only the first counts.
    pub done: Vec<Done>,
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
    /// What is written, kept for the next write.
    text: Vec<u8>,
    /// Shared with the folder, which finalizing reads the lines by.
    places: Arc<Mutex<Option<Places>>>,
}

impl Journal {
    /// Opens the journal for appending, creates it if need be, and cuts off the torn line a kill may have left. `key`
    /// gives the key of the case at an index of the plan.
    ///
    /// Errors: `RunSealed`, `JournalOpen` if this process has it open already, `JournalCorrupt` for a bad line that
    /// is not the last and for a record of another plan, `ResultsIo`.
    pub fn open(run: &RunDir, key: impl Fn(u64) -> Option<CaseKey>) -> Result<(Self, Recovered)> {
        let path = run.file(JOURNAL);
        if run.state()? == State::Sealed {
            return Err(ResultsError::RunSealed { path: run.path().to_owned() });
        }
        if Arc::strong_count(&run.writer) > 1 {
            return Err(ResultsError::JournalOpen { path });
        }
        let file = atomic::open_plain(&path, File::options().create(true).append(true));
        let file = file.map_err(ResultsError::io("open", &path))?;
        let mut done = Vec::new();
        let scan = scan(run, |record| {
            let wanted = key(record.index);
            if wanted.as_ref() == Some(&record.key) {
                let Record { index, outcome, cost_usd_micro, .. } = *record;
                done.push(Done { index, outcome, cost_usd_micro, calls: record.measured.calls });
                return Ok(());
            }
            let (index, found) = (record.index, &record.key.0);
            let wanted = wanted.map_or_else(|| "none".to_owned(), |key| key.0);
            Err(format!(
                "case {index} has the key {found}, in the plan of this run it is {wanted}: the journal was damaged, or it belongs to another run"
            ))
        })?;
        // More than there was at the start was read if somebody else writes to it: nothing of theirs is cut.
        let dropped_bytes = scan.total.saturating_sub(scan.good);
        if dropped_bytes > 0 {
            file.set_len(scan.good).and_then(|()| file.sync_all()).map_err(ResultsError::io("cut", &path))?;
        }
        // Stable, so that the first line of a case stays the first.
        done.sort_by_key(|done| done.index);
        done.dedup_by_key(|done| done.index);
        *known(run) = Some(scan.places);
        let journal = Self {
            path,
            file,
            length: scan.good,
            max_record_bytes: run.max_record_bytes(),
            cases: run.manifest().work.plan.cases,
            broken: false,
            text: Vec::new(),
            places: Arc::clone(&run.writer),
        };
        Ok((journal, Recovered { done, dropped_bytes }))
    }

    /// Limit of one record, bytes.
    pub fn max_record_bytes(&self) -> u32 {
        self.max_record_bytes
    }

    /// Appends the line that a [`Record`] of case `index` serialises to: one JSON object, newline not included.
    ///
    /// When this returns, the record survives a kill of the process; [`Journal::sync`] makes it survive the machine.
    pub fn append(&mut self, index: u64, line: &[u8]) -> Result<()> {
        self.append_all(&[(index, line)])
    }

    /// Appends the lines of several cases in one write: all of them or, where this is an error, none.
    ///
    /// Errors: `RecordInvalid`, `RecordTooLarge`, `JournalForeign` once another process writes to it, `ResultsIo`.
    pub fn append_all(&mut self, records: &[(u64, &[u8])]) -> Result<()> {
        let limit = self.max_record_bytes;
        let mut text = std::mem::take(&mut self.text);
        text.clear();
        for (index, line) in records {
            if *index >= self.cases {
                let detail = format!("case {index} is not in the plan of {} cases", self.cases);
                return Err(ResultsError::RecordInvalid { detail });
            }
            if line.len() > limit as usize {
                return Err(ResultsError::RecordTooLarge { index: *index, bytes: line.len() as u64, limit });
            }
            text.extend_from_slice(line);
            text.push(b'\n');
        }
        if self.broken {
            let stuck = io::Error::other("an earlier write failed and could not be taken back: open the run again");
            return Err(ResultsError::io("append to", &self.path)(stuck));
        }
        let length = self.file.metadata().map_err(ResultsError::io("look at", &self.path))?;
        // Where a line stands is told by what this process wrote. A device has no length.
        if length.is_file() && length.len() != self.length {
            return Err(ResultsError::JournalForeign { path: self.path.clone() });
        }
        let written = self.file.write_all(&text);
        text.shrink_to(TEXT_BYTES);
        self.text = text;
        if let Err(error) = written {
            self.broken = self.file.set_len(self.length).is_err();
            return Err(ResultsError::io("append to", &self.path)(error));
        }
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        for (index, line) in records {
            if let Some(places) = places.as_mut() {
                places.push((*index, self.length, line.len() as u32));
            }
            self.length += line.len() as u64 + 1;
        }
        Ok(())
    }

    /// Makes all that was appended durable.
    pub fn sync(&self) -> Result<()> {
        self.file.sync_data().map_err(ResultsError::io("sync", &self.path))
    }
}

fn known(run: &RunDir) -> std::sync::MutexGuard<'_, Option<Places>> {
    run.writer.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where the records stand, in plan order: as the journal that was open in this process left them, else by reading it.
/// Makes the journal if there is none, since a folder with products and without a journal is taken for damaged.
pub(crate) fn take_places(run: &RunDir) -> Result<Places> {
    let path = run.file(JOURNAL);
    let file = atomic::open_plain(&path, File::options().create(true).append(true));
    file.map_err(ResultsError::io("open", &path))?;
    let known = known(run).take();
    known.map_or_else(|| Ok(scan(run, |_| Ok(()))?.places), |places| Ok(in_order(places)))
}

/// In plan order; of two lines for one case only the first.
fn in_order(mut places: Places) -> Places {
    places.sort_unstable();
    places.dedup_by_key(|place| place.0);
    places
}

/// The result of reading a journal from start to end.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// In plan order.
    pub places: Places,
    /// Bytes of whole lines.
    pub good: u64,
    /// Bytes of the file.
    pub total: u64,
}

/// Finds the lines of the journal without changing it, and shows each record to `accept`, which says what is wrong with
/// it. Holds one record and 24 bytes per case.
pub(crate) fn scan(run: &RunView, mut accept: impl FnMut(&Record) -> std::result::Result<(), String>) -> Result<Scan> {
    let path = run.file(JOURNAL);
    let (limit, cases) = (run.max_record_bytes(), run.manifest().work.plan.cases);
    let file = match atomic::open_plain(&path, File::options().read(true)) {
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
        match serde_json::from_slice::<Record>(&line) {
            Ok(record) if record.v != 1 => {
                return Err(corrupt(format!("version {} is not known, only 1 is", record.v)));
            }
            Ok(record) if record.index >= cases => {
                return Err(corrupt(format!("case {} is not in the plan of {cases} cases", record.index)));
            }
            Ok(record) => {
                accept(&record).map_err(corrupt)?;
                scan.places.push((record.index, scan.good, line.len() as u32));
            }
            Err(error) => {
                if reader.fill_buf().map_err(ResultsError::io("read", &path))?.is_empty() {
                    break;
                }
                return Err(corrupt(error.to_string()));
            }
        }
        scan.good += read as u64;
    }
    scan.places = in_order(scan.places);
    Ok(scan)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_surfaces_and_closes_a_journal_that_cannot_be_cut_back() {
        let file = File::options().append(true).open("/dev/full").unwrap();
        let (path, places) = (PathBuf::from("journal.jsonl"), Arc::default());
        let mut journal =
            Journal { path, file, length: 0, max_record_bytes: 100, cases: 9, broken: false, text: vec![], places };
        let error = journal.append(3, b"{}").unwrap_err();
        assert!(
            matches!(&error, ResultsError::ResultsIo { source, .. } if source.kind() == io::ErrorKind::StorageFull)
        );
        let error = journal.append(3, b"{}").unwrap_err();
        assert!(matches!(&error, ResultsError::ResultsIo { source, .. } if source.to_string().contains("taken back")));
    }
}
