//! `arena cache`: the answers that runs with `--cache write` keep.

use clap::Subcommand;

use crate::exit::{Exit, Failure};
use crate::output::println;
use crate::reuse::{days, folder};

/// Commands on kept answers.
#[derive(Subcommand)]
pub enum Command {
    /// Print where answers are kept, how many there are and how much room they take.
    Info,
    /// Remove answers.
    Prune(Prune),
}

/// Arguments of `arena cache prune`.
#[derive(clap::Args)]
pub struct Prune {
    /// Only those that were kept longer ago than this.
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
    Ok(Exit::Passed)
}
