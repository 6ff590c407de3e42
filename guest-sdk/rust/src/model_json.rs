//! JSON in the text of a model, which likes to wrap it in prose or a code fence.

use std::ops::Range;

/// Bytes of the content of the first code fence marked `json`, else of the first one at all.
pub fn fenced(text: &str) -> Option<Range<usize>> {
    let mut first = None;
    let mut rest = 0;
    while let Some(open) = text[rest..].find("```").map(|at| rest + at + 3) {
        let close = open + text[open..].find("```")?;
        let body = &text[open..close];
        let word = body.len() - body.trim_start_matches(|letter: char| letter.is_ascii_alphanumeric()).len();
        if body[..word].eq_ignore_ascii_case("json") {
            return Some(open + word..close);
        }
        // A one-line fence has no language: ```{"a":1}``` and ```42``` alike.
        let word = if body[word..].starts_with(['\n', '\r', ' ']) { word } else { 0 };
        first = first.or(Some(open + word..close));
        rest = close + 3;
    }
    first
}

/// Bytes from the first `open` to the bracket that closes it, brackets in JSON strings left out. None if there is no
/// `open`, or the first one is never closed.
pub fn balanced(text: &str, open: char, close: char) -> Option<Range<usize>> {
    let start = text.find(open)?;
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for (at, letter) in text[start..].char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if in_string => escaped = true,
            '"' => in_string = !in_string,
            _ if in_string => {}
            _ if letter == open => depth += 1,
            _ if letter == close => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(start..start + at + letter.len_utf8());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inside(text: &str, range: Option<Range<usize>>) -> Option<&str> {
        range.map(|range| text[range].trim())
    }

    #[test]
    fn fences() {
        let text = "see ```sh\nls\n``` and ```JSON\n{\"a\": 1}\n```";
        assert_eq!(inside(text, fenced(text)), Some("{\"a\": 1}"));
        for (text, want) in [
            ("```\n[1]\n```", Some("[1]")),
            ("```{\"a\":1}```", Some("{\"a\":1}")),
            ("```yaml\na: 1\n```", Some("a: 1")),
            ("```42```", Some("42")),
            ("```json\n{", None),
            ("none", None),
        ] {
            assert_eq!(inside(text, fenced(text)), want, "{text}");
        }
    }

    #[test]
    fn balance() {
        for (text, want) in [
            (r#"so {"a": {"b": "}"}} and {"c": 1}"#, Some(r#"{"a": {"b": "}"}}"#)),
            (r#"{"quote": "\"}"} tail"#, Some(r#"{"quote": "\"}"}"#)),
            ("{ never { closed }", None),
            ("nothing", None),
            ("ä{}", Some("{}")),
        ] {
            assert_eq!(inside(text, balanced(text, '{', '}')), want, "{text}");
        }
    }
}
