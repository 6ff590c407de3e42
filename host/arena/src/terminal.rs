//! What people see. Text of strangers (bundles, models, guests) is made safe before it is shown.

use std::borrow::Cow;

use owo_colors::OwoColorize;

use crate::exit::Failure;
use crate::output::eprintln;

/// Text without control characters and escape sequences; line breaks stay.
pub fn safe(text: &str) -> Cow<'_, str> {
    if !text.contains('\n') {
        return arena_results::terminal_safe(text);
    }
    let lines: Vec<_> = text.lines().map(arena_results::terminal_safe).collect();
    lines.join("\n").into()
}

/// The same on one line.
pub fn line(text: &str) -> String {
    safe(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `1 case`, `2 cases`.
pub fn plural(count: impl Into<u64>, noun: &str) -> String {
    let count = count.into();
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// Prints an error with its stable name and what to do.
pub fn print_failure(failure: &Failure) {
    if failure.listing {
        eprintln!("{}", safe(&failure.text));
    } else {
        let text = indented(&failure.text);
        eprintln!("{}{} {text}", "error".red().bold(), format!("[{}]:", failure.reason).red());
    }
    if let Some(hint) = &failure.hint {
        eprintln!("{} {}", "hint:".cyan(), indented(hint));
    }
}

/// Prints something that does not stop the command.
pub fn print_warning(text: &str) {
    eprintln!("{} {}", "warning:".yellow().bold(), indented(text));
}

/// Safe text whose further lines stand below its first, so that a stranger's words cannot pass for a line of ours.
fn indented(text: &str) -> String {
    safe(text).replace('\n', "\n  ")
}
