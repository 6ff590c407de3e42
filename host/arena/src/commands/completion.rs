//! `arena completion SHELL`.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::exit::{Exit, Failure};

/// Arguments of `arena completion`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Shell to complete for: `arena completion bash > /etc/bash_completion.d/arena`.
    shell: Shell,
}

/// Prints the script.
pub fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    clap_complete::generate(arguments.shell, &mut crate::Arguments::command(), "arena", &mut std::io::stdout());
    Ok(Exit::Passed)
}
