//! `arena results export`: records in the forms that other tools read.

use std::error::Error;
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::path::{Path, PathBuf};

use arena_results::{Format, ResultsError, RunView, State, export, export_jsonl, read_partial, read_summary};
use clap::ValueEnum;

use super::select::{Chosen, Select};
use crate::exit::{Exit, Failure, OrFail};
use crate::gates::Decided;
use crate::output::println;
use crate::terminal::{Stdout, plural};
use crate::{files, markdown};

/// Arguments of `arena results export`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Folder of the run.
    dir: PathBuf,
    /// Form of the output.
    #[arg(long, value_enum, default_value_t = Form::Jsonl)]
    format: Form,
    /// File to write, whole or not at all [default: standard output].
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    select: Select,
}

/// Forms of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// One record a line, version 1.
    Jsonl,
    /// The same, compressed by zstd.
    #[value(name = "jsonl.zst")]
    JsonlZst,
    /// One document with manifest, summary and records.
    Json,
    /// One row a case.
    Csv,
    /// The same columns with types, and messages and checks as JSON text.
    Parquet,
    /// One test case a case.
    Junit,
    /// The verdict with its failures, for a pull request; of the whole run.
    Markdown,
}

impl Form {
    /// None for what is no list of records.
    fn of_records(self) -> Option<Format> {
        Some(match self {
            Self::Jsonl => Format::Jsonl,
            Self::JsonlZst => Format::JsonlZst,
            Self::Json => Format::Json,
            Self::Csv => Format::Csv,
            Self::Parquet => Format::Parquet,
            Self::Junit => Format::Junit,
            Self::Markdown => return None,
        })
    }
}

/// Writes it.
pub fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let Arguments { dir, format, out, select } = arguments;
    let mut chosen = select.chosen()?;
    let run = RunView::open(dir).or_fail()?;
    let Some(records) = format.of_records() else {
        if !select.is_all() {
            return Err(Failure::input("FilterUnusable", "markdown tells of the whole run, so it takes no filter")
                .hint("take a form of records: jsonl, csv, parquet, json or junit"));
        }
        let text = of_run(&run)?;
        return match out {
            Some(file) => files::write(file, text.as_bytes()).map(|()| Exit::Passed),
            None => {
                crate::output::text(&text);
                Ok(Exit::Passed)
            }
        };
    };
    let binary = matches!(format, Form::Parquet | Form::JsonlZst);
    match out {
        Some(file) => {
            let kept = to_file(&run, records, &mut chosen, file)?;
            println!("{} to {}", plural(kept, "case"), file.display());
        }
        None if binary && io::stdout().is_terminal() => {
            let text = "bytes of this form are not for a terminal";
            return Err(Failure::input("OutputUnusable", text).hint("name a file by --out, or send them on by a pipe"));
        }
        None => {
            let is_json = matches!(format, Form::Jsonl | Form::Json);
            let mut out = BufWriter::new(Stdout::new(is_json && io::stdout().is_terminal()));
            let written = if *format == Form::Jsonl && select.is_all() {
                export_jsonl(&run, &mut out)
            } else {
                export(&run, records, |record| chosen.wants(record), &mut out).map(drop)
            };
            match written {
                // A reader that has seen enough (`| head`) is no error.
                Err(error) if is_broken_pipe(&error) => return Ok(Exit::Passed),
                other => other.or_fail()?,
            }
        }
    }
    chosen.all_found()?;
    Ok(Exit::Passed)
}

/// Writes an export to a file, whole or not at all, and gives the number of cases in it.
pub fn to_file(run: &RunView, format: Format, chosen: &mut Chosen, file: &Path) -> Result<u64, Failure> {
    let mut kept = 0;
    files::write_by(file, |out| {
        let mut out = BufWriter::with_capacity(256 << 10, out);
        kept = export(run, format, |record| chosen.wants(record), &mut out).or_fail()?;
        out.flush().map_err(|error| files::unwritable(file, &error))
    })?;
    Ok(kept)
}

/// The Markdown of a run, as far as it has come.
fn of_run(run: &RunView) -> Result<String, Failure> {
    // What a stopped run came to so far stands aside.
    let partial = if run.state().or_fail()? == State::Running { read_partial(run).or_fail()? } else { None };
    let summary = match partial {
        Some(summary) => summary,
        None => {
            let whole = read_summary(run).or_fail().map_err(|failure| {
                failure.hint("a run that is not finished has no summary: resume it, or export its records as jsonl")
            })?;
            whole.0
        }
    };
    markdown::text(run, &summary, &Decided::of(run.manifest(), &summary)?)
}

/// Whether whoever read the output has gone, however deep the error that says so lies.
pub fn is_broken_pipe(error: &ResultsError) -> bool {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        next = match error.downcast_ref::<io::Error>() {
            Some(io) if io.kind() == io::ErrorKind::BrokenPipe => return true,
            // Its own source is that of what it holds.
            Some(io) => io.get_ref().map(|held| held as &(dyn Error + 'static)),
            None => error.source(),
        };
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_pipe_is_found_below_other_errors() {
        let of = |source| ResultsError::ResultsIo { action: "write", path: PathBuf::from("out"), source };
        let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
        for source in [gone(), io::Error::other(gone()), io::Error::other(of(io::Error::other(gone())))] {
            assert!(is_broken_pipe(&of(source)));
        }
        assert!(!is_broken_pipe(&of(io::Error::other("a full disk"))));
        assert!(!is_broken_pipe(&of(io::Error::from(io::ErrorKind::StorageFull))));
    }
}
