//! How many calls, and how many of them failed.

use arena_guest::ToolCall;
use arena_guest::prelude::*;

use crate::scope::{Scope, calls, calls_of};
use crate::{SHOWN, joined, names};

/// Params of `tool_call_count`.
#[derive(Deserialize, Params)]
#[params(validate = ToolCallCount::sensible)]
pub struct ToolCallCount {
    /// The tool; without it the calls of all tools are counted.
    tool: Option<String>,
    /// Fewest calls.
    min: Option<u32>,
    /// Most calls.
    max: Option<u32>,
    /// `transcript` (default) or `turn`.
    scope: Option<Scope>,
}

impl ToolCallCount {
    fn sensible(&self) -> Result<(), String> {
        match (self.min, self.max) {
            (None, None) => Err("give `min` or `max`".to_owned()),
            (Some(min), Some(max)) if min > max => {
                Err(format!("`min` is {min} and `max` {max}: no number of calls is right"))
            }
            _ => names::not_empty("tool", self.tool.as_ref()),
        }
    }

    pub fn judge(&self, subject: &Subject<'_>) -> Verdict {
        let count = calls_of(subject, self.scope, self.tool.as_deref()).len();
        let verdict = match (self.min, self.max) {
            (Some(min), _) if count < min as usize => Verdict::fail(format!("{count} calls, at least {min} wanted")),
            (_, Some(max)) if count > max as usize => Verdict::fail(format!("{count} calls, at most {max} wanted")),
            _ => Verdict::pass(format!("{count} calls")),
        };
        verdict.metric("calls", count as f64)
    }
}

/// Params of `tool_efficiency`.
#[derive(Deserialize, Params)]
#[params(validate = ToolEfficiency::sensible)]
pub struct ToolEfficiency {
    /// Most calls.
    max_calls: Option<u32>,
    /// Most calls that fail.
    max_errors: Option<u32>,
    /// Greatest share of calls that fail, 0 to 1.
    max_error_rate: Option<f64>,
    /// `transcript` (default) or `turn`.
    scope: Option<Scope>,
}

impl ToolEfficiency {
    fn sensible(&self) -> Result<(), String> {
        match self.max_error_rate {
            Some(rate) if !(0.0..=1.0).contains(&rate) => {
                Err(format!("parameter `max_error_rate`: expected a number from 0 to 1, found {rate}"))
            }
            None if self.max_calls.is_none() && self.max_errors.is_none() => {
                Err("give `max_calls`, `max_errors` or `max_error_rate`".to_owned())
            }
            _ => Ok(()),
        }
    }

    pub fn judge(&self, subject: &Subject<'_>) -> Verdict {
        let calls = calls(subject, self.scope);
        let (count, errors) = (calls.len(), calls.iter().filter(|call| call.failed).count());
        let rate = if count == 0 { 0.0 } else { errors as f64 / count as f64 };
        let mut over = Vec::new();
        if let Some(max) = self.max_calls.filter(|max| count > *max as usize) {
            over.push(format!("at most {max} calls wanted"));
        }
        if let Some(max) = self.max_errors.filter(|max| errors > *max as usize) {
            over.push(format!("at most {max} failed ones wanted"));
        }
        if let Some(max) = self.max_error_rate.filter(|max| rate > *max) {
            over.push(format!("a share of at most {max} failed ones wanted"));
        }
        let reason = format!("{count} calls, {errors} failed");
        let verdict = if over.is_empty() {
            // What is left of the calls is a measure, not the word: three calls of five are as allowed as none.
            let used = self.max_calls.filter(|max| *max > 0).map_or(0.0, |max| count as f64 / f64::from(max));
            Verdict::score(1.0 - used, reason).passed(true)
        } else {
            Verdict::fail(format!("{reason}; {}", over.join(", ")))
        };
        verdict.metric("calls", count as f64).metric("errors", errors as f64)
    }
}

/// Params of `no_tool_errors`.
#[derive(Deserialize, Params)]
pub struct NoToolErrors {
    /// Tools whose calls must not fail; all if none is named.
    #[serde(default)]
    tools: Vec<String>,
    /// `transcript` (default) or `turn`.
    scope: Option<Scope>,
}

impl NoToolErrors {
    pub fn judge(&self, subject: &Subject<'_>) -> Verdict {
        let calls = calls(subject, self.scope);
        let guarded = |name: &String| self.tools.is_empty() || self.tools.contains(name);
        let failed: Vec<_> = calls.iter().filter(|call| call.failed && guarded(&call.name)).collect();
        if failed.is_empty() {
            return Verdict::pass(format!("none of {} calls failed", calls.len()));
        }
        let error = |call: &&ToolCall| {
            let text = call.outcome.as_deref().unwrap_or_default();
            format!("{}: {}", excerpt(&call.name, SHOWN), excerpt(text, SHOWN))
        };
        let errors: Vec<_> = failed.iter().map(error).collect();
        let reason = format!("{} of {} calls failed: {}", failed.len(), calls.len(), joined(&errors));
        Verdict::score(1.0 - failed.len() as f64 / calls.len() as f64, reason).passed(false)
    }
}
