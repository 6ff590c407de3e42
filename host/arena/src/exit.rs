//! How the program ends, and the errors it ends with.

use arena_model::{Class, Fault};

/// Exit codes; scripts rely on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Every case passed.
    Passed = 0,
    /// Some case failed or ended in error.
    Failed = 1,
    /// The input is wrong; nothing was run, or nothing more.
    BadInput = 2,
    /// The machinery failed: a full disk, a bug of ours.
    Machinery = 3,
    /// Nothing was judged.
    NoVerdict = 4,
    /// Stopped by Ctrl-C; the run can be resumed.
    Interrupted = 130,
}

/// An error on its way to the user.
#[derive(Debug)]
pub struct Failure {
    /// Exit code.
    pub exit: Exit,
    /// Stable name.
    pub reason: &'static str,
    /// What happened, with file, path and value.
    pub text: String,
    /// What to do.
    pub hint: Option<String>,
    /// The text is a list whose lines carry their own names.
    pub listing: bool,
}

impl Failure {
    /// Wrong input.
    pub fn input(reason: &'static str, text: impl Into<String>) -> Self {
        Self { exit: Exit::BadInput, reason, text: text.into(), hint: None, listing: false }
    }

    /// Our own trouble.
    pub fn machinery(reason: &'static str, text: impl Into<String>) -> Self {
        Self { exit: Exit::Machinery, reason, text: text.into(), hint: None, listing: false }
    }

    /// Adds advice.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Turns the errors of the libraries into failures.
pub trait OrFail<T> {
    /// Bad input stays bad input, everything else is machinery.
    fn or_fail(self) -> Result<T, Failure>;
}

impl<T, E: Fault> OrFail<T> for Result<T, E> {
    fn or_fail(self) -> Result<T, Failure> {
        self.map_err(|error| {
            let exit = if error.class() == Class::Input { Exit::BadInput } else { Exit::Machinery };
            Failure { exit, reason: error.reason(), text: chain(&error), hint: None, listing: false }
        })
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let (mut text, mut source) = (error.to_string(), error.source());
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
