//! The JSON in a reply.

use std::ops::Range;

use arena_guest::model_json::{balanced, fenced};
use arena_guest::prelude::*;
use serde_json::Value;

use crate::{SHOWN, cut};

/// JSON and where it stood.
pub struct Found {
    pub value: Value,
    message: u32,
    range: Range<usize>,
}

impl Found {
    /// Adds the place of the JSON to a verdict.
    pub fn cite(&self, verdict: Verdict, note: &str) -> Verdict {
        verdict.evidence(self.message, self.range.clone(), note)
    }
}

/// The JSON of the last reply, or why there is none.
///
/// The whole text goes first. What a fence or a pair of brackets delimits is taken at its word: if that is not JSON,
/// the search does not go on inside it, or half an answer would pass for a whole one.
pub fn find(subject: &Subject<'_>, allow_wrapped: bool, extract: bool) -> Result<Found, String> {
    let reply = subject.last_reply();
    let (message, text) = reply.map_or_else(Default::default, |reply| (reply.index, reply.text));
    let whole = trimmed(&text, 0..text.len());
    let mut place = whole.clone();
    let mut parsed = serde_json::from_str(&text[place.clone()]);
    if parsed.is_err()
        && allow_wrapped
        && let Some(inside) = fenced(&text)
    {
        place = trimmed(&text, inside);
        parsed = serde_json::from_str(&text[place.clone()]);
    }
    if parsed.is_err() && extract {
        let text = &text[place.clone()];
        // An array after the start of an object that never ends is a part of that object.
        let object_at = text.find('{').unwrap_or(text.len());
        let array = || balanced(text, '[', ']').filter(|range| range.start < object_at);
        if let Some(inside) = balanced(text, '{', '}').or_else(array) {
            parsed = serde_json::from_str(&text[inside.clone()]);
            place = place.start + inside.start..place.start + inside.end;
        }
    }
    match parsed {
        Ok(value) => Ok(Found { value, message, range: place }),
        Err(error) => Err(format!("no valid JSON: {} in {}", cut(&error.to_string()), excerpt(&text[place], SHOWN))),
    }
}

fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let part = &text[range.clone()];
    let start = range.start + (part.len() - part.trim_start().len());
    start..start + part.trim().len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use arena_guest::testing::reply;
    use serde_json::json;

    #[test]
    fn finds() {
        let lost = "Here:\n```json\n{\"a\": {\"b\": 1}, {\"c\": [1]}\n```";
        for (text, wrapped, extract, want) in [
            (" {\"a\": 1}\n", false, false, Some(json!({"a": 1}))),
            ("42", false, false, Some(json!(42))),
            ("", true, true, None),
            ("Here: {\"a\": 1}.", false, false, None),
            ("Here: {\"a\": 1}.", false, true, Some(json!({"a": 1}))),
            ("Here: [1, 2].", false, true, Some(json!([1, 2]))),
            ("Here: [1] or {\"a\": 1}.", false, true, Some(json!({"a": 1}))),
            ("See\n```json\n[{\"a\": 1}]\n```\nok", true, false, Some(json!([{"a": 1}]))),
            ("See\n```json\n[{\"a\": 1}]\n```\nok", true, true, Some(json!([{"a": 1}]))),
            ("See\n```json\n[1]\n```\nok", false, false, None),
            ("```\n{\"code\": \"```\"}\n```", false, true, Some(json!({"code": "```"}))),
            (lost, true, true, None),
        ] {
            let found = find(&reply(text), wrapped, extract);
            assert_eq!(found.as_ref().ok().map(|found| found.value.clone()), want, "{text}");
            if let Ok(found) = found {
                assert_eq!(serde_json::from_str::<Value>(&text[found.range]).ok(), want, "{text}");
            }
        }
    }
}
