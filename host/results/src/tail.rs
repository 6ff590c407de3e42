//! The records of a run in the order of storing, while another process adds to them.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::PathBuf;

use arena_model::Record;

use crate::run_view::{INDEX, JOURNAL};
use crate::{Result, ResultsError, RunView, atomic};

/// Reads a journal that grows. Takes no lock and changes nothing.
pub struct Tail {
    journal: PathBuf,
    index: PathBuf,
    limit: u64,
    file: Option<BufReader<File>>,
    /// A line that is not whole yet.
    begun: Vec<u8>,
}

/// What there is next.
#[derive(Debug)]
pub enum Next {
    /// A record.
    Record(Box<Record>),
    /// Nothing for now: the run goes on, or was stopped.
    Waiting,
    /// Nothing more: the run is finished.
    Finished,
}

impl Tail {
    /// From the first record on. A run that is finished already has none: its records are in segments.
    pub fn of(run: &RunView) -> Self {
        let limit = u64::from(run.max_record_bytes());
        Self { journal: run.file(JOURNAL), index: run.file(INDEX), limit, file: None, begun: Vec::new() }
    }

    /// The next record, without waiting for one.
    ///
    /// Errors: `JournalCorrupt` for a line that is no record, `ResultsIo`.
    pub fn poll(&mut self) -> Result<Next> {
        // Asked before reading: what is in the journal then is all there will be.
        let finished = atomic::is_there(&self.index)?;
        let room = (self.limit + 1).saturating_sub(self.begun.len() as u64);
        self.open()?;
        let Some(file) = &mut self.file else { return Ok(if finished { Next::Finished } else { Next::Waiting }) };
        let read = file.take(room).read_until(b'\n', &mut self.begun);
        read.map_err(ResultsError::io("read", &self.journal))?;
        let corrupt = |detail: String| ResultsError::JournalCorrupt { path: self.journal.clone(), line: 0, detail };
        if self.begun.pop_if(|byte| *byte == b'\n').is_none() {
            if self.begun.len() as u64 > self.limit {
                return Err(corrupt(format!("a line of more than {} bytes, the limit of a record", self.limit)));
            }
            return Ok(if finished { Next::Finished } else { Next::Waiting });
        }
        let record = serde_json::from_slice(&self.begun).map_err(|error| corrupt(error.to_string()))?;
        self.begun.clear();
        Ok(Next::Record(Box::new(record)))
    }

    fn open(&mut self) -> Result<()> {
        if self.file.is_none() {
            match atomic::open_plain(&self.journal, File::options().read(true)) {
                Ok(file) => self.file = Some(BufReader::with_capacity(64 << 10, file)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(ResultsError::io("open", &self.journal)(error)),
            }
        }
        Ok(())
    }
}
