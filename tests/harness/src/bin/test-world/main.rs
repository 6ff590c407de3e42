//! The test world from the command line: what `./x cluster` and `./x image` hand on to.

mod developer;
mod image;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;

/// Sets up what tests run against, starts and stops a developer's cluster, makes the image that we ship.
#[derive(Parser)]
enum Options {
    /// Install the Debian packages and build the programs that are missing
    Setup,
    /// Start the cluster and print how to reach it
    Up,
    /// Stop the cluster and remove every trace of it
    Down,
    /// Have the cluster until asked to end: what `up` leaves behind
    #[command(hide = true)]
    Keep,
    /// Make the image of a built `arena`
    Image(image::Options),
}

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Options::parse() {
        Options::Setup => arena_harness::set_up(&mut say).map_err(Into::into),
        Options::Up => developer::up().await,
        Options::Down => developer::down().await,
        Options::Keep => developer::keep().await,
        Options::Image(options) => image::make(&options).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// A line of progress; one that nobody reads any more stops nothing.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "test world: {line}");
}
