//! What people see. Text of strangers (bundles, models, guests) is made safe before it is shown.

use std::borrow::Cow;
use std::io::{self, Write};

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

/// A share in percent with so many decimals. 100 % is all and 0 % is none: what is less or more is never rounded to them.
pub fn percent(share: f64, decimals: usize) -> String {
    let parts = 10_f64.powi(i32::try_from(decimals).unwrap_or_default());
    let (rounded, all) = ((share * 100.0 * parts).round(), 100.0 * parts);
    let shown = match rounded {
        rounded if share < 1.0 && rounded >= all => all - 1.0,
        rounded if share > 0.0 && rounded <= 0.0 => 1.0,
        rounded => rounded,
    };
    format!("{:.decimals$} %", shown / parts)
}

/// JSON whose characters that drive or reorder a terminal are escapes: the same value.
pub fn json(text: &str) -> Cow<'_, str> {
    if !text.contains(arena_results::is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        // All of them are below U+10000, and stand in strings alone.
        if arena_results::is_unsafe(c) { safe.push_str(&format!("\\u{:04x}", u32::from(c))) } else { safe.push(c) }
    }
    Cow::Owned(safe)
}

/// Standard output; with `escape` it is a terminal, and what is written is JSON.
pub struct Stdout {
    out: io::Stdout,
    escape: bool,
    /// The start of a character whose rest has not come.
    held: Vec<u8>,
}

impl Stdout {
    /// Nothing is written yet.
    pub fn new(escape: bool) -> Self {
        Self { out: io::stdout(), escape, held: Vec::new() }
    }
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.escape {
            return self.out.write(bytes);
        }
        let mut held = std::mem::take(&mut self.held);
        held.extend_from_slice(bytes);
        let whole = match std::str::from_utf8(&held) {
            Ok(_) => held.len(),
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
        };
        self.held = held.split_off(whole);
        self.out.write_all(json(&String::from_utf8_lossy(&held)).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_and_none_are_told_from_nearly_so() {
        for (share, decimals, wanted) in [
            (1.0, 0, "100 %"),
            (0.998, 0, "99 %"),
            (0.5, 0, "50 %"),
            (0.002, 0, "1 %"),
            (0.0, 0, "0 %"),
            (0.9998, 1, "99.9 %"),
            (0.0001, 1, "0.1 %"),
            (1.0, 1, "100.0 %"),
            (0.6667, 1, "66.7 %"),
        ] {
            assert_eq!(percent(share, decimals), wanted);
        }
    }

    #[test]
    fn json_for_a_terminal_has_the_same_value_and_nothing_that_drives_it() {
        let value = serde_json::json!({"\u{9b}2J": "a\u{202e}b\u{7f}\u{85}\u{feff} é 👩 \u{1b}[31m", "n": [1, "x\ty"]});
        let plain = serde_json::to_string_pretty(&value).unwrap();
        let shown = json(&plain);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
        assert!(!shown.contains(arena_results::is_unsafe), "{shown:?}");
        assert!(shown.contains("\\u202e") && shown.contains("é 👩"), "{shown}");
        assert!(matches!(json("{\n\"a\": 1}"), Cow::Borrowed(_)));
    }
}
