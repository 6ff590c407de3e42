//! One file per command.

#[cfg(feature = "fleet")]
mod bundle;
mod cache;
mod checks;
mod compare;
mod completion;
mod evaluator;
mod gate;
mod init;
mod mocks;
#[cfg(feature = "fleet")]
mod operator;
mod rescore;
mod results;
mod run;
mod score;
#[cfg(feature = "fleet")]
mod store;
mod validate;
mod verify;
mod view;
#[cfg(feature = "fleet")]
mod worker;

use clap::Subcommand;

pub use rescore::beside;

use crate::exit::{Exit, Failure};
use crate::settings;

/// All commands.
#[derive(Subcommand)]
pub enum Command {
    /// Run a bundle and report what failed.
    Run(Box<run::Arguments>),
    /// Judge a finished run again from what it stored, without calling a provider.
    Rescore(Box<rescore::Arguments>),
    /// Judge outputs that were made elsewhere by the checks of a bundle.
    Score(Box<score::Arguments>),
    /// Tell whether a run is better or worse than another, and how sure that is.
    Compare(compare::Arguments),
    /// Decide gates over a finished run.
    Gate(gate::Arguments),
    /// Check a bundle without calling any provider.
    Validate(validate::Arguments),
    /// List the checks that there are.
    Checks(checks::Arguments),
    /// Write a small bundle to start from.
    Init(init::Arguments),
    /// Make mock files.
    #[command(subcommand)]
    Mocks(mocks::Command),
    /// Read the results of a run.
    #[command(subcommand)]
    Results(results::Command),
    /// Check that a finished run is what it was: its bytes, and that totals and reports follow from its records.
    Verify(verify::Arguments),
    /// Show a run's report in the browser.
    View(view::Arguments),
    /// Look after the answers that runs with `--cache write` keep, and after indexed tables.
    #[command(subcommand)]
    Cache(cache::Command),
    /// Pack a bundle, or bring it to a registry and back.
    #[cfg(feature = "fleet")]
    #[command(subcommand)]
    Bundle(bundle::Command),
    /// Write, build and try an evaluator.
    #[command(subcommand)]
    Evaluator(evaluator::Command),
    /// Act on a cluster's ArenaSources, ArenaConfigs, ArenaJobs and Providers.
    #[cfg(feature = "fleet")]
    Operator(Box<operator::Arguments>),
    /// Keep the artifacts and results of a fleet.
    #[cfg(feature = "fleet")]
    Store(store::Arguments),
    /// Work on one job of a fleet.
    #[cfg(feature = "fleet")]
    Worker(worker::Arguments),
    /// Print completions for a shell.
    Completion(completion::Arguments),
}

impl Command {
    /// What is logged of it unless the user says otherwise: people read a terminal, servers leave a trail.
    pub fn log_level(&self) -> &'static str {
        match self {
            #[cfg(feature = "fleet")]
            Self::Operator(_) | Self::Store(_) | Self::Worker(_) => "info",
            _ => "warn",
        }
    }
}

/// Runs a command to its exit code.
pub fn run(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Run(arguments) => block_on(run::run(*arguments)),
        Command::Rescore(arguments) => block_on(rescore::run(*arguments)),
        Command::Score(arguments) => block_on(score::run(*arguments)),
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Gate(arguments) => gate::run(&arguments),
        Command::Validate(arguments) => block_on(validate::run(arguments)),
        Command::Checks(arguments) => checks::run(&arguments),
        Command::Init(arguments) => init::run(&arguments),
        Command::Mocks(command) => mocks::run(&command),
        Command::Results(command) => results::run(command),
        Command::Verify(arguments) => block_on(verify::run(arguments)),
        Command::View(arguments) => block_on(view::run(arguments)),
        Command::Cache(command) => cache::run(&command),
        #[cfg(feature = "fleet")]
        Command::Bundle(command) => bundle::run(command),
        Command::Evaluator(command) => evaluator::run(command),
        #[cfg(feature = "fleet")]
        Command::Operator(arguments) => block_on(operator::run(*arguments)),
        #[cfg(feature = "fleet")]
        Command::Store(arguments) => block_on(store::run(arguments)),
        #[cfg(feature = "fleet")]
        Command::Worker(arguments) => block_on(worker::run(arguments)),
        Command::Completion(arguments) => completion::run(&arguments),
    }
}

/// Runs async work on threads that are for IO; guests have their own.
fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(settings::cores().div_ceil(2))
        .thread_name("arena-io")
        .enable_all()
        .build()
        .map_err(|error| Failure::machinery("RuntimeFailed", format!("the IO threads cannot be started: {error}")))?;
    runtime.block_on(work)
}
