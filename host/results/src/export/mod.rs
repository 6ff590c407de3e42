//! Records in the forms that other tools read, one at a time in memory whatever the form.

mod csv;
pub(crate) mod flat;
mod parquet;

use std::fs::File;
use std::io::{self, Read as _, Write};
use std::path::Path;

use arena_model::{Record, Summary};
use serde_json::value::RawValue;
use zstd::stream::write::Encoder;

use crate::junit::Cases;
use crate::reader::lines;
use crate::row::Row;
use crate::run_view::{JUNIT, PARTIAL, SUMMARY};
use crate::{Result, ResultsError, RunView, atomic};

pub use self::flat::{COLUMNS, Kind, place};
pub use self::parquet::JSON_COLUMNS;

/// Level of zstd for exports: they are made once and moved around.
const LEVEL: i32 = 6;

/// Longest summary that is read, bytes; one is written with 256 KiB at most.
const SUMMARY_BYTES: u64 = 4 << 20;

/// A form of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One record a line, byte for byte as stored.
    Jsonl,
    /// The same, compressed.
    JsonlZst,
    /// One document: manifest, summary and records.
    Json,
    /// One row a case, see [`COLUMNS`].
    Csv,
    /// The same columns, typed, and what is nested as JSON text.
    Parquet,
    /// One test case a case.
    Junit,
}

/// Writes the records of `run` that `keep` wants to `out`, in plan order, and gives how many those were.
///
/// Errors: those of reading the run; `ResultsIo` where `out` cannot be written.
pub fn export(
    run: &RunView,
    format: Format,
    mut keep: impl FnMut(&Record) -> bool,
    out: impl Write + Send,
) -> Result<u64> {
    let mut sink = Sink::open(run, format, out).map_err(failed(run))?;
    let mut kept = 0;
    for line in lines(run)? {
        let (index, line) = line?;
        let corrupt = |detail: String| ResultsError::SegmentCorrupt {
            path: run.path().to_owned(),
            detail: format!("the record of case {index} cannot be read: {detail}"),
        };
        let record: Record = serde_json::from_slice(&line).map_err(|error| corrupt(error.to_string()))?;
        if keep(&record) {
            let row = Row::read(&line).map_err(corrupt)?;
            sink.push(run, &record, &row, kept == 0).map_err(failed(run))?;
            kept += 1;
        }
    }
    sink.finish().map_err(failed(run))?;
    Ok(kept)
}

fn failed(run: &RunView) -> impl Fn(io::Error) -> ResultsError {
    ResultsError::export(run.path())
}

/// Where rows go.
enum Sink<W: Write + Send> {
    Jsonl(W),
    JsonlZst(Box<Encoder<'static, W>>),
    Json(W),
    Csv(Box<csv::Csv<W>>),
    Parquet(Box<parquet::Table<W>>),
    Junit { out: W, cases: Box<Cases>, _scratch: tempfile::TempDir },
}

impl<W: Write + Send> Sink<W> {
    fn open(run: &RunView, format: Format, mut out: W) -> io::Result<Self> {
        Ok(match format {
            Format::Jsonl => Self::Jsonl(out),
            Format::JsonlZst => Self::JsonlZst(Box::new(Encoder::new(out, LEVEL)?)),
            Format::Json => {
                let summary = summary(run).map_err(io::Error::other)?;
                out.write_all(b"{\"v\":1,\"manifest\":")?;
                serde_json::to_writer(&mut out, run.manifest())?;
                out.write_all(b",\"summary\":")?;
                serde_json::to_writer(&mut out, &summary)?;
                out.write_all(b",\"records\":[")?;
                Self::Json(out)
            }
            Format::Csv => Self::Csv(Box::new(csv::Csv::new(out)?)),
            Format::Parquet => Self::Parquet(Box::new(parquet::Table::new(out).map_err(io::Error::other)?)),
            Format::Junit => {
                let scratch = tempfile::tempdir()?;
                let cases = Cases::create(&scratch.path().join(JUNIT)).map_err(io::Error::other)?;
                Self::Junit { out, cases: Box::new(cases), _scratch: scratch }
            }
        })
    }

    fn push(&mut self, run: &RunView, record: &Record, row: &Row<'_>, first: bool) -> io::Result<()> {
        match self {
            Self::Jsonl(out) => out.write_all(row.line.as_bytes()).and_then(|()| out.write_all(b"\n")),
            Self::JsonlZst(out) => out.write_all(row.line.as_bytes()).and_then(|()| out.write_all(b"\n")),
            Self::Json(out) => {
                out.write_all(if first { b"\n" } else { b",\n" })?;
                out.write_all(row.line.as_bytes())
            }
            Self::Csv(table) => table.push(record, run.manifest()),
            Self::Parquet(table) => table.push(record, run.manifest()).map_err(io::Error::other),
            Self::Junit { cases, .. } => cases.push(row).map_err(io::Error::other),
        }
    }

    fn finish(self) -> io::Result<()> {
        match self {
            Self::Jsonl(mut out) => out.flush(),
            Self::JsonlZst(out) => out.finish()?.flush(),
            Self::Json(mut out) => out.write_all(b"\n]}\n").and_then(|()| out.flush()),
            Self::Csv(table) => table.finish(),
            Self::Parquet(table) => table.finish().map_err(io::Error::other),
            Self::Junit { mut out, cases, .. } => {
                cases.write(&mut out, Path::new(JUNIT)).map_err(io::Error::other)?;
                out.flush()
            }
        }
    }
}

/// The stored summary, byte for byte; null if there is none yet.
fn summary(run: &RunView) -> Result<Box<RawValue>> {
    let path = run.file(SUMMARY);
    let text = if atomic::is_there(&path)? { read_summary(run)?.1 } else { "null".to_owned() };
    RawValue::from_string(text).map_err(ResultsError::encode(&path))
}

/// The summary of a finished run and its text.
///
/// Errors: `SegmentCorrupt` if it cannot be read, `ResultsIo` if there is none.
pub fn read_summary(run: &RunView) -> Result<(Summary, String)> {
    summary_at(&run.file(SUMMARY))
}

/// The summary of a run that was stopped and can go on; none if none was written.
///
/// Errors: as for [`read_summary`].
pub fn read_partial(run: &RunView) -> Result<Option<Summary>> {
    let path = run.file(PARTIAL).join(SUMMARY);
    if atomic::is_there(&path)? { Ok(Some(summary_at(&path)?.0)) } else { Ok(None) }
}

fn summary_at(path: &Path) -> Result<(Summary, String)> {
    let file = atomic::open_plain(path, File::options().read(true)).map_err(ResultsError::io("open", path))?;
    let mut text = String::new();
    file.take(SUMMARY_BYTES).read_to_string(&mut text).map_err(ResultsError::io("read", path))?;
    let summary = serde_json::from_str(&text);
    let corrupt =
        |error: serde_json::Error| ResultsError::SegmentCorrupt { path: path.to_owned(), detail: error.to_string() };
    Ok((summary.map_err(corrupt)?, text))
}
