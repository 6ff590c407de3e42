//! Params that nothing reads. As upstream, a check passes over them; a misspelt one would be missed by nobody.

use arena_bundle::Assertion;
use serde_json::Value;

use crate::check::{Unwrapped, WRAPPER};
use crate::library::{Resolved, nearest};

/// Keys of a wrapper's params, thresholds included.
const WRAPPER_KEYS: [&str; 4] = ["eval_type", "eval_params", "min_score", "max_score"];

/// What stands in a wrapper beside the check it wraps, and is not a key of the wrapper.
pub(super) fn misplaced(assertion: &Assertion) -> Vec<String> {
    if assertion.kind != WRAPPER {
        return Vec::new();
    }
    complaints(&assertion.params.to_value(), &WRAPPER_KEYS)
}

/// What the check does not know. A check that does not list its params may know any.
pub(super) fn unknown(entry: &Resolved, unwrapped: &Unwrapped) -> Vec<String> {
    let Some(known) = entry.check(&unwrapped.kind).and_then(|check| check.params["properties"].as_object()) else {
        return Vec::new();
    };
    let known: Vec<&str> = known.keys().map(String::as_str).collect();
    complaints(&serde_json::from_str(&unwrapped.params).unwrap_or_default(), &known)
}

fn complaints(params: &Value, known: &[&str]) -> Vec<String> {
    let keys = params.as_object().into_iter().flat_map(|params| params.keys());
    let unknown = keys.filter(|key| !known.contains(&key.as_str()));
    unknown.map(|key| format!("it has no parameter `{key}`, which has no effect; {}", advice(key, known))).collect()
}

fn advice(key: &str, known: &[&str]) -> String {
    match nearest(key, known.iter().copied()) {
        // Close in its letters, and the opposite.
        Some("case_sensitive") if key == "case_insensitive" => "write `case_sensitive: false`".to_owned(),
        Some(meant) => format!("did you mean `{meant}`?"),
        None if key == "message" || key == "when" => format!("write `{key}` beside `params`, not in it"),
        None if known.is_empty() => "it has none at all".to_owned(),
        None => format!("it has {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_not_known_is_named_with_what_was_meant() {
        let known = ["expect_match", "pattern"];
        assert_eq!(complaints(&json!({"pattern": "a", "expect_match": false}), &known), Vec::<String>::new());
        for (params, part) in [
            (
                json!({"pattern": "a", "expect_mach": false}),
                "`expect_mach`, which has no effect; did you mean `expect_match`?",
            ),
            (json!({"flags": "i"}), "it has expect_match, pattern"),
            (json!({"message": "m"}), "write `message` beside `params`"),
        ] {
            let [text] = <[String; 1]>::try_from(complaints(&params, &known)).unwrap();
            assert!(text.contains(part), "{text}");
        }
        assert!(complaints(&json!({"x": 1}), &[])[0].contains("none at all"));
    }
}
