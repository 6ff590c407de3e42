//! A JSON object a line. Empty lines are no rows.

use std::io::{BufRead, Read};

use super::{BYTE_ORDER_MARK, Raw, Reader, unreadable};
use crate::{DatasetError, Limits};

pub(super) struct JsonLines<R> {
    table: String,
    from: R,
    line: u64,
    most: usize,
    bytes: Vec<u8>,
}

impl<R: BufRead> JsonLines<R> {
    pub fn open(table: &str, from: R, limits: &Limits) -> Self {
        Self { table: table.to_owned(), from, line: 0, most: limits.row_bytes, bytes: Vec::new() }
    }

    /// Reads a line into `bytes`, of a too long one the start. False at the end.
    fn line(&mut self) -> std::io::Result<bool> {
        self.bytes.clear();
        // One more than the longest, and its end.
        let most = self.most as u64 + 2;
        if self.from.by_ref().take(most).read_until(b'\n', &mut self.bytes)? == 0 {
            return Ok(false);
        }
        if self.bytes.len() as u64 == most && self.bytes.last() != Some(&b'\n') {
            self.skip()?;
        }
        Ok(true)
    }

    /// Passes over the rest of a line without holding it.
    fn skip(&mut self) -> std::io::Result<()> {
        loop {
            let buffer = self.from.fill_buf()?;
            if buffer.is_empty() {
                return Ok(());
            }
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let used = end.map_or(buffer.len(), |end| end + 1);
            self.from.consume(used);
            if end.is_some() {
                return Ok(());
            }
        }
    }
}

impl<R: BufRead> Reader for JsonLines<R> {
    fn next(&mut self) -> Result<Option<Raw>, DatasetError> {
        loop {
            let more = self.line().map_err(|error| unreadable(&self.table, self.line + 1, error))?;
            if !more {
                return Ok(None);
            }
            self.line += 1;
            let mut text = self.bytes.as_slice();
            if self.line == 1 {
                text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
            }
            let text = text.trim_ascii();
            if text.is_empty() {
                continue;
            }
            let text = match std::str::from_utf8(text) {
                _ if text.len() > self.most => Err(format!("the row has more than {} bytes", self.most)),
                Ok(text) => Ok(text.to_owned()),
                Err(_) => Err("the row is not UTF-8".to_owned()),
            };
            return Ok(Some(Raw { line: self.line, text }));
        }
    }
}
