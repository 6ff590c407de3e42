//! `arena completion SHELL`.

use std::io::{self, Write as _};

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
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut crate::Arguments::command(), "arena", &mut script);
    match io::stdout().write_all(&script) {
        // A reader that has seen enough (`| head`) is no error.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::machinery("FileUnwritable", format!("standard output: {error}")))
        }
        Err(_) | Ok(()) => Ok(Exit::Passed),
    }
}
