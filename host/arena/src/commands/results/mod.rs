//! `arena results`: what stands in a run's folder, and how a fleet's results get into one.

pub mod export;
#[cfg(feature = "fleet")]
mod get;
mod list;
pub mod select;
mod show;
mod tail;
#[cfg(feature = "fleet")]
mod token;

use clap::Subcommand;

use crate::exit::{Exit, Failure};

/// What to do with results.
#[derive(Subcommand)]
pub enum Command {
    /// List the runs in a folder.
    List(list::Arguments),
    /// Print what failed or ended in an error, with reason, expectation, evidence and answer.
    Failures(show::Failures),
    /// Print one case with its whole conversation.
    Show(show::Show),
    /// Print the cases of a run as they end, from another shell.
    Tail(tail::Arguments),
    /// Print records in plan order, or write them in a form that other tools read.
    Export(export::Arguments),
    /// Fetch the results of a job from the fleet's store into a folder.
    #[cfg(feature = "fleet")]
    Get(get::Arguments),
    /// Print a token that reads the results of one job, and does nothing else.
    #[cfg(feature = "fleet")]
    Token(token::Arguments),
}

/// Runs the command.
pub fn run(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::List(arguments) => list::run(&arguments),
        Command::Failures(arguments) => show::failures(&arguments),
        Command::Show(arguments) => show::show(&arguments),
        Command::Tail(arguments) => super::block_on(tail::run(arguments)),
        Command::Export(arguments) => export::run(&arguments),
        #[cfg(feature = "fleet")]
        Command::Get(arguments) => super::block_on(get::run(arguments)),
        #[cfg(feature = "fleet")]
        Command::Token(arguments) => token::run(&arguments),
    }
}
