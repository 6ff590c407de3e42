//! Patterns that need no automaton: alternatives of plain text, as in `(?i)(help|assist)`. Most patterns of test
//! bundles are of this kind, and building an automaton costs far more than finding a few words.

use std::borrow::Cow;
use std::ops::Range;

/// What letters without regard to case are asked for with.
const IGNORE_CASE: &str = "(?i)";

/// Plain texts of which one is searched for.
pub struct Literals {
    texts: Vec<String>,
    ignore_case: bool,
}

impl Literals {
    /// The texts of `pattern` (RE2 syntax), or none if it is more than alternatives of plain text, in at most one group.
    pub fn of(pattern: &str) -> Option<Self> {
        let (ignore_case, body) = match pattern.strip_prefix(IGNORE_CASE) {
            Some(body) => (true, body),
            None => (false, pattern),
        };
        // A group within, or what stands beside a group, holds a parenthesis and is found below.
        let group = body.strip_prefix('(').and_then(|body| body.strip_suffix(')'));
        let body = group.map_or(body, |body| body.strip_prefix("?:").unwrap_or(body));
        let (mut texts, mut text) = (Vec::new(), String::new());
        let mut letters = body.chars();
        while let Some(letter) = letters.next() {
            match letter {
                '|' => texts.push(std::mem::take(&mut text)),
                '\\' => text.push(letters.next().filter(char::is_ascii_punctuation)?),
                '.' | '+' | '*' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '^' | '$' => return None,
                plain => text.push(plain),
            }
        }
        texts.push(text);
        if ignore_case {
            texts.iter_mut().for_each(|text| text.make_ascii_lowercase());
        }
        Some(Self { texts, ignore_case })
    }

    /// Where a leftmost-first regular expression would match; none if this cannot tell, because case is to be ignored in
    /// a text that is not ASCII alone: there Unicode knows more pairs of letters (`k` and the Kelvin sign).
    pub fn find(&self, text: &str) -> Option<Option<Range<usize>>> {
        let (mut folded, mut best) = (Cow::Borrowed(text), None::<Range<usize>>);
        if self.ignore_case {
            if !text.is_ascii() || !self.texts.iter().all(|wanted| wanted.is_ascii()) {
                return None;
            }
            folded = text.to_ascii_lowercase().into();
        }
        for wanted in &self.texts {
            // Of two that begin at one place the one that stands first in the pattern matches.
            let earlier = |start: &usize| best.as_ref().is_none_or(|best| *start < best.start);
            if let Some(start) = folded.find(wanted.as_str()).filter(earlier) {
                best = Some(start..start + wanted.len());
            }
        }
        Some(best)
    }
}

/// `pattern` and `text` in lower case, if one matches the other exactly where they match without regard to case: then an
/// automaton over single letters does, which is far smaller than one over pairs of them.
pub fn lower_case(pattern: &str, text: &str) -> Option<(String, String)> {
    let body = pattern.strip_prefix(IGNORE_CASE)?;
    if !body.is_ascii() || !text.is_ascii() {
        return None;
    }
    let mut lower = String::with_capacity(body.len());
    let mut letters = body.chars().peekable();
    while let Some(letter) = letters.next() {
        lower.push(letter.to_ascii_lowercase());
        match letter {
            // A class or flags of its own: there capitals may mean something else.
            '[' => return None,
            '(' if letters.next_if_eq(&'?').is_some() => {
                lower.push('?');
                letters.next_if_eq(&':')?;
                lower.push(':');
            }
            '\\' => match letters.next()? {
                'p' | 'P' | 'x' | 'Q' => return None,
                // `\D` is not `\d`.
                escaped => lower.push(escaped),
            },
            _ => {}
        }
    }
    Some((lower, text.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alternatives_of_plain_text_are_told_from_patterns() {
        for (pattern, texts) in [
            ("42", &["42"][..]),
            ("(?i)(help|assist)", &["help", "assist"]),
            ("(?:a|b c|)", &["a", "b c", ""]),
            (r"\$5\.00|\(", &["$5.00", "("]),
            ("ä-&#~", &["ä-&#~"]),
        ] {
            assert_eq!(Literals::of(pattern).unwrap().texts, texts, "{pattern}");
        }
        for pattern in [
            "a.b", "(a)(b)", "((a))", "(a)b", "a{2}", "{", "[a]", r"\d", r"(a\)", r"a\", "(?s)a", "^a", "a$", "(a",
            "a)", "a+",
        ] {
            assert!(Literals::of(pattern).is_none(), "{pattern}");
        }
    }

    #[test]
    fn what_capitals_mean_is_kept() {
        let lower = |pattern| lower_case(pattern, "Ab").map(|(pattern, _)| pattern);
        assert_eq!(lower(r"(?i)ORDER (?:NR\.|No) \D\S\W\B").as_deref(), Some(r"order (?:nr\.|no) \D\S\W\B"));
        for pattern in
            ["ORDER", "(?i)[A-Z]", "(?i)(?P<N>a)", "(?i)(?-i)A", r"(?i)\pL", r"(?i)\x41", r"(?i)\QA\E", "(?i)É"]
        {
            assert_eq!(lower(pattern), None, "{pattern}");
        }
        assert_eq!(lower_case("(?i)k", "\u{212a}"), None);
    }
}
