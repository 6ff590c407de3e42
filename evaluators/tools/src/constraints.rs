//! What a call must satisfy besides its name.

use std::collections::BTreeMap;

use arena_evaluator_patterns::{Folded, compiles, find, fold};
use arena_guest::ToolCall;
use arena_guest::prelude::*;

use crate::SHOWN;
use crate::scope::arguments;
use crate::values::text;

/// Constraints as params give them.
pub struct Constraints<'a> {
    /// For each argument a regular expression that its value matches.
    pub args_match: &'a BTreeMap<String, String>,
    /// Texts that the result contains, without regard to case.
    pub result_includes: &'a [String],
    /// A regular expression that the result matches.
    pub result_matches: Option<&'a String>,
    /// Whether the call must have succeeded.
    pub no_error: bool,
}

impl Constraints<'_> {
    /// True if every call satisfies them.
    pub fn is_empty(&self) -> bool {
        self.args_match.is_empty() && self.result_includes.is_empty() && self.result_matches.is_none() && !self.no_error
    }

    /// What is wrong with them without a look at any expression.
    pub fn sensible(&self) -> Result<(), String> {
        if let Some(at) = self.result_includes.iter().position(String::is_empty) {
            return Err(format!("parameter `result_includes[{at}]`: is empty; every result contains the empty text"));
        }
        match self.expressions().find(|(_, pattern)| pattern.is_empty()) {
            Some((parameter, _)) => Err(format!("parameter `{parameter}`: give a regular expression")),
            None => Ok(()),
        }
    }

    /// Whether their expressions are regular expressions.
    pub fn compile(&self) -> Result<(), String> {
        let compile = |(parameter, pattern): (String, &String)| {
            compiles(pattern).map_err(|error| format!("parameter `{parameter}`: {error}"))
        };
        self.expressions().try_for_each(compile)
    }

    /// The regular expressions, each with the parameter it stands in.
    fn expressions(&self) -> impl Iterator<Item = (String, &String)> {
        let of_arguments = self.args_match.iter().map(|(name, pattern)| (format!("args_match.{name}"), pattern));
        of_arguments.chain(self.result_matches.map(|pattern| ("result_matches".to_owned(), pattern)))
    }

    /// What `call` violates, in words.
    pub fn violations(&self, call: &ToolCall) -> Result<Vec<String>, CheckError> {
        let mut violations = Vec::new();
        let result = call.outcome.as_deref().unwrap_or_default();
        if self.no_error && call.failed {
            violations.push(format!("failed with {}", excerpt(result, SHOWN)));
        }
        let folded = Folded::new(result, false);
        for wanted in self.result_includes {
            if folded.find(&fold(wanted, false)).is_none() {
                violations.push(format!("the result lacks {}", excerpt(wanted, SHOWN)));
            }
        }
        if let Some(pattern) = self.result_matches
            && find(pattern, result).map_err(CheckError::BadParams)?.is_none()
        {
            violations.push(format!("the result does not match {}", excerpt(pattern, SHOWN)));
        }
        let arguments = arguments(call);
        for (name, pattern) in self.args_match {
            let shown = excerpt(name, SHOWN);
            match arguments.get(name).map(text) {
                None => violations.push(format!("{shown} is missing")),
                Some(value) => {
                    if find(pattern, &value).map_err(CheckError::BadParams)?.is_none() {
                        let value = excerpt(&value, SHOWN);
                        violations
                            .push(format!("{shown} is {value}, which {} does not match", excerpt(pattern, SHOWN)));
                    }
                }
            }
        }
        Ok(violations)
    }
}
