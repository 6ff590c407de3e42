//! Reads a table once and writes its rows in blocks, with an index of them.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::rc::Rc;

use arena_model::Hasher;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::index::{Block, Column, Malformed};
use crate::read::{self, Raw};
use crate::repeats::{Repeat, Repeats};
use crate::row::Values;
use crate::{DatasetError, Index, Limits, Stamp, Table};

/// File of the blocks.
pub const ROWS: &str = "rows";
/// File of the index.
pub const INDEX: &str = "index.json";
/// Most rows of a block, and most bytes that a row may be added to.
const BLOCK_ROWS: u64 = 1024;
const BLOCK_BYTES: usize = 4 << 20;
/// As fast as it gets.
const LEVEL: i32 = 1;
/// Malformed rows that the index shows.
const EXAMPLES: usize = 20;
/// Column of what is expected, and most types of checks that it may name.
const EXPECTED: &str = "expected";
const CHECKS: usize = 256;
/// Characters of a hash that are kept of a block, and of a row that has no id of its own.
const HASH: usize = 32;
const ROW_HASH: usize = 16;
/// What the id of a malformed row begins with, before its line.
const UNREAD: &str = "!line-";
/// Rows between two reports of progress.
const REPORT: u64 = 4096;

/// What the user says of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// The column that holds the ids of rows; none for a digest of each.
    pub id: Option<String>,
}

/// Reads `file`, whose name is `table`, and writes [`ROWS`] and [`INDEX`] into the folder `to`, which exists and is empty.
/// `progress` is told how many bytes of the file were read.
///
/// # Errors
/// All of [`DatasetError`] but [`DatasetError::NothingSelected`]. A malformed row is none.
pub fn build(
    table: &str,
    file: File,
    options: &Options,
    limits: &Limits,
    to: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<Index, DatasetError> {
    let stamp = |file: &File| {
        let metadata = file.metadata().map_err(DatasetError::io(table, "the table cannot be read"))?;
        Ok::<_, DatasetError>(Stamp::of(&metadata))
    };
    let (before, again) = (stamp(&file)?, file.try_clone());
    let again = again.map_err(DatasetError::io(table, "the table cannot be read"))?;
    let read = Rc::new(Cell::new(0));
    let mut reader = read::open(table, file, limits, read.clone())?;
    let mut builder = Builder::new(table, options, limits, to)?;
    for name in reader.declared() {
        builder.column(name, Column::default())?;
    }
    while let Some(raw) = reader.next()? {
        builder.add(raw)?;
        if builder.rows % REPORT == 0 {
            progress(read.get());
        }
    }
    drop(reader);
    let index = builder.finish()?;
    if stamp(&again)? != before {
        return Err(DatasetError::Changed { table: table.to_owned() });
    }
    if let Some(column) = &options.id {
        index.check_column(column)?;
    }
    Ok(index)
}

struct Builder<'a> {
    table: &'a str,
    options: &'a Options,
    limits: &'a Limits,
    to: &'a Path,
    out: BufWriter<File>,
    offset: u64,
    /// Rows of the open block, and the number of the first of them.
    open: Vec<u8>,
    first: u64,
    rows: u64,
    /// Of all rows.
    bytes: u64,
    malformed: u64,
    examples: Vec<Malformed>,
    columns: BTreeMap<String, Column>,
    checks: BTreeSet<String>,
    blocks: Vec<Block>,
    repeats: Repeats,
    content: Hasher,
}

impl<'a> Builder<'a> {
    fn new(table: &'a str, options: &'a Options, limits: &'a Limits, to: &'a Path) -> Result<Self, DatasetError> {
        let out = File::create_new(to.join(ROWS)).map_err(DatasetError::io(table, "its rows cannot be written"))?;
        Ok(Self {
            table,
            options,
            limits,
            to,
            out: BufWriter::new(out),
            offset: 0,
            open: Vec::new(),
            first: 0,
            rows: 0,
            bytes: 0,
            malformed: 0,
            examples: Vec::new(),
            columns: BTreeMap::new(),
            checks: BTreeSet::new(),
            blocks: Vec::new(),
            repeats: Repeats::new(),
            content: Hasher::default(),
        })
    }

