//! Which tools were called, and which were not.

use arena_guest::ToolCall;
use arena_guest::prelude::*;
use serde_json::Value;

use crate::scope::{Scope, arguments, calls};
use crate::{SHOWN, names};

/// Params of `tools_called`.
#[derive(Deserialize, Params)]
#[params(validate = ToolsCalled::sensible)]
pub struct ToolsCalled {
    /// Tools that must all be called.
    #[serde(alias = "tools")]
    tool_names: Vec<String>,
    /// Fewest calls of each tool; default 1.
    min_calls: Option<u32>,
    /// Most calls of each tool. To forbid calls set both limits to 0.
    max_calls: Option<u32>,
    /// Whether calls count that failed because their arguments do not suit the tool's schema.
    #[serde(default)]
    ignore_validation: bool,
    /// Whether calls without arguments count for nothing.
    #[serde(default)]
    require_args: bool,
    /// `transcript` (default) or `turn`.
    scope: Option<Scope>,
}

impl ToolsCalled {
    fn sensible(&self) -> Result<(), String> {
        let min = self.min_calls.unwrap_or(1);
        if let Some(max) = self.max_calls.filter(|max| *max < min) {
            return Err(format!("`max_calls` is {max} and `min_calls` {min}: no number of calls is right"));
        }
        names::some("tool_names", &self.tool_names)
    }

    pub fn judge(&self, subject: &Subject<'_>) -> Result<Verdict, CheckError> {
        let mut happened = Vec::new();
        let mut failures = None;
        let calls = calls(subject, self.scope);
        for call in calls.iter().filter(|call| self.tool_names.contains(&call.name)) {
            let counts = match (call.failed, self.ignore_validation) {
                (false, _) => true,
                (true, false) => false,
                (true, true) => refused(call, failures.get_or_insert_with(|| kinds(subject)))?,
            };
            if counts && !(self.require_args && arguments(call).is_empty()) {
                happened.push(call.name.as_str());
            }
        }
        let min = self.min_calls.unwrap_or(1);
        Ok(names::required("tools called without an error", &self.tool_names, &happened, min, self.max_calls))
    }
}

/// Why calls failed, as the host tells it: ids of calls with kinds of failure.
fn kinds(subject: &Subject<'_>) -> Vec<(String, String)> {
    let kind = |detail: String| {
        let detail: Value = serde_json::from_str(&detail).ok()?;
        Some((detail["call"].as_str()?.to_owned(), detail["kind"].as_str()?.to_owned()))
    };
    subject.events("tool_failure").into_iter().filter_map(|event| kind(event.detail)).collect()
}

/// Whether the call failed because of its arguments.
fn refused(call: &ToolCall, kinds: &[(String, String)]) -> Result<bool, CheckError> {
    match kinds.iter().find(|(id, _)| *id == call.id) {
        Some((_, kind)) => Ok(kind == "validation"),
        None => {
            let name = excerpt(&call.name, SHOWN);
            Err(CheckError::Other(format!(
                "it is not known why a call of {name} failed; leave out `ignore_validation`"
            )))
        }
    }
}

/// Params of `tools_called_session`.
#[derive(Deserialize, Params)]
#[params(validate = ToolsCalledSession::sensible)]
pub struct ToolsCalledSession {
    /// Tools that must all be called, with or without success.
    #[serde(alias = "tools")]
    tool_names: Vec<String>,
    /// Fewest calls of each tool; default 1.
    min_calls: Option<u32>,
}

impl ToolsCalledSession {
    fn sensible(&self) -> Result<(), String> {
        if self.min_calls == Some(0) {
            return Err("parameter `min_calls`: must be above zero".to_owned());
        }
        names::some("tool_names", &self.tool_names)
    }

    pub fn judge(&self, subject: &Subject<'_>) -> Verdict {
        let calls = subject.tool_calls();
        names::required("tools called", &self.tool_names, &tools(&calls), self.min_calls.unwrap_or(1), None)
    }
}

/// Params of `tools_not_called`.
#[derive(Deserialize, Params)]
#[params(validate = ToolsNotCalled::sensible)]
pub struct ToolsNotCalled {
    /// Tools that must not be called, be it without success.
    #[serde(alias = "tools")]
    tool_names: Vec<String>,
    /// `transcript` (default) or `turn`.
    scope: Option<Scope>,
}

impl ToolsNotCalled {
    fn sensible(&self) -> Result<(), String> {
        names::some("tool_names", &self.tool_names)
    }

    pub fn judge(&self, subject: &Subject<'_>) -> Verdict {
        names::forbidden("tools called", &self.tool_names, &tools(&calls(subject, self.scope)))
    }
}

/// Params of `tools_not_called_session`.
#[derive(Deserialize, Params)]
#[params(validate = ToolsNotCalledSession::sensible)]
pub struct ToolsNotCalledSession {
    /// Tools that must not be called, be it without success.
    #[serde(alias = "tools")]
    tool_names: Vec<String>,
}

impl ToolsNotCalledSession {
    fn sensible(&self) -> Result<(), String> {
        names::some("tool_names", &self.tool_names)
    }

    pub fn judge(&self, subject: &Subject<'_>) -> Verdict {
        names::forbidden("tools called", &self.tool_names, &tools(&subject.tool_calls()))
    }
}

/// The names of the called tools, in order.
pub fn tools(calls: &[ToolCall]) -> Vec<&str> {
    calls.iter().map(|call| call.name.as_str()).collect()
}
