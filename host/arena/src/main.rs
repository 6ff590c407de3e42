//! `arena`: tests prompt bundles, on a laptop with nothing else or as the processes of a fleet.

mod budget;
mod commands;
mod conduct;
mod credentials;
mod dry_run;
mod ending;
mod exit;
mod files;
mod filters;
mod findings;
#[cfg(feature = "fleet")]
mod fleet;
mod frozen;
mod gates;
mod manifests;
mod markdown;
mod network;
mod output;
mod outputs;
mod outside;
mod progress;
mod rerun;
mod reuse;
mod session;
mod settings;
mod standard;
mod stop;
mod tables;
mod terminal;
mod verdict;
mod work;

use std::process::ExitCode;

use clap::Parser;

use commands::Command;
use exit::Exit;

/// Test LLM prompt bundles and score them with WebAssembly evaluators.
///
/// Exit codes: 0 passed, 1 tests failed, 2 bad input, 3 machinery failed, 4 no verdict, 130 interrupted.
#[derive(Parser)]
#[command(name = "arena", version, max_term_width = 100, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    // This program is its own compiler, so that a hostile component can be compiled in a process that may die.
    let child = std::env::args().nth(1);
    if child.as_deref() == Some(settings::COMPILE_CHILD) {
        return arena_sandbox::compile_child_main();
    }
    // And strangers' tables.
    if child.as_deref() == Some(settings::INDEX_CHILD) {
        return arena_dataset::index_child_main(&std::env::args().nth(2).unwrap_or_default());
    }
    let _ = rustls::crypto::ring::default_provider().install_default();
    // For the same reason it fetches strangers' sources in a process of its own.
    #[cfg(feature = "fleet")]
    if child.as_deref() == Some(settings::FETCH_CHILD) {
        return arena_source::fetch_child_main();
    }
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) if error.use_stderr() => error.exit(),
        Err(help) => {
            output::text(&help.render().ansi().to_string());
            return end(output::finish().map(|()| Exit::Passed));
        }
    };
    settings::install_tracing(arguments.command.log_level());
    end(commands::run(arguments.command).and_then(|exit| output::finish().map(|()| exit)))
}

fn end(ended: Result<Exit, exit::Failure>) -> ExitCode {
    match ended {
        Ok(exit) => exit.into(),
        Err(failure) => {
            terminal::print_failure(&failure);
            failure.exit.into()
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
