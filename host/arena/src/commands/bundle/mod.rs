//! `arena bundle`: a bundle as one archive, and to registries and back.

mod inspect;
mod login;
mod pack;
mod pull;
mod push;
mod remote;

use std::fmt::Display;
use std::path::{Path, PathBuf};

use arena_bundle::Bundle;
use clap::Subcommand;
use tokio::signal::unix::{SignalKind, signal};

use super::block_on;
use crate::credentials;
use crate::exit::{Exit, Failure};
use crate::output::println;
use crate::terminal::print_warning;
use crate::work::load_bundle;

/// What to do with a bundle.
#[derive(Subcommand)]
pub enum Command {
    /// Write a bundle as one archive, the same bytes wherever that is done.
    Pack(pack::Arguments),
    /// Put a bundle into a registry.
    Push(push::Arguments),
    /// Get a bundle out of a registry.
    Pull(pull::Arguments),
    /// Print what a bundle holds.
    Inspect(inspect::Arguments),
}

/// Runs the command.
pub fn run(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Pack(arguments) => pack::run(&arguments),
        Command::Push(arguments) => push::run(arguments),
        Command::Pull(arguments) => pull::run(arguments),
        Command::Inspect(arguments) => inspect::run(arguments),
    }
}

/// Work with a registry until its end or until Ctrl-C or TERM: dropped, it kills its child and removes what it began to
/// write.
fn run_until_stopped(work: impl Future<Output = Result<Exit, Failure>>) -> Result<Exit, Failure> {
    block_on(async {
        let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        else {
            // Without handlers the signals end the process.
            return work.await;
        };
        tokio::select! {
            done = work => return done,
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        print_warning("stopped");
        Ok(Exit::Interrupted)
    })
}

/// A bundle that leaves this machine: valid, and without keys unless they are allowed.
fn outgoing(path: &Path, allow_inline_keys: bool) -> Result<Bundle, Failure> {
    let bundle = load_bundle(path)?;
    if !allow_inline_keys {
        credentials::refuse_inline(&bundle)?;
        credentials::refuse_key_files(&bundle)?;
    }
    Ok(bundle)
}

/// The folder that `path` is to appear in, which must be there.
fn parent(path: &Path) -> Result<PathBuf, Failure> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if parent.is_dir() {
        return Ok(parent.to_owned());
    }
    Err(Failure::input("FolderMissing", format!("{} is no folder", parent.display())).hint("create it first"))
}

fn unwritable(path: &Path, error: &dyn Display) -> Failure {
    Failure::machinery("FileUnwritable", format!("{}: {error}", path.display()))
}

/// Prints one line of a result: a word for scripts, its value for both.
fn row(word: &str, value: impl Display) {
    println!("{word:<9} {value}");
}
