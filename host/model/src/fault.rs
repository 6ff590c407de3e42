//! What every error that can reach a user knows about itself.

/// Who can mend an error, and whether trying again makes sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The user's input is wrong; trying again gives the same error.
    Input,
    /// Trying again may work (a timeout, a rate limit).
    Retryable,
    /// The machinery is broken (a full disk, a missing file of our own).
    Infra,
}

/// An error with a stable name. Journals, reports, exit codes and conditions use the name, people read the text.
pub trait Fault: std::error::Error {
    /// Stable CamelCase name, listed in `docs/reference/reasons.md`.
    fn reason(&self) -> &'static str;
    /// See [`Class`].
    fn class(&self) -> Class;
}
