//! The test world: its set-up and a developer's cluster, done by the `test-world` program of `tests/harness`.

use std::ffi::OsStr;
use std::process::{Command, ExitCode};

use anyhow::{Result, bail};
use clap::Subcommand;

use crate::layout::Layout;
use crate::process;
use crate::steps::Tally;

/// What `./x cluster` does.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum Action {
    /// Install the Debian packages and build the programs that the tests run against
    Setup,
    /// Start the cluster and a registry, and print how to reach them
    Up,
    /// Stop the cluster and remove every trace of it
    Down,
}

impl Action {
    fn word(self) -> &'static str {
        match self {
            Self::Setup => "setup",
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// Does one of them; its exit code is ours.
pub fn run(layout: &Layout, action: Action) -> Result<ExitCode> {
    build(layout)?;
    Ok(ExitCode::from(world(layout, [action.word()])?))
}

/// The set-up as a step of the tests, by the program that the build of the workspace has left.
pub fn set_up(layout: &Layout) -> Result<Tally> {
    match world(layout, [Action::Setup.word()])? {
        0 => Ok(Tally::one()),
        code => bail!("the set-up of the test world ended with exit code {code}"),
    }
}

/// Builds the program.
pub fn build(layout: &Layout) -> Result<()> {
    process::run(layout.cargo().args(["build", "--quiet", "--release", "--package", "arena-harness", "--bins"]))
}

/// Runs it and gives its exit code.
pub fn world(layout: &Layout, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Result<u8> {
    let status = process::status(Command::new(layout.target.join("release/test-world")).args(arguments))?;
    // A program stopped by a signal has no code.
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(3))
}
