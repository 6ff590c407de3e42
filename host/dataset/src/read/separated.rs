//! CSV and TSV: the first record names the columns; all values are texts.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::io;
use std::io::Read;
use std::rc::Rc;

use csv::{ByteRecord, ReaderBuilder};
use serde_json::{Map, Value};

use super::{BYTE_ORDER_MARK, Raw, Reader, unreadable};
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
    delimiter: u8,
    kept: Rc<RefCell<Kept>>,
}

/// Ends a record that never ends: of a quote that is not closed the library would keep all that follows. Keeps the bytes of
/// the record, since the library takes whatever stands around quotes.
struct Bounded {
    from: Unpacked,
    count: Rc<Cell<u64>>,
    start: Rc<Cell<u64>>,
    most: u64,
    kept: Rc<RefCell<Kept>>,
}

/// What was read and not looked at yet.
#[derive(Default)]
struct Kept {
    bytes: Vec<u8>,
    /// Of `bytes` the first that was not looked at, and where in the table it stands.
    next: usize,
    offset: u64,
}

impl Kept {
    /// The bytes up to `end` in the table, which are looked at now.
    fn until(&mut self, end: u64) -> &[u8] {
        let from = self.next;
        let count = usize::try_from(end.saturating_sub(self.offset)).unwrap_or(usize::MAX);
        self.next = from.saturating_add(count).min(self.bytes.len());
        self.offset = end;
        &self.bytes[from..self.next]
    }

    fn add(&mut self, bytes: &[u8]) {
        if self.next > AHEAD {
            self.bytes.drain(..self.next);
            self.next = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }
}

impl Read for Bounded {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if self.count.get().saturating_sub(self.start.get()) > self.most {
            let text = format!("a record has more than {} bytes; is a quote not closed?", self.most);
            return Err(io::Error::other(text));
        }
        let read = self.from.read(to)?;
        self.kept.borrow_mut().add(&to[..read]);
        Ok(read)
    }
}

/// What is wrong with the quotes of a record; `open` at its end is for whoever knows that nothing follows.
#[derive(Debug, PartialEq, Eq)]
enum Quotes {
    Good,
    /// Something stands behind a closing quote.
    Behind,
    Open,
}

/// A field is quoted if it begins with a quote; then the next one that is not doubled ends it.
fn quotes(record: &[u8], delimiter: u8) -> Quotes {
    let record = record.strip_prefix(BYTE_ORDER_MARK).unwrap_or(record);
    let (mut at, mut begins) = (0, true);
    while let Some(&byte) = record.get(at) {
        if begins && byte == b'"' {
            loop {
                match record[at + 1..].iter().position(|byte| *byte == b'"') {
                    None => return Quotes::Open,
                    Some(close) => at += 1 + close,
                }
                if record.get(at + 1) != Some(&b'"') {
                    break;
                }
                at += 1;
            }
            match record.get(at + 1) {
                None | Some(b'\r' | b'\n') => {}
                Some(byte) if *byte == delimiter => {}
                Some(_) => return Quotes::Behind,
            }
        }
        begins = byte == delimiter || matches!(byte, b'\r' | b'\n');
        at += 1;
    }
    Quotes::Good
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
        let kept = Rc::new(RefCell::new(Kept::default()));
        let from = Bounded { from, count: count.clone(), start: start.clone(), most, kept: kept.clone() };
        let mut from =
            ReaderBuilder::new().delimiter(delimiter).flexible(true).buffer_capacity(AHEAD).from_reader(from);
        let header = from.headers().map_err(|error| unreadable(table, 1, error))?;
        let names: Vec<String> = header.iter().map(|name| name.trim().to_owned()).collect();
        let wrong = |why: String| Err(unreadable(table, 1, why));
        let mut seen = BTreeSet::new();
        for (at, name) in names.iter().enumerate() {
            if name.is_empty() {
                return wrong(format!("column {} has no name", at + 1));
            }
            if !seen.insert(name) {
                return wrong(format!("two columns are named `{name}`"));
            }
        }
        if names.is_empty() {
            return Err(DatasetError::Empty { table: table.to_owned() });
        }
        let record = ByteRecord::new();
        let (table, most) = (table.to_owned(), limits.row_bytes);
        let mut separated = Self { table, from, names, record, count, start, most, delimiter, kept };
        separated.quoted(1)?.map_err(|why| unreadable(&separated.table, 1, why))?;
        Ok(separated)
    }

    /// Looks at the quotes of the record that was read last, which begins on `line`.
    fn quoted(&mut self, line: u64) -> Result<Result<(), String>, DatasetError> {
        let mut kept = self.kept.borrow_mut();
        match quotes(kept.until(self.from.position().byte()), self.delimiter) {
            Quotes::Good => Ok(Ok(())),
            Quotes::Behind => {
                Ok(Err("something stands behind a quote that closes a field; is a quote not doubled?".into()))
            }
            Quotes::Open => Err(unreadable(&self.table, line, "a quote is not closed")),
        }
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
        if !more {
            return Ok(None);
        }
        let quoted = self.quoted(line)?;
        Ok(Some(Raw { line, text: quoted.and_then(|()| self.text()) }))
    }

    fn declared(&self) -> &[String] {
        &self.names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_close_where_a_field_ends() {
        for (record, found) in [
            (&b"a,b\n"[..], Quotes::Good),
            (b"\"a\",\"b\"\"c\"\r\n", Quotes::Good),
            (b"\"\",\"\"", Quotes::Good),
            (b"a\"b,c", Quotes::Good),
            (b"\"a,\nb\",c\n", Quotes::Good),
            (b"\n\n\"a\",c\n", Quotes::Good),
            (b"\"a\"b,c\n", Quotes::Behind),
            (b"\"a\" ,c\n", Quotes::Behind),
            (b"a,\"b\nc,d\n", Quotes::Open),
            (b"a,\"b\"\"\n", Quotes::Open),
            (b"\xEF\xBB\xBF\"a\"b,c\n", Quotes::Behind),
        ] {
            assert_eq!(quotes(record, b','), found, "{}", String::from_utf8_lossy(record));
        }
    }
}
