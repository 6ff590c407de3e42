//! `arena results`: what stands in a run's folder, and how a fleet's results get into one.

#[cfg(feature = "fleet")]
mod get;
#[cfg(feature = "fleet")]
mod token;

use std::io::{self, BufWriter};
use std::path::PathBuf;

use arena_results::{ResultsError, RunView, export_jsonl};
use clap::{Subcommand, ValueEnum};

use crate::exit::{Exit, Failure, OrFail};

/// What to do with results.
#[derive(Subcommand)]
pub enum Command {
    /// Print every record, one JSON object a line, in plan order.
    Export(Export),
    /// Fetch the results of a job from the fleet's store into a folder.
    #[cfg(feature = "fleet")]
    Get(get::Arguments),
    /// Print a token that reads the results of one job, and does nothing else.
    #[cfg(feature = "fleet")]
    Token(token::Arguments),
}

/// Arguments of `arena results export`.
#[derive(clap::Args)]
pub struct Export {
    /// Folder of the run.
    dir: PathBuf,
    /// Form of the output.
    #[arg(long, value_enum, default_value_t = Format::Jsonl)]
    format: Format,
}

/// Forms of output.
#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// One record a line, version 1.
    Jsonl,
}

/// Runs the command.
pub fn run(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Export(arguments) => export(&arguments),
        #[cfg(feature = "fleet")]
        Command::Get(arguments) => super::block_on(get::run(arguments)),
        #[cfg(feature = "fleet")]
        Command::Token(arguments) => token::run(&arguments),
    }
}

fn export(Export { dir, format: Format::Jsonl }: &Export) -> Result<Exit, Failure> {
    let run = RunView::open(dir).or_fail()?;
    let mut out = BufWriter::new(io::stdout().lock());
    match export_jsonl(&run, &mut out) {
        // A reader that has seen enough (`| head`) is no error.
        Err(error) if is_broken_pipe(&error) => Ok(Exit::Passed),
        other => other.or_fail().map(|()| Exit::Passed),
    }
}

fn is_broken_pipe(error: &ResultsError) -> bool {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<io::Error>());
    source.is_some_and(|source| source.kind() == io::ErrorKind::BrokenPipe)
}
