//! A tool that the host calls for the check, and whether what it says is good.

use std::collections::BTreeMap;

use arena_evaluator_patterns::{compiles, find};
use arena_guest::prelude::*;
use serde_json::Value;

use crate::{SHOWN, names};

/// Longest stretch of a result in a reason, in characters.
const RESULT_SHOWN: usize = 200;

/// Params of `tool_exec`.
#[derive(Deserialize, Params)]
#[params(validate = ToolExec::sensible, preflight = ToolExec::compiles)]
pub struct ToolExec {
    /// The tool that is called, by its name in the bundle.
    tool: String,
    /// Its arguments, by name.
    #[serde(default)]
    args: BTreeMap<String, Value>,
    /// Longest time of the call, seconds; default 120, and never longer than the case has.
    timeout_seconds: Option<f64>,
    /// Regular expression (RE2 syntax) that the result must match.
    success_pattern: Option<String>,
    /// Regular expression (RE2 syntax) that the result must not match.
    failure_pattern: Option<String>,
}

impl ToolExec {
    fn sensible(&self) -> Result<(), String> {
        names::not_empty("tool", Some(&self.tool))?;
        names::not_empty("success_pattern", self.success_pattern.as_ref())?;
        names::not_empty("failure_pattern", self.failure_pattern.as_ref())?;
        match self.timeout_seconds {
            Some(seconds) if seconds.is_nan() || seconds <= 0.0 => {
                Err("parameter `timeout_seconds`: must be above zero".to_owned())
            }
            _ => Ok(()),
        }
    }

    fn compiles(&self) -> Result<(), String> {
        for (name, pattern) in [("success_pattern", &self.success_pattern), ("failure_pattern", &self.failure_pattern)]
        {
            if let Some(pattern) = pattern {
                compiles(pattern).map_err(|error| format!("parameter `{name}`: {error}"))?;
            }
        }
        Ok(())
    }

    pub fn judge(&self, subject: &Subject<'_>) -> Result<Verdict, CheckError> {
        self.compiles().map_err(CheckError::BadParams)?;
        let tool = excerpt(&self.tool, SHOWN);
        let (failed, result) = self.call(subject)?;
        let shown = excerpt(&result, RESULT_SHOWN);
        if failed {
            return Ok(Verdict::fail(format!("the call of {tool} failed: {shown}")));
        }
        let matches = |name: &str, pattern: &Option<String>| match pattern {
            Some(pattern) => find(pattern, &result)
                .map(|found| Some(found.is_some()))
                .map_err(|error| CheckError::BadParams(format!("parameter `{name}`: {error}"))),
            None => Ok(None),
        };
        if matches("failure_pattern", &self.failure_pattern)? == Some(true) {
            return Ok(Verdict::fail(format!("the result of {tool} matches `failure_pattern`: {shown}")));
        }
        if matches("success_pattern", &self.success_pattern)? == Some(false) {
            return Ok(Verdict::fail(format!("the result of {tool} does not match `success_pattern`: {shown}")));
        }
        Ok(Verdict::pass(format!("the call of {tool} succeeded: {shown}")))
    }

    /// Whether the host's newest call for this check failed, and what the tool said.
    fn call(&self, subject: &Subject<'_>) -> Result<(bool, String), CheckError> {
        let wanted: Value = self.args.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        for event in subject.events("tool_exec").into_iter().rev() {
            let detail: Value = serde_json::from_str(&event.detail).unwrap_or_default();
            if detail["tool"] == self.tool.as_str() && detail["args"] == wanted {
                let (Some(failed), Some(result)) = (detail["failed"].as_bool(), detail["result"].as_str()) else {
                    return Err(CheckError::Other("an event `tool_exec` has no `failed` and `result`".to_owned()));
                };
                return Ok((failed, result.to_owned()));
            }
        }
        Err(CheckError::Other(format!("the host has not called {}", excerpt(&self.tool, SHOWN))))
    }
}
