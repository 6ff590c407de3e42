//! What `./x` hands on to: builds guests and the `arena` binary, checks the house rules, runs tests, bars and the
//! demo. A development tool only: nothing of it ships, and it never fetches or installs anything but through cargo.
#![allow(clippy::print_stdout, reason = "its output is for the person or the CI job that started it")]

mod bars;
mod build;
mod cluster;
mod components;
mod demo;
mod failures;
mod image;
mod layout;
mod lint;
mod process;
mod skips;
mod steps;
mod suite;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::layout::Layout;

#[derive(Parser)]
#[command(name = "x", about = "Builds, checks and tests Arena Fleet", disable_help_subcommand = true)]
struct Args {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build, run the quick start, print its report and leave target/demo/report.html
    Demo,
    /// Build the guests and leave target/release/arena
    Build,
    /// Run every check and every test
    Test,
    /// Set up what tests run against; start or stop a cluster of one's own
    Cluster {
        /// What to do
        #[command(subcommand)]
        action: cluster::Action,
    },
    /// Build the program and make its image, without a container engine
    Image(image::Options),
    /// Check formats, lints and the house rules
    Lint,
    /// Measure every bar and print the figures beside their limits
    Bench,
    /// Measure one bar, such as 02.3; exit 1 when it falls short
    Bar {
        /// Number of the issue and of the bar in it
        bar: String,
    },
}

fn main() -> ExitCode {
    let args = Args::parse();
    match run(args.command) {
        Ok(code) => code,
        Err(error) => {
            println!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> anyhow::Result<ExitCode> {
    let layout = Layout::find()?;
    match task {
        Task::Demo => demo::run(&layout).map(|()| ExitCode::SUCCESS),
        Task::Build => build::build(&layout, build::Scope::Binary).map(|()| ExitCode::SUCCESS),
        Task::Test => Ok(suite::run(&layout)),
        Task::Cluster { action } => cluster::run(&layout, action),
        Task::Image(options) => image::run(&layout, &options),
        Task::Lint => Ok(lint::run(&layout)),
        Task::Bench => bars::run(&layout, "--all"),
        Task::Bar { bar } => bars::run(&layout, &bar),
    }
}
