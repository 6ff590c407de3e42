//! YAML 1.2 (and so JSON) as a located tree, read under limits and without surprises.

mod compose;
mod cursor;
mod node;
mod scalar;

pub(crate) use cursor::{Cursor, whole};
pub use node::{Data, Entry, Node};

use std::borrow::Cow;

use crate::Problem;

/// Upper bounds for one document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct YamlLimits {
    /// Bytes of the document.
    pub document_bytes: usize,
    /// Lists and mappings inside each other, aliases expanded.
    pub depth: usize,
    /// Values, aliases expanded: what a bomb multiplies.
    pub nodes: usize,
    /// Bytes of text, aliases expanded: a long text is one value however often it is repeated.
    pub text_bytes: usize,
}

impl Default for YamlLimits {
    /// 4 MiB, 64 levels, 200,000 values, 16 MiB of text.
    fn default() -> Self {
        Self { document_bytes: 4 << 20, depth: 64, nodes: 200_000, text_bytes: 16 << 20 }
    }
}

/// Reads the one document in `bytes`; `file` only names it in problems.
///
/// Refuses what cannot be meant: keys given twice, several documents, NUL bytes, unknown tags, numbers that are not
/// finite. Merge keys (`<<`) are resolved, and an empty document at the end is passed over.
pub fn parse(file: &str, bytes: &[u8], limits: &YamlLimits) -> Result<Node, Problem> {
    if bytes.len() > limits.document_bytes {
        let message = format!("the document has {} bytes, the limit is {}", bytes.len(), limits.document_bytes);
        return Err(Problem::of_file(file, "YamlTooLarge", message).hint("split it into several files"));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let (line, column) = place(bytes, error.valid_up_to());
        let bad = bytes.get(error.valid_up_to()).copied().unwrap_or_default();
        let message = format!("the document is not UTF-8: byte 0x{bad:02x}");
        Problem::of_file(file, "YamlNotUtf8", message).at(line, column).hint("save the file as UTF-8")
    })?;
    if let Some(position) = bytes.iter().position(|byte| *byte == 0) {
        let (line, column) = place(bytes, position);
        return Err(Problem::of_file(file, "YamlNul", "the document holds a NUL byte").at(line, column));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let json = [".json", ".jsonl"].iter().any(|end| file.ends_with(end));
    let text = if json { paired(text) } else { Cow::Borrowed(text) };
    compose::compose(file, &text, limits)
}

/// JSON may write a character beyond the first 65,536 as a pair of escapes, which YAML does not know: each pair becomes
/// its character.
fn paired(text: &str) -> Cow<'_, str> {
    let (mut whole, mut rest) = (String::new(), text);
    while let Some(at) = rest.find("\\u") {
        let (before, from) = rest.split_at(at);
        whole.push_str(before);
        let escaped = before.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1;
        let unit = |piece: Option<&str>| u16::from_str_radix(piece?.strip_prefix("\\u")?, 16).ok();
        let units = [unit(from.get(..6)), unit(from.get(6..12))];
        let pair = units[0].zip(units[1]).filter(|_| !escaped);
        let decoded = pair.and_then(|(high, low)| {
            let mut chars = char::decode_utf16([high, low]);
            chars.next()?.ok().filter(|_| chars.next().is_none())
        });
        let taken = match decoded {
            Some(character) => {
                whole.push(character);
                12
            }
            None => {
                whole.push_str(&from[..2]);
                2
            }
        };
        rest = &from[taken..];
    }
    if whole.is_empty() { Cow::Borrowed(text) } else { Cow::Owned(whole + rest) }
}

/// One-based line and column of a byte offset; the column counts characters.
fn place(bytes: &[u8], offset: usize) -> (u32, u32) {
    let before = bytes.get(..offset).unwrap_or(bytes);
    let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
    let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |position| position + 1);
    let column = 1 + String::from_utf8_lossy(before.get(start..).unwrap_or_default()).chars().count();
    (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests;
