//! Regular expressions.

use std::ops::Range;

use arena_guest::prelude::*;
use regex_automata::meta;
use regex_automata::util::syntax;

use crate::literal::{Literals, lower_case};
use crate::{SHOWN, last_reply, re2};

/// Most memory a compiled expression may take, in bytes. Matching takes time linear in the text whatever it holds.
const SIZE_LIMIT: usize = 1 << 20;

/// Bytes of a text from which an automaton pays, built while searching.
const LONG_TEXT: usize = 16 << 10;

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
        self.compile(&self.pattern, "\u{e4}").map(drop)
    }

    /// Compiles for this text. For ASCII alone it is ten times as fast where case is ignored, and matches the same: what
    /// Unicode would add (`k` as the Kelvin sign) is not in such a text.
    fn compile(&self, pattern: &str, text: &str) -> Result<meta::Regex, String> {
        let pattern = re2::translate(pattern);
        let unicode =
            !text.is_ascii() || !pattern.is_ascii() || ["\\p", "\\P", "\\x"].iter().any(|c| pattern.contains(c));
        // Each evaluation compiles anew and searches one reply: prefilters and automata cost more than they save,
        // unless the reply is long.
        let config = meta::Config::new()
            .auto_prefilter(false)
            .onepass(false)
            .dfa(false)
            .hybrid(text.len() > LONG_TEXT)
            .utf8_empty(unicode)
            .nfa_size_limit(Some(SIZE_LIMIT))
            .hybrid_cache_capacity(SIZE_LIMIT);
        let syntax = syntax::Config::new().unicode(unicode).utf8(unicode);
        let built = meta::Builder::new().configure(config).syntax(syntax).build(&pattern);
        built.map_err(|error| format!("parameter `pattern`: {}", reason(&error, &self.pattern)))
    }

    /// Where the pattern matches first.
    fn find(&self, text: &str) -> Result<Option<Range<usize>>, String> {
        if let Some(found) = Literals::of(&self.pattern).and_then(|literals| literals.find(text)) {
            return Ok(found);
        }
        let found = match lower_case(&self.pattern, text) {
            Some((pattern, text)) => self.compile(&pattern, &text)?.find(&text),
            None => self.compile(&self.pattern, text)?.find(text),
        };
        Ok(found.map(|found| found.range()))
    }

    pub fn judge(&self, subject: &Subject<'_>) -> Result<Verdict, CheckError> {
        let (message, text) = last_reply(subject);
        let found = self.find(&text).map_err(CheckError::BadParams)?;
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

/// One line of what the parser says in five.
fn reason(error: &meta::BuildError, pattern: &str) -> String {
    let shown = excerpt(pattern, SHOWN);
    if let Some(limit) = error.size_limit() {
        return format!("{shown} takes over {limit} bytes compiled; make it simpler");
    }
    let text = error.syntax_error().map_or_else(|| error.to_string(), ToString::to_string);
    let last = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
    format!("{shown} is not a regular expression: {last}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The short ways must find what the regular expression itself finds, whatever the text.
    #[test]
    fn every_way_finds_the_same() {
        let patterns = [
            "42",
            "order",
            "(?i)order",
            "(?i)(order|status)",
            "(status|order|ord)",
            "ord|order",
            "(?i)k",
            "(?i)(ORDER|)",
            "a||b",
            r"(?i)\$5\.00|É",
            "é|É",
            "(?i)é",
            r"(?i)order\s#\D*\d+",
            r"(?i)\bOR.*?R\b",
            r"(?i)^(?:the|AN) .+ORDER$",
            r"(?i)ord{1,2}er|S+",
            r"(?i)[A-M]RDER|[^a-z]{2}",
            "(?i)(?s).*",
            r"(?i)\W\S\B",
            "(?i)",
            "(?i)(a)(b)|r+",
        ];
        let texts = [
            "",
            "The status of ORDER #4711 is fine",
            "status",
            "an order",
            "\u{212a}elvin and kelvin",
            "K",
            "Éé ORDER",
            "costs $5.00, ab",
            "é",
            "ordder\nordeR 42",
        ];
        for pattern in patterns {
            let regex = Regex { pattern: pattern.to_owned(), expect_match: None };
            for text in texts {
                let want = regex.compile(pattern, "\u{e4}").unwrap().find(text).map(|found| found.range());
                assert_eq!(regex.find(text).unwrap(), want, "{pattern} on {text}");
            }
        }
    }
}
