//! Calls one after the other.

use arena_guest::prelude::*;

use crate::called::tools;
use crate::scope::{Scope, calls};
use crate::{SHOWN, joined, listed, names};

/// Params of `tool_call_sequence`.
#[derive(Deserialize, Params)]
#[params(validate = ToolCallSequence::sensible)]
pub struct ToolCallSequence {
    /// Tools in the order in which they must be called; other calls may lie between.
    sequence: Vec<String>,
    /// `transcript` (default) or `turn`.
    scope: Option<Scope>,
}

impl ToolCallSequence {
    fn sensible(&self) -> Result<(), String> {
        names::some("sequence", &self.sequence)
    }

    pub fn judge(&self, subject: &Subject<'_>) -> Verdict {
        names::in_order(&self.sequence, &tools(&calls(subject, self.scope)))
    }
}

/// A forbidden order.
#[derive(Deserialize, Params)]
pub struct AntiPattern {
    /// Tools in the order in which they must not be called.
    sequence: Vec<String>,
    /// What is wrong with it.
    message: Option<String>,
}

/// Params of `tool_anti_pattern`.
#[derive(Deserialize, Params)]
#[params(validate = ToolAntiPattern::sensible)]
pub struct ToolAntiPattern {
    /// Orders in which tools must not be called, other calls between or not.
    patterns: Vec<AntiPattern>,
    /// `transcript` (default) or `turn`.
    scope: Option<Scope>,
}

impl ToolAntiPattern {
    fn sensible(&self) -> Result<(), String> {
        if self.patterns.is_empty() {
            return Err("parameter `patterns`: give at least one".to_owned());
        }
        self.patterns.iter().try_for_each(|pattern| names::some("sequence", &pattern.sequence))
    }

    pub fn judge(&self, subject: &Subject<'_>) -> Verdict {
        let calls = calls(subject, self.scope);
        let tools = tools(&calls);
        let mut hits = Vec::new();
        for pattern in &self.patterns {
            if names::matched(&pattern.sequence, &tools) == pattern.sequence.len() {
                let about = pattern.message.iter().map(|message| format!(": {}", excerpt(message, SHOWN)));
                hits.push(listed(&pattern.sequence) + &about.collect::<String>());
            }
        }
        if hits.is_empty() {
            return Verdict::pass(format!("none of {} forbidden orders", self.patterns.len()));
        }
        Verdict::fail(format!("{} forbidden orders: {}", hits.len(), joined(&hits)))
    }
}

/// Params of `tool_no_repeat`.
#[derive(Deserialize, Params)]
#[params(validate = ToolNoRepeat::sensible)]
pub struct ToolNoRepeat {
    /// Tools that must not be repeated; all if none is named.
    #[serde(default)]
    tools: Vec<String>,
    /// Most calls in a row; default 1.
    max_repeats: Option<u32>,
    /// `transcript` (default) or `turn`.
    scope: Option<Scope>,
}

impl ToolNoRepeat {
    fn sensible(&self) -> Result<(), String> {
        match self.max_repeats {
            Some(0) => Err("parameter `max_repeats`: must be above zero".to_owned()),
            _ => Ok(()),
        }
    }

    pub fn judge(&self, subject: &Subject<'_>) -> Verdict {
        let max = self.max_repeats.unwrap_or(1) as usize;
        let calls = calls(subject, self.scope);
        let rows = calls.chunk_by(|left, right| left.name == right.name);
        let guarded = |name: &String| self.tools.is_empty() || self.tools.contains(name);
        let hits: Vec<_> = rows
            .filter(|row| row.len() > max && guarded(&row[0].name))
            .map(|row| format!("{} ({} in a row)", row[0].name, row.len()))
            .collect();
        match hits.is_empty() {
            true => Verdict::pass(format!("no tool was called more than {max} times in a row")),
            false => Verdict::fail(format!("more than {max} times in a row: {}", listed(&hits))),
        }
    }
}
