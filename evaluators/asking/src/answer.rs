//! Reading a judge's answer.

use arena_guest::model_json::{balanced, fenced};
use arena_guest::prelude::*;
use serde_json::{Map, Value};

/// Longest stretch of an unreadable answer that an error shows, in characters.
const SHOWN: usize = 120;

/// Longest reasoning that a verdict carries, in characters.
const REASONING: usize = 2000;

/// The verdict in the answer: a JSON object, bare, in a code fence or in prose, with a `score` from 0 to 1. Where the
/// user sets no threshold, it must be 1, and the judge must not say `passed: false`.
pub fn read(answer: &str) -> Result<Verdict, CheckError> {
    let error = |why: &str| CheckError::Other(format!("the judge {why}: it answered {}", excerpt(answer, SHOWN)));
    let object = object(answer).ok_or_else(|| error("gave no JSON object"))?;
    let score = key(&object, "score").ok_or_else(|| error("gave no score"))?;
    let score = score.as_f64().ok_or_else(|| error("gave a score that is no number"))?;
    if !(0.0..=1.0).contains(&score) {
        return Err(error("gave a score outside 0 to 1"));
    }
    let reasoning = ["reasoning", "reason", "explanation"].iter().find_map(|name| key(&object, name)?.as_str());
    let reasoning = reasoning.map_or_else(
        || "the judge gave no reasoning".to_owned(),
        |text| text.chars().take(REASONING).collect::<String>(),
    );
    let refused = key(&object, "passed").and_then(Value::as_bool) == Some(false);
    Ok(Verdict::score(score, reasoning).passed(score >= 1.0 && !refused))
}

fn object(answer: &str) -> Option<Map<String, Value>> {
    let places = [Some(0..answer.len()), fenced(answer), balanced(answer, '{', '}')];
    places.into_iter().flatten().find_map(|place| serde_json::from_str(&answer[place]).ok())
}

/// Models write `Score` as well.
fn key<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object.get(name).or_else(|| object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_judges_write() {
        for (answer, score, passed, reason) in [
            (r#"{"passed": true, "score": 0.92, "reasoning": "Clear"}"#, 0.92, false, "Clear"),
            ("```json\n{\"passed\": true, \"score\": 1}\n```", 1.0, true, "the judge gave no reasoning"),
            (r#"{"Score": 0.9, "explanation": "x"}"#, 0.9, false, "x"),
            (r#"Sure! {"score": 1, "reasoning": "has {braces}"} Done."#, 1.0, true, "has {braces}"),
            (r#"{"passed": false, "score": 1, "reasoning": "x"}"#, 1.0, false, "x"),
            (r#"{"passed": "yes", "score": 0}"#, 0.0, false, "the judge gave no reasoning"),
        ] {
            let verdict = read(answer).unwrap();
            assert_eq!((verdict.score, verdict.passed, verdict.reason.as_str()), (Some(score), Some(passed), reason));
        }
        let long = format!(r#"{{"score": 1, "reasoning": "{}"}}"#, "ä".repeat(5000));
        assert_eq!(read(&long).unwrap().reason.chars().count(), 2000);
    }

    #[test]
    fn an_unreadable_answer_is_an_error() {
        for (answer, want) in [
            ("", "gave no JSON object"),
            ("not JSON", "gave no JSON object"),
            ("[]", "gave no JSON object"),
            (r#"{"passed": true, "score": 0.9"#, "gave no JSON object"),
            (r#"{"passed": true}"#, "gave no score"),
            (r#"{"score": "high"}"#, "no number"),
            (r#"{"score": -1}"#, "outside 0 to 1"),
            (r#"{"score": 1.01}"#, "outside 0 to 1"),
            (r#"{"score": 8}"#, "outside 0 to 1"),
        ] {
            let CheckError::Other(text) = read(answer).unwrap_err() else { panic!("{answer}") };
            assert!(text.contains(want), "{answer}: {text}");
        }
    }
}
