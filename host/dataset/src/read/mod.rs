//! Rows as they stand in a table, one after the other.

mod json_lines;
mod parquet;
mod separated;

use std::cell::Cell;
use std::fs::File;
use std::io::BufReader;
use std::rc::Rc;

use crate::format::{self, Layout, Unpacked};
use crate::{DatasetError, Limits};

/// Some editors put it first.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";
/// Read at once of what is unpacked.
const BUFFER: usize = 256 << 10;

/// One row.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Raw {
    /// Its line, from 1; of a Parquet file its number.
    pub line: u64,
    /// A JSON object without line breaks, or why it is none.
    pub text: Result<String, String>,
}

/// The rows of one table.
pub(crate) trait Reader {
    /// The next one. A malformed row is not an error: reading goes on behind it.
    fn next(&mut self) -> Result<Option<Raw>, DatasetError>;

    /// Names of columns that all rows have, if the format declares them.
    fn declared(&self) -> &[String] {
        &[]
    }
}

/// The rows of `file`, whose name is `table`. `read` grows with what is read of it, in bytes.
pub(crate) fn open(
    table: &str,
    file: File,
    limits: &Limits,
    read: Rc<Cell<u64>>,
) -> Result<Box<dyn Reader>, DatasetError> {
    let (layout, packing) = format::of(table)?;
    if layout == Layout::Parquet {
        return Ok(Box::new(parquet::Parquet::open(table, file, limits, read)?));
    }
    let unpacked = Unpacked::open(file, packing, limits.bytes, read);
    let (unpacked, count) = unpacked.map_err(DatasetError::io(table, "the table cannot be unpacked"))?;
    Ok(match layout {
        Layout::Separated(delimiter) => {
            Box::new(separated::Separated::open(table, unpacked, count, delimiter, limits)?)
        }
        _ => Box::new(json_lines::JsonLines::open(table, BufReader::with_capacity(BUFFER, unpacked), limits)),
    })
}

/// An error of a stream that cannot be read any further.
fn unreadable(table: &str, line: u64, error: impl ToString) -> DatasetError {
    DatasetError::Unreadable { table: table.to_owned(), why: format!("line {line}: {}", error.to_string()) }
}
