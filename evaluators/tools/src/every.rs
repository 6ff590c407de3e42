//! Every call of a tool: arguments and results.

use std::collections::BTreeMap;

use arena_guest::prelude::*;
use serde_json::Value;

use crate::arguments::difference;
use crate::constraints::Constraints;
use crate::scope::{Scope, arguments, calls_of};
use crate::values::alike;
use crate::{SHOWN, joined, names};

/// Params of `tool_calls_with_args`.
#[derive(Deserialize, Params)]
#[params(validate = ToolCallsWithArgs::sensible, preflight = ToolCallsWithArgs::compiles)]
pub struct ToolCallsWithArgs {
    /// The tool, which must be called; without it all calls are looked at.
    tool_name: Option<String>,
    /// Arguments that every call must have, by name; null for any value.
    #[serde(default)]
    expected_args: BTreeMap<String, Value>,
    /// For each argument a regular expression (RE2 syntax) that its value must match.
    #[serde(default)]
    args_match: BTreeMap<String, String>,
    /// Texts that every result must contain, without regard to case.
    #[serde(default)]
    result_includes: Vec<String>,
    /// Regular expression (RE2 syntax) that every result must match.
    result_matches: Option<String>,
    /// Whether every call must succeed.
    #[serde(default)]
    no_error: bool,
    /// `transcript` (default) or `turn`.
    scope: Option<Scope>,
}

impl ToolCallsWithArgs {
    fn constraints(&self) -> Constraints<'_> {
        Constraints {
            args_match: &self.args_match,
            result_includes: &self.result_includes,
            result_matches: self.result_matches.as_ref(),
            no_error: self.no_error,
        }
    }

    fn sensible(&self) -> Result<(), String> {
        if self.tool_name.is_none() && self.expected_args.is_empty() && self.constraints().is_empty() {
            return Err("give a `tool_name`, or say what every call must satisfy".to_owned());
        }
        names::not_empty("tool_name", self.tool_name.as_ref())?;
        self.constraints().sensible()
    }

    fn compiles(&self) -> Result<(), String> {
        self.constraints().compile()
    }

    pub fn judge(&self, subject: &Subject<'_>) -> Result<Verdict, CheckError> {
        let calls = calls_of(subject, self.scope, self.tool_name.as_deref());
        if let (Some(tool), true) = (&self.tool_name, calls.is_empty()) {
            return Ok(Verdict::fail(format!("{} was not called", excerpt(tool, SHOWN))));
        }
        let (mut wrong, mut complaints) = (0, Vec::new());
        for call in &calls {
            let given = arguments(call);
            let mut violations = Vec::new();
            for (name, wanted) in &self.expected_args {
                match given.get(name) {
                    Some(value) if wanted.is_null() || alike(value, wanted) => {}
                    found => violations.push(difference(name, found, wanted)),
                }
            }
            violations.extend(self.constraints().violations(call)?);
            wrong += usize::from(!violations.is_empty());
            let tool = excerpt(&call.name, SHOWN);
            complaints.extend(violations.into_iter().map(|text| format!("{tool} in message {}: {text}", call.message)));
        }
        if wrong == 0 {
            return Ok(Verdict::pass(format!("all {} calls satisfy the constraints", calls.len())));
        }
        Ok(Verdict::fail(format!("{wrong} of {} calls violate the constraints: {}", calls.len(), joined(&complaints))))
    }
}