    fn too_large(&self, what: &str, limit: u64) -> DatasetError {
        DatasetError::TooLarge { table: self.table.to_owned(), what: what.to_owned(), limit }
    }

    fn add(&mut self, Raw { line, text }: Raw) -> Result<(), DatasetError> {
        if self.rows == self.limits.rows {
            return Err(self.too_large("rows", self.limits.rows));
        }
        let most = self.limits.row_bytes;
        // As JSON a row may be longer than it was.
        let fits = |text: String| match text.len() > most {
            true => Err(format!("the row has more than {most} bytes as JSON")),
            false => Ok(text),
        };
        let read = match text.and_then(fits).and_then(|text| Ok((Values::parse(&text)?, text))) {
            Ok((values, text)) => {
                self.see(&values)?;
                self.id(&values).map(|id| (id, text))
            }
            Err(why) => Err(why),
        };
        let start = self.open.len();
        self.bytes += read.as_ref().map_or(0, |(_, text)| text.len() as u64);
        if self.bytes > self.limits.bytes {
            return Err(self.too_large("bytes", self.limits.bytes));
        }
        let id = match read {
            Ok((id, text)) => {
                let _ = writeln!(self.open, "{line}\t{id}\t{text}");
                id
            }
            Err(why) => {
                self.malformed += 1;
                // An id in the place of one that cannot be told; none of a row begins so.
                let id = format!("{UNREAD}{line}");
                let why: String = why.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
                let _ = writeln!(self.open, "{line}\t{id}\t!{why}");
                if self.examples.len() < EXAMPLES {
                    self.examples.push(Malformed { line, why });
                }
                id
            }
        };
        self.content.update(&self.open[start..]);
        let failed = DatasetError::io(self.table, "its ids cannot be written");
        self.repeats.push(self.rows, &id, self.to).map_err(failed)?;
        self.rows += 1;
        if self.rows - self.first == BLOCK_ROWS || self.open.len() >= BLOCK_BYTES {
            self.close()?;
        }
        Ok(())
    }

    /// The value of the declared column, else a digest that does not depend on the order of columns.
    fn id(&self, values: &Values) -> Result<String, String> {
        if let Some(column) = &self.options.id {
            let id = values.text(column).ok_or_else(|| format!("the row has no `{column}`, which is its id"))?;
            let most = self.limits.name_bytes;
            if !matches!(values.value(column), Some(Value::String(_) | Value::Number(_))) {
                return Err(format!("`{column}` is no id: it is a text or a number"));
            }
            if id.starts_with(UNREAD) {
                return Err(format!("`{column}` is no id: `{UNREAD}` stands for rows that cannot be read"));
            }
            if id.is_empty() || id.len() > most || id.chars().any(char::is_control) {
                return Err(format!("`{column}` is no id: it has 1 to {most} bytes and no control characters"));
            }
            return Ok(id);
        }
        let mut hasher = blake3::Hasher::new();
        for (name, raw) in values.raw() {
            hasher.update(&(name.len() as u64).to_be_bytes()).update(name.as_bytes());
            hasher.update(&(raw.len() as u64).to_be_bytes()).update(raw.as_bytes());
        }
        Ok(hasher.finalize().to_hex()[..ROW_HASH].to_owned())
    }

    /// Counts columns, and notes the checks that the row brings along.
    fn see(&mut self, values: &Values) -> Result<(), DatasetError> {
        for name in values.names() {
            if let Some(column) = self.columns.get_mut(name) {
                column.rows += 1;
                continue;
            }
            self.column(name, Column { rows: 1 })?;
        }
        if let Some(Value::Array(checks)) = values.list(EXPECTED) {
            for kind in checks.iter().filter_map(|check| check.get("type")?.as_str()) {
                if !self.checks.contains(kind) {
                    if self.checks.len() == CHECKS {
                        return Err(self.too_large("types of checks", CHECKS as u64));
                    }
                    self.checks.insert(kind.to_owned());
                }
            }
        }
        Ok(())
    }

