//! A stream is ended exactly where the check on the whole reply fails, however the reply is cut into pieces.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use arena_evaluator_stream::Component as Stream;
use arena_evaluator_text::Component as Text;
use arena_guest::testing::{evaluate, reply, validate, watch};
use arena_guest::{Action, CheckError};
use serde_json::{Value, json};

/// All ways to cut a text into two pieces, the text whole, and each character alone.
fn cuts(text: &str) -> Vec<Vec<&str>> {
    let places = text.char_indices().map(|(at, _)| at);
    let mut cuts: Vec<_> = places.map(|at| vec![&text[..at], &text[at..]]).collect();
    cuts.push(vec![text]);
    cuts.push(text.char_indices().map(|(at, c)| &text[at..at + c.len_utf8()]).collect());
    cuts
}

fn cases() -> Vec<(&'static str, Value)> {
    vec![
        ("banned_words", json!({"words": ["hell", "damn it"]})),
        ("banned_words", json!({"words": ["hell"], "match_mode": "substring"})),
        ("content_excludes", json!({"patterns": ["secret", "i\u{307}y"]})),
        ("content_not_includes", json!({"words": ["Secret"], "case_sensitive": true, "match_mode": "word_boundary"})),
        ("content_excludes", json!({"patterns": []})),
        ("max_length", json!({"max": 9})),
        ("length", json!({"max_tokens": 3})),
        ("max_length", json!({"max_chars": 20, "max_tokens": 2})),
        ("max_length", json!({"max": 10, "max_tokens": 2})),
    ]
}

const TEXTS: [&str; 14] = [
    "",
    "hell",
    "hello there",
    "go to hell.",
    "shell hell",
    "shell hello",
    "damn  it, damn it!",
    "top SECRET",
    "secrets Secret",
    "xİy",
    "äöü äöü äöü",
    "nine byte",
    "nine bytes",
    "twelve bytes and more of them",
];

#[test]
fn the_stream_ends_where_the_whole_reply_fails() {
    for (check, params) in cases() {
        for text in TEXTS {
            let whole = evaluate::<Text>(check, params.clone(), &reply(text)).unwrap();
            for pieces in cuts(text) {
                let (after, action) = watch::<Stream>(check, params.clone(), &pieces).unwrap();
                let failed = whole.passed == Some(false);
                assert_eq!(!matches!(action, Action::Proceed), failed, "{check} {params} {pieces:?}");
                if let Action::Truncate(cut) = action {
                    assert_eq!(cut, whole.evidence[0].start, "{check} {params} {pieces:?}");
                }
                // What ended the stream fails as a reply of its own.
                if let Some(after) = after {
                    let so_far: String = pieces[..after].concat();
                    let judged = evaluate::<Text>(check, params.clone(), &reply(&so_far)).unwrap();
                    assert_eq!(judged.passed, Some(false), "{check} {params} {pieces:?}");
                }
            }
        }
    }
}

#[test]
fn nothing_is_waited_for_that_is_certain() {
    let ends = |check: &str, params: Value, pieces: &[&str]| watch::<Stream>(check, params, pieces).unwrap().0;
    assert_eq!(ends("banned_words", json!({"words": ["hell"]}), &["go to hell", ", you", " all"]), Some(2));
    assert_eq!(ends("banned_words", json!({"words": ["hell"]}), &["go to hell", "o"]), None);
    assert_eq!(ends("content_excludes", json!({"patterns": ["secret"]}), &["the sec", "ret", "is"]), Some(2));
    assert_eq!(ends("max_length", json!({"max": 4}), &["1234", "5", "6"]), Some(2));
    let long = "harmless words ".repeat(1000);
    assert_eq!(ends("content_excludes", json!({"patterns": ["secret"]}), &[&long, "se", "cret", "!"]), Some(3));
}

#[test]
fn params_are_refused_as_by_the_check() {
    for (check, params) in [
        ("banned_words", json!({"words": [""]})),
        ("banned_words", json!({})),
        ("content_excludes", json!({"patterns": "secret"})),
        ("max_length", json!({})),
        ("max_length", json!({"max": 0})),
    ] {
        assert!(validate::<Text>(check, params.clone()).is_err(), "{check} {params}");
        assert!(
            matches!(watch::<Stream>(check, params.clone(), &[]), Err(CheckError::BadParams(_))),
            "{check} {params}"
        );
    }
}
