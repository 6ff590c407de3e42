//! Patterns of paths as the original runner reads them (`path/filepath` of Go): no sign stands for a slash.

use std::fmt::Write as _;
use std::iter::Peekable;
use std::str::Chars;

use regex::{Regex, RegexBuilder};

/// What makes a path a pattern.
pub(crate) const SIGNS: [char; 3] = ['*', '?', '['];
/// Most bytes that a compiled pattern may take.
const BYTES: usize = 1 << 20;

/// Whether a path is to be read as a pattern.
pub(crate) fn is_pattern(path: &str) -> bool {
    path.contains(SIGNS)
}

/// What decides whether a whole path matches; none if the pattern is malformed or too large.
pub(crate) fn compile(pattern: &str) -> Option<Regex> {
    let mut text = String::from("^");
    let mut signs = pattern.chars().peekable();
    while let Some(sign) = signs.next() {
        match sign {
            '*' => text.push_str("[^/]*"),
            '?' => text.push_str("[^/]"),
            '[' => class(&mut signs, &mut text)?,
            '\\' => literal(signs.next()?, &mut text),
            other => literal(other, &mut text),
        }
    }
    text.push('$');
    RegexBuilder::new(&text).dot_matches_new_line(true).size_limit(BYTES).dfa_size_limit(BYTES).build().ok()
}

/// Reads what stands behind a `[`, up to the `]`.
fn class(signs: &mut Peekable<Chars<'_>>, text: &mut String) -> Option<()> {
    text.push_str("[[");
    text.extend(signs.next_if_eq(&'^'));
    let mut any = false;
    while !any || signs.peek() != Some(&']') {
        any = true;
        literal(member(signs)?, text);
        if signs.next_if_eq(&'-').is_some() {
            text.push('-');
            literal(member(signs)?, text);
        }
    }
    signs.next();
    text.push_str("]&&[^/]]");
    Some(())
}

fn member(signs: &mut Peekable<Chars<'_>>) -> Option<char> {
    match signs.next()? {
        '\\' => signs.next(),
        '-' | ']' => None,
        other => Some(other),
    }
}

/// By number, so that no character means anything else.
fn literal(character: char, text: &mut String) {
    // Writing to a text never fails.
    let _ = write!(text, "\\x{{{:x}}}", u32::from(character));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_stand_for_characters_of_one_name() {
        for (pattern, path, expected) in [
            ("r/*.json", "r/a.b.json", true),
            ("r/*.json", "r/x/a.json", false),
            ("*", "é\n", true),
            ("**/a", "x/y/a", false),
            ("a?c", "abc", true),
            ("a?c", "a/c", false),
            ("[a-c^]x", "^x", true),
            ("[^a-c]x", "bx", false),
            ("[^a-c]x", "/x", false),
            ("[&&~]", "~", true),
            (r"\*a", "*a", true),
            (r"\*a", "ba", false),
            ("a.c", "abc", false),
        ] {
            assert_eq!(compile(pattern).unwrap().is_match(path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn what_is_malformed_is_none() {
        for pattern in ["[", "[]", "[a", "[]a]", "[a-]", "[-a]", "[c-a]", "a\\"] {
            assert!(compile(pattern).is_none(), "{pattern}");
        }
        assert!(is_pattern("a?") && !is_pattern("a{b}"));
    }
}
