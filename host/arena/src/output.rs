//! Standard output and standard error, written by one hand: a reader that went away ends the output quietly, and any
//! other trouble is kept for the end, so that a lost line is never a success.

use std::fmt;
use std::io::{self, ErrorKind, Write as _};
use std::sync::OnceLock;

use crate::exit::Failure;

/// The first error of standard output. Nothing is written after it.
static FAILED: OnceLock<io::Error> = OnceLock::new();

/// Prints a line to standard output, in the place of the standard macro.
macro_rules! print_line {
    ($($argument:tt)*) => { $crate::output::line(format_args!($($argument)*)) };
}

/// Prints a line to standard error, in the place of the standard macro.
macro_rules! print_aside {
    ($($argument:tt)*) => { $crate::output::aside(format_args!($($argument)*)) };
}

pub(crate) use {print_aside as eprintln, print_line as println};

/// Prints a line to standard output; colours go where they are wanted.
pub fn line(text: fmt::Arguments<'_>) {
    if FAILED.get().is_none() {
        note(writeln!(anstream::stdout(), "{text}"));
    }
}

/// Prints text as it is to standard output.
pub fn text(text: &str) {
    if FAILED.get().is_none() {
        note(write!(anstream::stdout(), "{text}"));
    }
}

/// Prints a line to standard error. There is no place left to complain about one that cannot be printed.
pub fn aside(text: fmt::Arguments<'_>) {
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// Writes what is still held back. The error is the first that standard output had; a reader that has seen enough
/// (`| head`) is none.
pub fn finish() -> Result<(), Failure> {
    note(io::stdout().flush());
    match FAILED.get() {
        Some(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::machinery("OutputFailed", format!("standard output cannot be written: {error}")))
        }
        _ => Ok(()),
    }
}

fn note(written: io::Result<()>) {
    if let Err(error) = written {
        // Only the first is kept; two at once cannot be, all commands print from one thread.
        let _ = FAILED.set(error);
    }
}
