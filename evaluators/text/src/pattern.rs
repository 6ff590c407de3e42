//! Regular expressions.

use arena_guest::prelude::*;
use regex::RegexBuilder;

use crate::{SHOWN, last_reply, re2};

/// Most memory a compiled expression may take, in bytes. Matching takes time linear in the text whatever it holds.
const SIZE_LIMIT: usize = 1 << 20;

/// Params of `regex`.
#[derive(Deserialize, Params)]
#[params(validate = Regex::check_pattern)]
pub struct Regex {
    /// Regular expression in RE2 syntax: no look-around, no back references; case counts unless it starts with (?i).
    pattern: String,
    /// False to pass when the reply does not match; default true.
    expect_match: Option<bool>,
}

impl Regex {
    fn check_pattern(&self) -> Result<(), String> {
        self.compile().map(drop)
    }

    fn compile(&self) -> Result<regex::Regex, String> {
        if self.pattern.is_empty() {
            return Err("parameter `pattern`: give a regular expression".to_owned());
        }
        let limit = |text: String| format!("parameter `pattern`: {text}");
        RegexBuilder::new(&re2::translate(&self.pattern))
            .size_limit(SIZE_LIMIT)
            .dfa_size_limit(SIZE_LIMIT)
            .build()
            .map_err(|error| limit(reason(&error, &self.pattern)))
    }

    pub fn judge(&self, subject: &Subject<'_>) -> Result<Verdict, CheckError> {
        let (message, text) = last_reply(subject);
        let found = self.compile().map_err(CheckError::BadParams)?.find(&text);
        let expected = self.expect_match.unwrap_or(true);
        let pattern = excerpt(&self.pattern, SHOWN);
        let (word, wish) = (
            if found.is_some() { "matches" } else { "does not match" },
            if found.is_some() == expected { "" } else if expected { ", a match was wanted" } else { ", no match was wanted" },
        );
        let reason = format!("the reply {word} {pattern}{wish}");
        let verdict = if found.is_some() == expected { Verdict::pass(reason) } else { Verdict::fail(reason) };
        Ok(match found {
            Some(found) => verdict.evidence(message, found.range(), format!("matches {pattern}")),
            None => verdict,
        })
    }
}

/// One line of what the parser says in five.
fn reason(error: &regex::Error, pattern: &str) -> String {
    let shown = excerpt(pattern, SHOWN);
    match error {
        regex::Error::CompiledTooBig(limit) => format!("{shown} takes over {limit} bytes compiled; make it simpler"),
        other => {
            let text = other.to_string();
            let last = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
            format!("{shown} is not a regular expression: {last}")
        }
    }
}
