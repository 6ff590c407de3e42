//! Regular expressions.

use std::ops::Range;

use arena_guest::excerpt;
use regex_automata::meta;
use regex_automata::util::syntax;

use crate::literal::{Literals, lower_case};
use crate::re2;

/// Longest stretch of an expression that is shown in an error, in characters.
const SHOWN: usize = 60;

/// Most memory a compiled expression may take, in bytes. Matching takes time linear in the text whatever it holds.
const SIZE_LIMIT: usize = 1 << 20;

/// Bytes of a text from which an automaton pays, built while searching.
const LONG_TEXT: usize = 16 << 10;

/// Whether `pattern` is a regular expression; the error quotes it and says why not.
pub fn compiles(pattern: &str) -> Result<(), String> {
    compile(pattern, "\u{e4}").map(drop).map_err(|error| reason(&error, pattern))
}

/// Where `pattern` matches first in `text`. The error is that of [`compiles`].
pub fn find(pattern: &str, text: &str) -> Result<Option<Range<usize>>, String> {
    if let Some(found) = Literals::of(pattern).and_then(|literals| literals.find(text)) {
        return Ok(found);
    }
    let found = match lower_case(pattern, text) {
        Some((pattern, text)) => compile(&pattern, &text).map(|regex| regex.find(&text)),
        None => compile(pattern, text).map(|regex| regex.find(text)),
    };
    found.map(|found| found.map(|found| found.range())).map_err(|error| reason(&error, pattern))
}

/// Compiles for this text. For ASCII alone it is ten times as fast where case is ignored, and matches the same: what
/// Unicode would add (`k` as the Kelvin sign) is not in such a text.
fn compile(pattern: &str, text: &str) -> Result<meta::Regex, Box<meta::BuildError>> {
    let pattern = re2::translate(pattern);
    let unicode = !text.is_ascii() || !pattern.is_ascii() || ["\\p", "\\P", "\\x"].iter().any(|c| pattern.contains(c));
    // Each evaluation compiles anew and searches one text: prefilters and automata cost more than they save, unless
    // the text is long.
    let config = meta::Config::new()
        .auto_prefilter(false)
        .onepass(false)
        .dfa(false)
        .hybrid(text.len() > LONG_TEXT)
        .utf8_empty(unicode)
        .nfa_size_limit(Some(SIZE_LIMIT))
        .hybrid_cache_capacity(SIZE_LIMIT);
    let syntax = syntax::Config::new().unicode(unicode).utf8(unicode);
    meta::Builder::new().configure(config).syntax(syntax).build(&pattern).map_err(Box::new)
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
            for text in texts {
                let want = compile(pattern, "\u{e4}").unwrap().find(text).map(|found| found.range());
                assert_eq!(find(pattern, text).unwrap(), want, "{pattern} on {text}");
            }
        }
    }
}
