//! What is wrong with a bundle, where, and what to do about it.

use std::fmt::{self, Write as _};

use arena_model::{Class, Fault};

/// Whether a problem stops the bundle from loading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The bundle does not load.
    Error,
    /// The bundle loads, and a plain run does without what is concerned: the cases that come to it are errors, or it does
    /// not run at all. Who validates it is to refuse it.
    Defect,
    /// The bundle loads; something in it has no effect or will fail later.
    Warning,
}

/// Longest piece of a user's value that a message repeats, in characters.
const SHOWN_CHARS: usize = 80;

/// One finding. Prints as `file:line:col: error[Reason] path: message (value ...); hint`, by `{:#}` without the word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// See [`Severity`].
    pub severity: Severity,
    /// Stable CamelCase name.
    pub reason: &'static str,
    /// Path relative to the bundle's root, or the path the user gave.
    pub file: String,
    /// One-based; 0 if the problem is with the file as a whole.
    pub line: u32,
    /// One-based, in characters; 0 if the problem is with the file as a whole.
    pub column: u32,
    /// Place inside the document, as `spec.turns[1].role`; empty for the document itself.
    pub path: String,
    /// The offending value, shortened; none where there is none or where it may be a secret.
    pub value: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

/// The reason of a file that exists but that the system will not let us read.
pub(crate) const UNREADABLE: &str = "FileUnreadable";

impl Problem {
    /// An error about a whole file.
    pub(crate) fn of_file(file: &str, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            reason,
            file: file.to_owned(),
            line: 0,
            column: 0,
            path: String::new(),
            value: None,
            message: message.into(),
            hint: None,
        }
    }

    pub(crate) fn at(mut self, line: u32, column: u32) -> Self {
        (self.line, self.column) = (line, column);
        self
    }

    pub(crate) fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    pub(crate) fn defect(mut self) -> Self {
        self.severity = Severity::Defect;
        self
    }

    pub(crate) fn value(mut self, value: impl fmt::Display) -> Self {
        let value = value.to_string();
        let mut shown: String = value.chars().take(SHOWN_CHARS).collect();
        if shown.len() < value.len() {
            shown.push('…');
        }
        self.value = Some(shown);
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Writes text of strangers so that it cannot steer the terminal that shows it.
struct Plain<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl fmt::Write for Plain<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            // Bidirectional controls reorder what the reader sees without being control characters.
            if c.is_control()
                || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
            {
                write!(self.0, "{}", c.escape_default())?;
            } else {
                self.0.write_char(c)?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            _ if f.alternate() => "",
            Severity::Error | Severity::Defect => "error",
            Severity::Warning => "warning",
        };
        let mut out = Plain(f);
        if self.file.starts_with("::") {
            // Such a line is a command to some CI systems.
            out.write_str("./")?;
        }
        out.write_str(&self.file)?;
        if self.line > 0 {
            write!(out, ":{}:{}", self.line, self.column)?;
        }
        write!(out, ": {severity}[{}]", self.reason)?;
        if !self.path.is_empty() {
            write!(out, " {}", self.path)?;
        }
        write!(out, ": {}", self.message)?;
        if let Some(value) = &self.value {
            write!(out, " (value {value})")?;
        }
        match &self.hint {
            Some(hint) => write!(out, "; {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Problem {}

impl Fault for Problem {
    fn reason(&self) -> &'static str {
        self.reason
    }

    fn class(&self) -> Class {
        if self.reason == UNREADABLE { Class::Infra } else { Class::Input }
    }
}

/// Every error and defect of a bundle, sorted by file and line. Never without an error when it is returned as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

impl Fault for Problems {
    /// The reason of the first error.
    fn reason(&self) -> &'static str {
        let first = self.0.iter().find(|problem| problem.severity == Severity::Error).or(self.0.first());
        first.map_or("BundleInvalid", |problem| problem.reason)
    }

    /// Infra if any file could not be read for a cause outside the bundle.
    fn class(&self) -> Class {
        if self.0.iter().any(|problem| problem.class() == Class::Infra) { Class::Infra } else { Class::Input }
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_every_part_in_order() {
        let mut problem = Problem::of_file("a.yaml", "WrongType", "expected text").at(3, 7).value(42).hint("quote it");
        problem.path = "spec.id".into();
        assert_eq!(problem.to_string(), "a.yaml:3:7: error[WrongType] spec.id: expected text (value 42); quote it");
        let bare = Problem::of_file("b.yaml", "FileMissing", "no such file").warning();
        assert_eq!(bare.to_string(), "b.yaml: warning[FileMissing]: no such file");
        assert_eq!(format!("{:#}", bare.clone().defect()), "b.yaml: [FileMissing]: no such file");
        assert_eq!(Problems(vec![problem, bare]).to_string().lines().count(), 2);
    }

    #[test]
    fn hostile_text_is_shortened_and_escaped() {
        let problem = Problem::of_file("a\u{1b}[2Jb", "X", "m\u{202e}n").value("é".repeat(200));
        let text = problem.to_string();
        assert!(text.starts_with("a\\u{1b}[2Jb: error[X]: m\\u{202e}n (value éé"), "{text}");
        assert_eq!(problem.value.as_deref().map(|value| value.chars().count()), Some(SHOWN_CHARS + 1));
    }

    #[test]
    fn only_unreadable_files_are_no_fault_of_the_input() {
        assert_eq!(Problem::of_file("a", "YamlSyntax", "").class(), Class::Input);
        let problems = Problems(vec![Problem::of_file("a", "X", ""), Problem::of_file("a", UNREADABLE, "")]);
        assert_eq!((problems.reason(), problems.class()), ("X", Class::Infra));
    }
}
