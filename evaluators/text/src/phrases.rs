//! Fixed phrases: contained, or not.

use arena_evaluator_patterns::{Folded, fold};
use arena_guest::prelude::*;

use crate::{LISTED, last_reply, listed};

/// Params of `contains`.
#[derive(Deserialize, Params)]
#[params(validate = Contains::check_patterns)]
pub struct Contains {
    /// Texts that must all appear.
    patterns: Vec<String>,
    /// Whether letters must also agree in case.
    #[serde(default)]
    case_sensitive: bool,
}

impl Contains {
    fn check_patterns(&self) -> Result<(), String> {
        not_empty("patterns", &self.patterns)
    }

    pub fn judge(&self, subject: &Subject<'_>) -> Verdict {
        all_of(subject, "patterns", &self.patterns, self.case_sensitive)
    }
}

/// Whether the last reply contains all `patterns`; the score is the share. `what` they are is for the reason.
pub fn all_of(subject: &Subject<'_>, what: &str, patterns: &[String], case_sensitive: bool) -> Verdict {
    let (message, text) = last_reply(subject);
    let folded = Folded::new(&text, case_sensitive);
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for pattern in patterns {
        match folded.find(&fold(pattern, case_sensitive)) {
            Some(range) => found.push((pattern, range)),
            None => missing.push(pattern.as_str()),
        }
    }
    let (count, all) = (found.len(), patterns.len());
    let mut reason = format!("{count} of {all} {what} found");
    if !missing.is_empty() {
        reason.push_str(&format!("; missing: {}", listed(missing.iter().copied())));
    }
    let mut verdict = Verdict::score(count as f64 / all as f64, reason).passed(missing.is_empty());
    for (pattern, range) in found.into_iter().take(LISTED) {
        verdict = verdict.evidence(message, range, format!("contains {}", listed([pattern.as_str()].into_iter())));
    }
    verdict
}

/// Params of `contains_any`.
#[derive(Deserialize, Params)]
#[params(validate = AnyOf::check_patterns)]
pub struct AnyOf {
    /// Texts of which one must appear.
    patterns: Vec<String>,
    /// Whether letters must also agree in case.
    #[serde(default)]
    case_sensitive: bool,
}

impl AnyOf {
    fn check_patterns(&self) -> Result<(), String> {
        not_empty("patterns", &self.patterns)
    }

    pub fn judge(&self, subject: &Subject<'_>) -> Verdict {
        let patterns: Vec<_> = self.patterns.iter().map(|pattern| fold(pattern, self.case_sensitive)).collect();
        for reply in subject.replies() {
            let folded = Folded::new(&reply.text, self.case_sensitive);
            for (pattern, original) in patterns.iter().zip(&self.patterns) {
                if let Some(range) = folded.find(pattern) {
                    let found = listed([original.as_str()].into_iter());
                    return Verdict::pass(format!("found {found} in message {}", reply.index)).evidence(
                        reply.index,
                        range,
                        format!("contains {found}"),
                    );
                }
            }
        }
        Verdict::fail(format!("no reply contains any of: {}", listed(self.patterns.iter().map(String::as_str))))
    }
}

/// How a pattern of `content_excludes` must stand in the text to count.
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
#[params(validate = Excludes::check_patterns)]
pub struct Excludes {
    /// Texts that must not appear. An empty list forbids nothing.
    #[serde(alias = "words")]
    patterns: Vec<String>,
    /// `substring` (default) or `word_boundary`.
    match_mode: Option<MatchMode>,
    /// Whether letters must also agree in case.
    #[serde(default)]
    case_sensitive: bool,
}

impl Excludes {
    fn check_patterns(&self) -> Result<(), String> {
        no_empty_pattern(&self.patterns)
    }

    pub fn judge(&self, subject: &Subject<'_>) -> Verdict {
        exclude(subject, &self.patterns, self.match_mode.unwrap_or(MatchMode::Substring), self.case_sensitive)
    }
}

/// Params of `banned_words`.
#[derive(Deserialize, Params)]
#[params(validate = BannedWords::check_patterns)]
pub struct BannedWords {
    /// Words that must not appear. An empty list forbids nothing.
    #[serde(alias = "patterns")]
    words: Vec<String>,
    /// `word_boundary` (default) or `substring`.
    match_mode: Option<MatchMode>,
    /// Whether letters must also agree in case.
    #[serde(default)]
    case_sensitive: bool,
}

impl BannedWords {
    fn check_patterns(&self) -> Result<(), String> {
        no_empty_pattern(&self.words)
    }

    pub fn judge(&self, subject: &Subject<'_>) -> Verdict {
        exclude(subject, &self.words, self.match_mode.unwrap_or(MatchMode::WordBoundary), self.case_sensitive)
    }
}

fn exclude(subject: &Subject<'_>, patterns: &[String], mode: MatchMode, case_sensitive: bool) -> Verdict {
    let folded_patterns: Vec<_> = patterns.iter().map(|pattern| fold(pattern, case_sensitive)).collect();
    let (mut hits, mut first) = (Vec::new(), Vec::new());
    for reply in subject.replies() {
        let folded = Folded::new(&reply.text, case_sensitive);
        for (pattern, original) in folded_patterns.iter().zip(patterns) {
            let found = match mode {
                MatchMode::Substring => folded.find(pattern),
                MatchMode::WordBoundary => folded.find_word(pattern),
            };
            let Some(range) = found else { continue };
            if !first.contains(&original.as_str()) {
                first.push(original.as_str());
            }
            if hits.len() < LISTED {
                hits.push((reply.index, range, original));
            }
        }
    }
    if first.is_empty() {
        return Verdict::pass(format!("none of {} forbidden texts found", patterns.len()));
    }
    let mut verdict = Verdict::fail(format!("forbidden text found: {}", listed(first.into_iter())));
    for (message, range, pattern) in hits {
        verdict = verdict.evidence(message, range, format!("forbidden: {}", listed([pattern.as_str()].into_iter())));
    }
    verdict
}

/// An error unless there is at least one text and no empty one.
pub fn not_empty(parameter: &str, patterns: &[String]) -> Result<(), String> {
    if patterns.is_empty() {
        return Err(format!("parameter `{parameter}`: give at least one text"));
    }
    no_empty_pattern(patterns)
}

/// An empty text is in every text.
fn no_empty_pattern(patterns: &[String]) -> Result<(), String> {
    match patterns.iter().position(String::is_empty) {
        Some(at) => Err(format!("pattern {at} is empty; every reply contains the empty text")),
        None => Ok(()),
    }
}
