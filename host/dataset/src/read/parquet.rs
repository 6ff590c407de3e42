//! Apache Parquet, row by row. Nested values are JSON; bytes that are no text are Base64.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::reader::RowIter;

use super::{Raw, Reader};
use crate::{DatasetError, Limits};

pub(super) struct Parquet {
    table: String,
    rows: RowIter<'static>,
    names: Vec<String>,
    number: u64,
    /// Rows by its own account, and bytes of the file: progress is by the share of rows.
    all: u64,
    size: u64,
    read: Rc<Cell<u64>>,
    most: usize,
}

impl Parquet {
    pub fn open(table: &str, file: File, limits: &Limits, read: Rc<Cell<u64>>) -> Result<Self, DatasetError> {
        let size = file.metadata().map_err(DatasetError::io(table, "the table cannot be read"))?.len();
        let opened = careful(table, || SerializedFileReader::new(file).map_err(|error| error.to_string()))?;
        let metadata = opened.metadata();
        let groups = metadata.row_groups();
        let unpacked = groups.iter().map(|group| u64::try_from(group.total_byte_size()).unwrap_or(u64::MAX));
        if unpacked.fold(0, u64::saturating_add) > limits.bytes {
            return Err(DatasetError::TooLarge {
                table: table.to_owned(),
                what: "bytes".to_owned(),
                limit: limits.bytes,
            });
        }
        let schema = metadata.file_metadata().schema();
        let names: Vec<String> = schema.get_fields().iter().map(|field| field.name().to_owned()).collect();
        let mut seen = BTreeSet::new();
        if let Some(twice) = names.iter().find(|name| !seen.insert(*name)) {
            let why = format!("two columns are named `{twice}`");
            return Err(DatasetError::Unreadable { table: table.to_owned(), why });
        }
        let all = u64::try_from(metadata.file_metadata().num_rows()).unwrap_or_default();
        Ok(Self {
            table: table.to_owned(),
            rows: RowIter::from_file_into(Box::new(opened)),
            names,
            number: 0,
            all,
            size,
            read,
            most: limits.row_bytes,
        })
    }
}

impl Reader for Parquet {
    fn next(&mut self) -> Result<Option<Raw>, DatasetError> {
        let rows = &mut self.rows;
        let row = careful(&self.table, || match rows.next() {
            None => Ok(None),
            Some(Ok(row)) => Ok(Some(row.to_json_value().to_string())),
            Some(Err(error)) => Err(error.to_string()),
        })?;
        let Some(text) = row else {
            if self.number == self.all {
                return Ok(None);
            }
            let why = format!("no Parquet: it has {} rows, and says that it has {}", self.number, self.all);
            return Err(DatasetError::Unreadable { table: self.table.clone(), why });
        };
        self.number += 1;
        let share = self.number as f64 / self.all.max(1) as f64;
        self.read.set((share * self.size as f64) as u64);
        let text =
            if text.len() > self.most { Err(format!("the row has more than {} bytes", self.most)) } else { Ok(text) };
        Ok(Some(Raw { line: self.number, text }))
    }

    fn declared(&self) -> &[String] {
        &self.names
    }
}

/// The library panics at some broken files.
fn careful<T>(table: &str, read: impl FnOnce() -> Result<T, String>) -> Result<T, DatasetError> {
    let done = catch_unwind(AssertUnwindSafe(read));
    let done = done.unwrap_or_else(|_| Err("the file is broken".to_owned()));
    done.map_err(|why| DatasetError::Unreadable { table: table.to_owned(), why: format!("no Parquet: {why}") })
}
