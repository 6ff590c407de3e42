//! Regular expressions.

use arena_evaluator_patterns::{compiles, find};
use arena_guest::prelude::*;

use crate::{SHOWN, last_reply};

/// Params of `regex`.
#[derive(Deserialize, Params)]
#[params(validate = Regex::given, preflight = Regex::compiles)]
pub struct Regex {
    /// Regular expression in RE2 syntax: no look-around, no back references; case counts unless it starts with (?i).
    pattern: String,
    /// False to pass when the reply does not match; default true.
    expect_match: Option<bool>,
}

impl Regex {
    fn given(&self) -> Result<(), String> {
        match self.pattern.as_str() {
            "" => Err("parameter `pattern`: give a regular expression".to_owned()),
            _ => Ok(()),
        }
    }

    fn compiles(&self) -> Result<(), String> {
        compiles(&self.pattern).map_err(|error| format!("parameter `pattern`: {error}"))
    }

    pub fn judge(&self, subject: &Subject<'_>) -> Result<Verdict, CheckError> {
        let (message, text) = last_reply(subject);
        let found = find(&self.pattern, &text)
            .map_err(|error| CheckError::BadParams(format!("parameter `pattern`: {error}")))?;
        let expected = self.expect_match.unwrap_or(true);
        let pattern = excerpt(&self.pattern, SHOWN);
        let (word, wish) = (
            if found.is_some() { "matches" } else { "does not match" },
            if found.is_some() == expected {
                ""
            } else if expected {
                ", a match was wanted"
            } else {
                ", no match was wanted"
            },
        );
        let reason = format!("the reply {word} {pattern}{wish}");
        let verdict = if found.is_some() == expected { Verdict::pass(reason) } else { Verdict::fail(reason) };
        Ok(match found {
            Some(found) => verdict.evidence(message, found, format!("matches {pattern}")),
            None => verdict,
        })
    }
}
