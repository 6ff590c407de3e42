//! What tools answered.

use arena_evaluator_patterns::{Folded, compiles, find, fold};
use arena_guest::prelude::*;

use crate::scope::{Scope, calls_of};
use crate::{SHOWN, listed, names};

/// Params of `tool_result_includes`.
#[derive(Deserialize, Params)]
#[params(validate = ToolResultIncludes::sensible)]
pub struct ToolResultIncludes {
    /// The tool; without it the results of all tools are looked at.
    #[serde(alias = "tool_name")]
    tool: Option<String>,
    /// Texts that one result must contain together, without regard to case.
    patterns: Vec<String>,
    /// How many results must contain them; default 1.
    occurrence: Option<u32>,
    /// `transcript` (default) or `turn`.
    scope: Option<Scope>,
}

impl ToolResultIncludes {
    fn sensible(&self) -> Result<(), String> {
        names::some("patterns", &self.patterns)?;
        where_and_how_often(self.tool.as_ref(), self.occurrence)
    }

    pub fn judge(&self, subject: &Subject<'_>) -> Verdict {
        let patterns: Vec<_> = self.patterns.iter().map(|pattern| fold(pattern, false)).collect();
        let calls = calls_of(subject, self.scope, self.tool.as_deref());
        let holds = |text: &str| {
            let folded = Folded::new(text, false);
            patterns.iter().all(|pattern| folded.find(pattern).is_some())
        };
        let hits = calls.iter().filter_map(|call| call.outcome.as_deref()).filter(|text| holds(text)).count();
        counted(hits, calls.len(), self.occurrence, &format!("contain {}", listed(&self.patterns)))
    }
}

/// Params of `tool_result_matches`.
#[derive(Deserialize, Params)]
#[params(validate = ToolResultMatches::sensible, preflight = ToolResultMatches::compiles)]
pub struct ToolResultMatches {
    /// The tool; without it the results of all tools are looked at.
    #[serde(alias = "tool_name")]
    tool: Option<String>,
    /// Regular expression in RE2 syntax.
    pattern: String,
    /// How many results must match; default 1.
    occurrence: Option<u32>,
    /// `transcript` (default) or `turn`.
    scope: Option<Scope>,
}

impl ToolResultMatches {
    fn sensible(&self) -> Result<(), String> {
        names::not_empty("pattern", Some(&self.pattern))?;
        where_and_how_often(self.tool.as_ref(), self.occurrence)
    }

    fn compiles(&self) -> Result<(), String> {
        compiles(&self.pattern).map_err(|error| format!("parameter `pattern`: {error}"))
    }

    pub fn judge(&self, subject: &Subject<'_>) -> Result<Verdict, CheckError> {
        let calls = calls_of(subject, self.scope, self.tool.as_deref());
        let mut hits = 0;
        for text in calls.iter().filter_map(|call| call.outcome.as_deref()) {
            let found = find(&self.pattern, text)
                .map_err(|error| CheckError::BadParams(format!("parameter `pattern`: {error}")))?;
            hits += usize::from(found.is_some());
        }
        Ok(counted(hits, calls.len(), self.occurrence, &format!("match {}", excerpt(&self.pattern, SHOWN))))
    }
}

fn where_and_how_often(tool: Option<&String>, occurrence: Option<u32>) -> Result<(), String> {
    if occurrence == Some(0) {
        return Err("parameter `occurrence`: must be above zero".to_owned());
    }
    names::not_empty("tool", tool)
}

fn counted(hits: usize, all: usize, occurrence: Option<u32>, what: &str) -> Verdict {
    let wanted = occurrence.unwrap_or(1) as usize;
    match hits >= wanted {
        true => Verdict::pass(format!("{hits} of {all} results {what}")),
        false => Verdict::fail(format!("{hits} of {all} results {what}, at least {wanted} wanted")),
    }
}
