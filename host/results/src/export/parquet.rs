//! Parquet: the columns of [`COLUMNS`], typed, then messages, events and checks as JSON text. Row groups are bounded in
//! rows and bytes, so memory does not grow with the run.

use std::io::Write;
use std::sync::Arc;

use arena_model::{Manifest, Record};
use parquet::basic::{Compression, ZstdLevel};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::flat::{COLUMNS, Cell, Kind, cells};

/// Columns of JSON text behind the flat ones.
pub const JSON_COLUMNS: [&str; 3] = ["messages_json", "events_json", "checks_json"];

/// Rows of a group at most.
const GROUP_ROWS: usize = 20_000;
/// Bytes of text of a group at most, but for its last row.
const GROUP_BYTES: usize = 32 << 20;

/// Values of one column of the group being filled; what is absent is in `levels` alone.
enum Column {
    Text(Vec<ByteArray>),
    Int(Vec<i64>),
    Float(Vec<f64>),
    Bool(Vec<bool>),
}

struct Filling {
    values: Column,
    levels: Vec<i16>,
}

impl Filling {
    fn new(kind: Kind) -> Self {
        let values = match kind {
            Kind::Text => Column::Text(Vec::new()),
            Kind::Int | Kind::Time => Column::Int(Vec::new()),
            Kind::Float => Column::Float(Vec::new()),
            Kind::Bool => Column::Bool(Vec::new()),
        };
        Self { values, levels: Vec::new() }
    }

    /// Gives the bytes of text that it took.
    fn push(&mut self, cell: Cell) -> usize {
        let mut bytes = 0;
        let present = match (&mut self.values, cell) {
            (Column::Text(values), Cell::Text(Some(text))) => {
                bytes = text.len();
                values.push(text.into_bytes().into());
                true
            }
            (Column::Int(values), Cell::Int(Some(number)) | Cell::Time(Some(number), _)) => {
                values.push(number);
                true
            }
            (Column::Float(values), Cell::Float(Some(number))) => {
                values.push(number);
                true
            }
            (Column::Bool(values), Cell::Bool(truth)) => {
                values.push(truth);
                true
            }
            _ => false,
        };
        self.levels.push(i16::from(present));
        bytes
    }

    fn write(&mut self, to: &mut ColumnWriter<'_>) -> Result<()> {
        let levels = Some(self.levels.as_slice());
        match (to, &mut self.values) {
            (ColumnWriter::ByteArrayColumnWriter(to), Column::Text(values)) => {
                to.write_batch(values, levels, None)?;
                values.clear();
            }
            (ColumnWriter::Int64ColumnWriter(to), Column::Int(values)) => {
                to.write_batch(values, levels, None)?;
                values.clear();
            }
            (ColumnWriter::DoubleColumnWriter(to), Column::Float(values)) => {
                to.write_batch(values, levels, None)?;
                values.clear();
            }
            (ColumnWriter::BoolColumnWriter(to), Column::Bool(values)) => {
                to.write_batch(values, levels, None)?;
                values.clear();
            }
            _ => return Err(ParquetError::General("a column is of another type than the schema says".to_owned())),
        }
        self.levels.clear();
        Ok(())
    }
}

/// Rows on their way to `out`.
pub(crate) struct Table<W: Write + Send> {
    writer: SerializedFileWriter<W>,
    columns: Vec<Filling>,
    rows: usize,
    bytes: usize,
}

impl<W: Write + Send> Table<W> {
    pub(crate) fn new(out: W) -> Result<Self> {
        let flat = COLUMNS.iter().map(|(name, kind)| {
            let kind = match kind {
                Kind::Text => "BINARY {} (UTF8)",
                Kind::Int => "INT64 {}",
                Kind::Float => "DOUBLE {}",
                Kind::Bool => "BOOLEAN {}",
                Kind::Time => "INT64 {} (TIMESTAMP(MILLIS,true))",
            };
            format!("OPTIONAL {};", kind.replace("{}", name))
        });
        let json = JSON_COLUMNS.iter().map(|name| format!("OPTIONAL BINARY {name} (UTF8);"));
        let schema = format!("message record {{ {} }}", flat.chain(json).collect::<String>());
        let schema = Arc::new(parse_message_type(&schema)?);
        let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?)).build();
        let writer = SerializedFileWriter::new(out, schema, Arc::new(properties))?;
        let kinds = COLUMNS.iter().map(|(_, kind)| *kind).chain(JSON_COLUMNS.map(|_| Kind::Text));
        Ok(Self { writer, columns: kinds.map(Filling::new).collect(), rows: 0, bytes: 0 })
    }

    pub(crate) fn push(&mut self, record: &Record, manifest: &Manifest) -> Result<()> {
        let json = |text: serde_json::Result<String>| {
            text.map(|text| Cell::Text(Some(text))).map_err(|error| ParquetError::External(Box::new(error)))
        };
        let nested = [
            json(serde_json::to_string(&record.messages))?,
            json(serde_json::to_string(&record.events))?,
            json(serde_json::to_string(&record.checks))?,
        ];
        for (column, cell) in self.columns.iter_mut().zip(cells(record, manifest).into_iter().chain(nested)) {
            self.bytes += column.push(cell);
        }
        self.rows += 1;
        if self.rows >= GROUP_ROWS || self.bytes >= GROUP_BYTES { self.close_group() } else { Ok(()) }
    }

    fn close_group(&mut self) -> Result<()> {
        let mut group = self.writer.next_row_group()?;
        for filling in &mut self.columns {
            let Some(mut column) = group.next_column()? else { break };
            filling.write(column.untyped())?;
            column.close()?;
        }
        group.close()?;
        (self.rows, self.bytes) = (0, 0);
        Ok(())
    }

    pub(crate) fn finish(mut self) -> Result<()> {
        if self.rows > 0 {
            self.close_group()?;
        }
        self.writer.finish()?;
        self.writer.inner_mut().flush()?;
        Ok(())
    }
}
