//! What disturbs the calls of a turn: failures that are injected, and users who do not consent.

use std::collections::BTreeMap;

use crate::report::Report;
use crate::yaml::Cursor;

/// What a simulated user says to a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// It may be called.
    Granted,
    /// It may not.
    Denied,
    /// Nothing.
    TimedOut,
}

const CONSENTS: [(&str, Consent); 3] =
    [("grant", Consent::Granted), ("deny", Consent::Denied), ("timeout", Consent::TimedOut)];

/// How a call is disturbed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolFault {
    /// It fails and nobody is called.
    Error,
    /// It takes too long and nobody is called.
    Timeout,
    /// It counts for two seconds more than it takes.
    Slow,
    /// Half of the result is lost.
    Malformed,
}

const FAULTS: [(&str, ToolFault); 4] = [
    ("error", ToolFault::Error),
    ("timeout", ToolFault::Timeout),
    ("slow", ToolFault::Slow),
    ("malformed", ToolFault::Malformed),
];

/// One of a turn's `chaos.tool_failures`.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolFailure {
    /// Whose calls.
    pub tool: String,
    /// What happens.
    pub fault: ToolFault,
    /// Above 0, at most 1.
    pub probability: f64,
    /// Said in place of our own words.
    pub message: Option<String>,
}

/// Failures that a turn injects, in their order: the first that strikes counts.
pub(crate) fn chaos(turn: &Cursor<'_>, report: &mut Report) -> Vec<ToolFailure> {
    let Some(chaos) = turn.get("chaos") else { return Vec::new() };
    let Some(list) = chaos.get("tool_failures") else { return Vec::new() };
    list.items().filter_map(|failure| one(&failure, report)).collect()
}

fn one(failure: &Cursor<'_>, report: &mut Report) -> Option<ToolFailure> {
    // As in the format, 0 means that nothing is said.
    let probability = failure.number_in("probability", 0.0, 1.0, report).filter(|share| *share > 0.0);
    Some(ToolFailure {
        tool: failure.text("tool")?,
        fault: failure.get_text("mode")?.one_of(&FAULTS, report)?,
        probability: probability.unwrap_or(1.0),
        message: failure.text("message").filter(|text| !text.is_empty()),
    })
}

/// What the user of a turn says to tools, by their names.
pub(crate) fn consents(turn: &Cursor<'_>, report: &mut Report) -> BTreeMap<String, Consent> {
    let overrides = turn.get("consent_overrides");
    let entries = overrides.iter().flat_map(Cursor::entries);
    entries.filter_map(|(tool, word)| Some((tool.to_owned(), word.one_of(&CONSENTS, report)?))).collect()
}
