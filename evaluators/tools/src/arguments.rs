//! What tools were called with, and were not.

use std::collections::BTreeMap;

use arena_guest::ToolCall;
use arena_guest::prelude::*;
use serde_json::Value;

use crate::scope::{Scope, arguments, calls_of};
use crate::values::{alike, text};
use crate::{SHOWN, joined, listed, names};

/// Params of `tool_args`.
#[derive(Deserialize, Params)]
#[params(validate = ToolArgs::sensible)]
pub struct ToolArgs {
    /// The tool.
    tool_name: String,
    /// Arguments that one of its calls must have, by name. Values compare as they are written: 7 is 7.0 and "7".
    expected_args: BTreeMap<String, Value>,
    /// `transcript` (default) or `turn`.
    scope: Option<Scope>,
}

impl ToolArgs {
    fn sensible(&self) -> Result<(), String> {
        given(&self.tool_name, &self.expected_args)
    }

    pub fn judge(&self, subject: &Subject<'_>) -> Verdict {
        some_call(&self.tool_name, &self.expected_args, &calls_of(subject, self.scope, Some(&self.tool_name)))
    }
}

/// Params of `tool_args_session`.
#[derive(Deserialize, Params)]
#[params(validate = ToolArgsSession::sensible)]
pub struct ToolArgsSession {
    /// The tool.
    tool_name: String,
    /// Arguments that one of its calls must have, by name. Values compare as they are written: 7 is 7.0 and "7".
    expected_args: BTreeMap<String, Value>,
}

impl ToolArgsSession {
    fn sensible(&self) -> Result<(), String> {
        given(&self.tool_name, &self.expected_args)
    }

    pub fn judge(&self, subject: &Subject<'_>) -> Verdict {
        some_call(&self.tool_name, &self.expected_args, &calls_of(subject, None, Some(&self.tool_name)))
    }
}

fn given(tool: &String, expected: &BTreeMap<String, Value>) -> Result<(), String> {
    if expected.is_empty() {
        return Err("parameter `expected_args`: give at least one argument".to_owned());
    }
    names::not_empty("tool_name", Some(tool))
}

/// Whether one of `calls` has all the expected arguments; if not, what the last one lacks.
fn some_call(tool: &str, expected: &BTreeMap<String, Value>, calls: &[ToolCall]) -> Verdict {
    let tool = excerpt(tool, SHOWN);
    let lacking = |call| lacks(call, expected);
    match calls.iter().map(lacking).find(Vec::is_empty) {
        Some(_) => Verdict::pass(format!("{tool} was called with the expected arguments")),
        None => Verdict::fail(match calls.last() {
            Some(last) => {
                format!("no call of {tool} has the expected arguments; the last one: {}", joined(&lacking(last)))
            }
            None => format!("{tool} was not called"),
        }),
    }
}

/// What the arguments of `call` lack, in words.
fn lacks(call: &ToolCall, expected: &BTreeMap<String, Value>) -> Vec<String> {
    let arguments = arguments(call);
    let complaint = |(name, wanted): (&String, &Value)| match arguments.get(name) {
        Some(value) if alike(value, wanted) => None,
        found => Some(difference(name, found, wanted)),
    };
    expected.iter().filter_map(complaint).collect()
}

/// How an argument differs from what was wanted.
pub fn difference(name: &str, found: Option<&Value>, wanted: &Value) -> String {
    let name = excerpt(name, SHOWN);
    match found {
        Some(found) => format!("{name} is {}, not {}", excerpt(&text(found), SHOWN), excerpt(&text(wanted), SHOWN)),
        None => format!("{name} is missing"),
    }
}

/// Params of `tool_args_excluded_session`.
#[derive(Deserialize, Params)]
#[params(validate = ToolArgsExcluded::sensible)]
pub struct ToolArgsExcluded {
    /// The tool.
    tool_name: String,
    /// For each argument the value that no call may have.
    #[serde(default)]
    excluded_args: BTreeMap<String, Value>,
    /// For each argument a list of values that no call may have.
    #[serde(default)]
    forbidden_args: BTreeMap<String, Value>,
}

impl ToolArgsExcluded {
    fn sensible(&self) -> Result<(), String> {
        if self.excluded_args.is_empty() && self.forbidden_args.is_empty() {
            return Err("give `excluded_args` or `forbidden_args`, with at least one argument".to_owned());
        }
        names::not_empty("tool_name", Some(&self.tool_name))
    }

    fn forbids(&self, name: &str, value: &Value) -> bool {
        let excluded = || self.excluded_args.get(name).is_some_and(|excluded| alike(excluded, value));
        let forbidden = || match self.forbidden_args.get(name) {
            Some(Value::Array(values)) => values.iter().any(|forbidden| alike(forbidden, value)),
            Some(single) => alike(single, value),
            None => false,
        };
        excluded() || forbidden()
    }

    pub fn judge(&self, subject: &Subject<'_>) -> Verdict {
        let mut hits = Vec::new();
        for call in calls_of(subject, None, Some(&self.tool_name)) {
            for (name, value) in arguments(&call) {
                if self.forbids(&name, &value) {
                    hits.push(format!("message {}: {name}={}", call.message, text(&value)));
                }
            }
        }
        let tool = excerpt(&self.tool_name, SHOWN);
        match hits.is_empty() {
            true => Verdict::pass(format!("no call of {tool} has a forbidden argument")),
            false => Verdict::fail(format!("{tool} was called with forbidden arguments: {}", listed(&hits))),
        }
    }
}
