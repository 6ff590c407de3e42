//! The test world from the command line: what `./x cluster` hands on to.

use std::io::Write as _;
use std::process::ExitCode;

use arena_harness::HarnessError;
use clap::Parser;

/// Sets up what the tests run against.
#[derive(Parser)]
enum Options {
    /// Install the Debian packages and build the programs that are missing
    Setup,
}

fn main() -> ExitCode {
    match run(Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run(options: Options) -> Result<(), HarnessError> {
    match options {
        Options::Setup => arena_harness::set_up(&mut say),
    }
}

/// A line of progress; one that nobody reads any more stops nothing.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "test world: {line}");
}
