//! What can go wrong while a part of the test world starts or runs.

use std::path::PathBuf;

/// A part of the test world does not run. Each text says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum HarnessError {
    /// A program of the operating system is not installed.
    #[error("{program} is not installed: `./x cluster setup`, or apt-get install {package}")]
    Missing {
        /// Name of the program.
        program: &'static str,
        /// The Debian package it is in.
        package: &'static str,
    },
    /// A program that is built from a Go module is not in the cache.
    #[error("{program} is not built ({} does not exist): `./x cluster setup`", path.display())]
    NotBuilt {
        /// Name of the program.
        program: &'static str,
        /// Where it would lie.
        path: PathBuf,
    },
    /// A program ended while it was to start.
    #[error("{name} ended with {status} while it started; the end of its log:\n{log}")]
    Ended {
        /// Name of the part.
        name: String,
        /// Its exit status.
        status: String,
        /// Last lines of its log.
        log: String,
    },
    /// A program did not answer in time.
    #[error("{name} was not ready after {seconds} s; the end of its log:\n{log}")]
    NotReady {
        /// Name of the part.
        name: String,
        /// How long was waited, seconds.
        seconds: u64,
        /// Last lines of its log, or what was seen last.
        log: String,
    },
    /// A command failed.
    #[error("`{command}` ended with {status}:\n{output}")]
    Command {
        /// The command as one would type it.
        command: String,
        /// Its exit status.
        status: String,
        /// What it printed, both streams.
        output: String,
    },
    /// A file, socket or process could not be had.
    #[error("{what}: {source}")]
    Io {
        /// What was tried, with the path.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The machine cannot hold this part of the test world.
    #[error("{0}")]
    Machine(String),
}

impl HarnessError {
    /// For `map_err`: names what was tried.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}
