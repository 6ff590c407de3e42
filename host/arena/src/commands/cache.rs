//! `arena cache`: the answers that runs with `--cache write` keep, and the tables that runs have indexed.

use std::time::SystemTime;

use clap::Subcommand;

use crate::exit::{Exit, Failure};
use crate::output::println;
use crate::reuse::{days, folder};
use crate::tables;

/// Commands on what is kept.
#[derive(Subcommand)]
pub enum Command {
    /// Print where answers and indexed tables are kept, how many there are and how much room they take.
    Info,
    /// Remove answers and indexed tables.
    Prune(Prune),
}

/// Arguments of `arena cache prune`.
#[derive(clap::Args)]
pub struct Prune {
    /// Only answers that were kept, and tables that were used, longer ago than this.
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(0..=3650))]
    older_than: u32,
}

/// Does it.
pub fn run(command: &Command) -> Result<Exit, Failure> {
    let folder = folder()?;
    let failed = |error| Failure::machinery("CacheFailed", format!("{}: {error}", folder.display()));
    let (what, found) = match command {
        Command::Info => ("", arena_provider::measure(&folder).map_err(failed)?),
        Command::Prune(Prune { older_than }) => {
            ("removed ", arena_provider::prune(&folder, days(*older_than)).map_err(failed)?)
        }
    };
    let answers = if found.entries == 1 { "answer" } else { "answers" };
    println!("{what}{} {answers}, {} bytes, in {}", found.entries, found.bytes, folder.display());
    let (count, bytes) = match command {
        Command::Info => tables::room()?,
        Command::Prune(Prune { older_than }) => {
            let last = SystemTime::now().checked_sub(days(*older_than));
            tables::prune(|used, _| last.is_some_and(|last| used <= last))?
        }
    };
    let (tables, folder) = (if count == 1 { "table" } else { "tables" }, tables::folder()?);
    println!("{what}{count} {tables}, {bytes} bytes, in {}", folder.display());
    Ok(Exit::Passed)
}
