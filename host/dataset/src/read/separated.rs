//! CSV and TSV: the first record names the columns; all values are texts.

use std::cell::Cell;
use std::io;
use std::io::Read;
use std::rc::Rc;

use csv::{ByteRecord, ReaderBuilder};
use serde_json::{Map, Value};

use super::{Raw, Reader, unreadable};
use crate::format::Unpacked;
use crate::{DatasetError, Limits};

/// What the library reads ahead.
const AHEAD: usize = 64 << 10;

pub(super) struct Separated {
    table: String,
    from: csv::Reader<Bounded>,
    names: Vec<String>,
    record: ByteRecord,
    /// Unpacked bytes, and how many there were when the last record was done.
    count: Rc<Cell<u64>>,
    start: Rc<Cell<u64>>,
    most: usize,
}

/// Ends a record that never ends: of a quote that is not closed the library would keep all that follows.
struct Bounded {
    from: Unpacked,
    count: Rc<Cell<u64>>,
    start: Rc<Cell<u64>>,
    most: u64,
}

impl Read for Bounded {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if self.count.get().saturating_sub(self.start.get()) > self.most {
            let text = format!("a record has more than {} bytes; is a quote not closed?", self.most);
            return Err(io::Error::other(text));
        }
        self.from.read(to)
    }
}

impl Separated {
    pub fn open(
        table: &str,
        from: Unpacked,
        count: Rc<Cell<u64>>,
        delimiter: u8,
        limits: &Limits,
    ) -> Result<Self, DatasetError> {
        let start = Rc::new(Cell::new(0));
        let most = limits.row_bytes as u64 + 2 * AHEAD as u64;
        let from = Bounded { from, count: count.clone(), start: start.clone(), most };
        let mut from =
            ReaderBuilder::new().delimiter(delimiter).flexible(true).buffer_capacity(AHEAD).from_reader(from);
        let header = from.headers().map_err(|error| unreadable(table, 1, error))?;
        let names: Vec<String> = header.iter().map(|name| name.trim().to_owned()).collect();
        let wrong = |why: String| Err(unreadable(table, 1, why));
        for (at, name) in names.iter().enumerate() {
            if name.is_empty() {
                return wrong(format!("column {} has no name", at + 1));
            }
            if names[..at].contains(name) {
                return wrong(format!("two columns are named `{name}`"));
            }
        }
        if names.is_empty() {
            return Err(DatasetError::Empty { table: table.to_owned() });
        }
        let record = ByteRecord::new();
        Ok(Self { table: table.to_owned(), from, names, record, count, start, most: limits.row_bytes })
    }

    fn text(&self) -> Result<String, String> {
        if self.record.len() != self.names.len() {
            let (fields, columns) = (self.record.len(), self.names.len());
            return Err(format!("the record has {fields} fields, and there are {columns} columns"));
        }
        if self.record.as_slice().len() > self.most {
            return Err(format!("the row has more than {} bytes", self.most));
        }
        let mut row = Map::new();
        for (name, field) in self.names.iter().zip(&self.record) {
            let text = std::str::from_utf8(field).map_err(|_| format!("`{name}` is not UTF-8"))?;
            row.insert(name.clone(), Value::String(text.to_owned()));
        }
        Ok(Value::Object(row).to_string())
    }
}

impl Reader for Separated {
    fn next(&mut self) -> Result<Option<Raw>, DatasetError> {
        let line = self.from.position().line();
        let more =
            self.from.read_byte_record(&mut self.record).map_err(|error| unreadable(&self.table, line, error))?;
        self.start.set(self.count.get());
        // Where the library began to look, empty lines before the record among it; so it is counted from the end.
        let breaks = self.record.as_slice().iter().filter(|byte| **byte == b'\n').count() as u64;
        let line = line.max(self.from.position().line().saturating_sub(1 + breaks));
        Ok(more.then(|| Raw { line, text: self.text() }))
    }

    fn declared(&self) -> &[String] {
        &self.names
    }
}