    fn column(&mut self, name: &str, column: Column) -> Result<(), DatasetError> {
        if name.len() > self.limits.name_bytes {
            return Err(self.too_large("bytes in the name of a column", self.limits.name_bytes as u64));
        }
        if self.columns.len() == self.limits.columns {
            return Err(self.too_large("columns", self.limits.columns as u64));
        }
        self.columns.insert(name.to_owned(), column);
        Ok(())
    }

    /// Packs and writes the open block.
    fn close(&mut self) -> Result<(), DatasetError> {
        if self.open.is_empty() {
            return Ok(());
        }
        let failed = |error| DatasetError::io(self.table, "its rows cannot be written")(error);
        let packed = zstd::bulk::compress(&self.open, LEVEL).map_err(failed)?;
        self.out.write_all(&packed).map_err(failed)?;
        // A block has at most 4 MiB and a row.
        let (bytes, size) = (self.open.len() as u32, packed.len() as u32);
        let hash = blake3::hash(&packed).to_hex()[..HASH].to_owned();
        self.blocks.push(Block { first: self.first, offset: self.offset, packed: size, bytes, hash });
        self.offset += packed.len() as u64;
        self.first = self.rows;
        self.open.clear();
        Ok(())
    }

    fn finish(mut self) -> Result<Index, DatasetError> {
        self.close()?;
        let (table, to, options) = (self.table, self.to, self.options);
        let failed = |error| DatasetError::io(table, "its rows cannot be written")(error);
        self.out.flush().map_err(failed)?;
        if self.rows == 0 {
            return Err(DatasetError::Empty { table: table.to_owned() });
        }
        let repeats = self.repeats.finish(self.limits.repeats).map_err(failed)?;
        let index = Index {
            v: 1,
            table: table.to_owned(),
            content: self.content.finish(),
            rows: self.rows,
            malformed: self.malformed,
            examples: self.examples,
            columns: self.columns,
            checks: self.checks,
            blocks: self.blocks,
            repeats: repeats.iter().map(|repeat| (repeat.row, repeat.before)).collect(),
        };
        if let (Some(column), Some(repeat)) = (&options.id, repeats.first()) {
            return Err(repeated(table, column, *repeat, index, to)?);
        }
        if repeats.len() > self.limits.repeats {
            let most = self.limits.repeats as u64;
            return Err(DatasetError::TooLarge {
                table: table.to_owned(),
                what: "rows equal to earlier ones".to_owned(),
                limit: most,
            });
        }
        let mut json = serde_json::to_vec(&index).map_err(|error| DatasetError::broken(table, error))?;
        json.push(b'\n');
        let seal = seal(&json);
        json.extend(seal.as_bytes());
        std::fs::write(to.join(INDEX), json).map_err(DatasetError::io(table, "its index cannot be written"))?;
        Ok(index)
    }
}

/// What stands behind an index: 64 hex digits of its BLAKE3.
pub(crate) fn seal(json: &[u8]) -> String {
    blake3::hash(json).to_hex().to_string()
}

/// The error of two rows with one id. Their lines stand in the rows that were just written.
fn repeated(table: &str, column: &str, repeat: Repeat, index: Index, to: &Path) -> Result<DatasetError, DatasetError> {
    let table_of = Table::of_folder(index, to)?;
    let (first, second) = (table_of.row(repeat.first)?, table_of.row(repeat.row)?);
    Ok(DatasetError::IdRepeated {
        table: table.to_owned(),
        column: column.to_owned(),
        value: second.values.ok().and_then(|values| values.text(column)).unwrap_or_default(),
        first: first.line,
        second: second.line,
    })
}
