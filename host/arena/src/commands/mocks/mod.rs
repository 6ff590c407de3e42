//! `arena mocks`: mock files from what models said.

mod generate;
mod text;

use clap::Subcommand;

use crate::exit::{Exit, Failure};

/// What to do with mock files.
#[derive(Subcommand)]
pub enum Command {
    /// Make a mock file of the replies in a run.
    Generate(generate::Arguments),
}

/// Runs the command.
pub fn run(command: &Command) -> Result<Exit, Failure> {
    match command {
        Command::Generate(arguments) => generate::run(arguments),
    }
}
