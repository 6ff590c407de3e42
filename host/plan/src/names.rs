//! Names as a command line gives them: each as it is, or as a glob.

use globset::{Glob, GlobMatcher};

use crate::PlanError;
use crate::select::closest;

/// Names that a message lists.
const SHOWN: usize = 20;

/// One name or glob.
pub(crate) struct Pattern {
    text: String,
    glob: GlobMatcher,
}

impl Pattern {
    /// # Errors
    /// [`PlanError::GlobInvalid`].
    pub fn new(text: &str) -> Result<Self, PlanError> {
        let invalid = |error: globset::Error| PlanError::GlobInvalid {
            pattern: text.to_owned(),
            detail: error.kind().to_string(),
        };
        Ok(Self { text: text.to_owned(), glob: Glob::new(text).map_err(invalid)?.compile_matcher() })
    }

    /// A name with `*` or `[` in it is found by itself as well.
    pub fn is_match(&self, name: &str) -> bool {
        self.text == name || self.glob.is_match(name)
    }
}

/// Patterns of which each must match something.
pub(crate) struct Patterns(Vec<Pattern>);

impl Patterns {
    /// `what` is what they name; `known` are all names there are.
    ///
    /// # Errors
    /// [`PlanError::GlobInvalid`]; [`PlanError::NothingSelected`] for a pattern that matches no name.
    pub fn new(what: &str, patterns: &[String], known: &[&str]) -> Result<Self, PlanError> {
        let made: Vec<Pattern> = patterns.iter().map(|text| Pattern::new(text)).collect::<Result<_, _>>()?;
        match made.iter().find(|pattern| !known.iter().any(|name| pattern.is_match(name))) {
            Some(Pattern { text, .. }) => Err(PlanError::NothingSelected {
                what: format!("no {what} matches `{text}`{}", there_are(text, known)),
            }),
            None => Ok(Self(made)),
        }
    }

    /// Whether one of them matches; no patterns match everything.
    pub fn is_match(&self, name: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|pattern| pattern.is_match(name))
    }
}

/// The closest name and those that there are, as the end of a message.
pub(crate) fn there_are(wanted: &str, known: &[&str]) -> String {
    let meant = closest(wanted, known.iter().copied());
    let meant = meant.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
    let shown = known.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    match known.len() {
        0 => format!("{meant}; there is none"),
        1 => format!("{meant}; there is {shown}"),
        all if all > SHOWN => format!("{meant}; there are {shown} and {} more", all - SHOWN),
        _ => format!("{meant}; there are {shown}"),
    }
}
