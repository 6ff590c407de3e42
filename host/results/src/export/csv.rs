//! CSV as RFC 4180 has it, which a spreadsheet opens without running anything of it.

use std::borrow::Cow;
use std::io::{self, Write};

use arena_model::{Manifest, Record};

use super::flat::{COLUMNS, Cell, cells};
use crate::terminal_safe;

/// What a spreadsheet takes for the start of a formula, its full-width forms included.
const STARTS: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// Rows on their way to `out`.
pub(crate) struct Csv<W: Write>(csv::Writer<W>);

impl<W: Write> Csv<W> {
    pub(crate) fn new(out: W) -> io::Result<Self> {
        let mut writer = csv::Writer::from_writer(out);
        writer.write_record(COLUMNS.iter().map(|(name, _)| *name)).map_err(as_io)?;
        Ok(Self(writer))
    }

    pub(crate) fn push(&mut self, record: &Record, manifest: &Manifest) -> io::Result<()> {
        for cell in cells(record, manifest) {
            let field = match cell {
                Cell::Text(text) => inert(&text.unwrap_or_default()).into_owned(),
                Cell::Int(number) => number.map(|number| number.to_string()).unwrap_or_default(),
                Cell::Float(number) => number.map(|number| number.to_string()).unwrap_or_default(),
                Cell::Bool(truth) => truth.to_string(),
                Cell::Time(millis, text) => millis.map(|_| text).unwrap_or_default(),
            };
            self.0.write_field(field).map_err(as_io)?;
        }
        self.0.write_record(None::<&[u8]>).map_err(as_io)
    }

    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// A full disk or a reader that went away is told as itself.
fn as_io(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// Text without control characters and escape sequences; what would start a formula, behind white space too, has a `'`
/// in front, with which a spreadsheet shows it as text.
pub(crate) fn inert(text: &str) -> Cow<'_, str> {
    let safe = terminal_safe(text);
    let starts = |text: &str| text.starts_with('\t') || text.trim_start().starts_with(STARTS);
    if starts(&safe) { Cow::Owned(format!("'{safe}")) } else { safe }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_starts_a_formula() {
        for hostile in [
            "=cmd|' /C calc'!A0",
            "+1",
            "-1+2",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            " \n=1",
            "\0=1",
            "\u{1b}[0m=1",
            "＝1",
            "\u{feff}=1",
        ] {
            let cell = inert(hostile);
            assert!(cell.starts_with('\''), "{hostile:?} gave {cell:?}");
            assert!(!cell.contains(['\0', '\r', '\u{1b}']), "{cell:?}");
        }
        for plain in ["", "a = b", "1-2", "it's"] {
            assert_eq!(inert(plain), plain);
        }
    }
}
