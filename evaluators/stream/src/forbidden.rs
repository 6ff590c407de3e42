//! Texts that must not appear.

use arena_evaluator_patterns::{Folded, fold};
use arena_guest::prelude::*;

/// Shown in place of a reply where the user named nothing else.
const REFUSED: &str = "Sorry, we can't provide this response as it would violate our content policy.";
/// Letters that a fold can make of one: how much longer a pattern may be in a text than it is.
const GROWTH: usize = 4;
/// Bytes before a place that tell whether a word begins there.
const BEFORE: usize = 8;

/// How a pattern must stand in the text to count.
#[derive(Clone, Copy, Deserialize, Params, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum MatchMode {
    /// Anywhere.
    Substring,
    /// As a word of its own.
    WordBoundary,
}

/// Params of `content_excludes`.
#[derive(Deserialize, Params)]
#[params(validate = Excluded::check_patterns)]
pub struct Excluded {
    /// Texts that must not appear. An empty list forbids nothing.
    #[serde(alias = "words")]
    patterns: Vec<String>,
    /// `substring` (default) or `word_boundary`.
    match_mode: Option<MatchMode>,
    /// Whether letters must also agree in case.
    #[serde(default)]
    case_sensitive: bool,
}

impl Excluded {
    fn check_patterns(&self) -> Result<(), String> {
        no_empty_pattern(&self.patterns)
    }

    pub fn watch(self) -> Forbidden {
        Forbidden::new(&self.patterns, self.match_mode.unwrap_or(MatchMode::Substring), self.case_sensitive)
    }
}

/// Params of `banned_words`.
#[derive(Deserialize, Params)]
#[params(validate = Banned::check_patterns)]
pub struct Banned {
    /// Words that must not appear. An empty list forbids nothing.
    #[serde(alias = "patterns")]
    words: Vec<String>,
    /// `word_boundary` (default) or `substring`.
    match_mode: Option<MatchMode>,
    /// Whether letters must also agree in case.
    #[serde(default)]
    case_sensitive: bool,
}

impl Banned {
    fn check_patterns(&self) -> Result<(), String> {
        no_empty_pattern(&self.words)
    }

    pub fn watch(self) -> Forbidden {
        Forbidden::new(&self.words, self.match_mode.unwrap_or(MatchMode::WordBoundary), self.case_sensitive)
    }
}

fn no_empty_pattern(patterns: &[String]) -> Result<(), String> {
    match patterns.iter().position(String::is_empty) {
        Some(at) => Err(format!("pattern {at} is empty; every reply contains the empty text")),
        None => Ok(()),
    }
}

/// Looks for the patterns in what has come.
pub struct Forbidden {
    patterns: Vec<String>,
    mode: MatchMode,
    case_sensitive: bool,
    text: String,
    /// Bytes at the end in which a pattern may have begun that was not whole before.
    reach: usize,
}

impl Forbidden {
    fn new(patterns: &[String], mode: MatchMode, case_sensitive: bool) -> Self {
        let patterns: Vec<_> = patterns.iter().map(|pattern| fold(pattern, case_sensitive)).collect();
        let longest = patterns.iter().map(String::len).max().unwrap_or_default();
        Self { patterns, mode, case_sensitive, text: String::new(), reach: longest * GROWTH + BEFORE }
    }

    /// Whether a pattern stands in `text`, so that what follows cannot change it; `whole` if nothing follows.
    fn found(&self, text: &str, whole: bool) -> bool {
        let folded = Folded::new(text, self.case_sensitive);
        self.patterns.iter().any(|pattern| {
            let place = match self.mode {
                MatchMode::Substring => folded.find(pattern),
                MatchMode::WordBoundary => folded.find_word(pattern),
            };
            // A word that ends with the text may go on.
            place.is_some_and(|place| whole || self.mode == MatchMode::Substring || place.end < text.len())
        })
    }
}

impl Guard for Forbidden {
    fn push(&mut self, chunk: &str) -> Result<Action, CheckError> {
        let mut from = self.text.len().saturating_sub(self.reach);
        self.text.push_str(chunk);
        while !self.text.is_char_boundary(from) {
            from -= 1;
        }
        // Only the end can hold something new; what is found there is looked at in the whole, where words have their edges.
        let found = self.found(&self.text[from..], false) && (from == 0 || self.found(&self.text, false));
        Ok(if found { Action::Replace(REFUSED.to_owned()) } else { Action::Proceed })
    }

    fn finish(&mut self) -> Result<Action, CheckError> {
        Ok(if self.found(&self.text, true) { Action::Replace(REFUSED.to_owned()) } else { Action::Proceed })
    }
}
