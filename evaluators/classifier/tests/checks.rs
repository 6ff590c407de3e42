//! Each check through the component's own dispatch: pass, fail, error, wrong type of parameter, nobody asked.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use arena_evaluator_classifier::Component;
use arena_guest::testing::{Conversation, evaluate, lacking, validate};
use arena_guest::{CheckError, Subject};
use serde_json::{Value, json};

const CHECKS: [&str; 4] = ["audio_emotion", "image_moderation", "text_toxicity", "text_sentiment"];

fn told(check: &str, labels: Value) -> Subject<'static> {
    let detail =
        json!({"check": check, "model": "m", "classifier": "c", "role": "assistant", "index": -1, "labels": labels});
    Subject::test(Conversation::new().user("question").assistant("reply").event("classification", detail))
}

#[test]
fn the_score_of_the_label_counts() {
    let labels = json!([{"label": "calm", "score": 0.25}, {"label": "Angry", "score": 1.0}]);
    for check in CHECKS {
        let score = |label: &str| {
            evaluate::<Component>(check, json!({"expected_label": label}), &told(check, labels.clone())).unwrap()
        };
        assert_eq!((score("angry").score, score("angry").passed), (Some(1.0), Some(true)), "{check}");
        assert_eq!(score("calm").score, Some(0.25), "{check}");
        assert_eq!(score("sad").score, Some(0.0), "{check}");
        assert!(score("calm").reason.contains("\"Angry\" 1.000, \"calm\" 0.250"), "{}", score("calm").reason);
    }
}

#[test]
fn what_was_not_asked_is_skipped_and_what_cannot_be_read_is_an_error() {
    for check in CHECKS {
        let other = json!({"expected_label": "x", "classifier_id": "another"});
        let skipped = evaluate::<Component>(check, other, &told(check, json!([]))).unwrap_err();
        assert!(matches!(skipped, CheckError::NotApplicable(_)), "{check}: {skipped:?}");
        let broken = evaluate::<Component>(check, json!({"expected_label": "x"}), &told(check, json!("none")));
        assert!(matches!(broken, Err(CheckError::Other(_))), "{check}: {broken:?}");
    }
}

#[test]
fn params_that_do_not_suit_are_errors() {
    for check in CHECKS {
        for (params, want) in [
            (json!({}), "missing parameter `expected_label`"),
            (json!({"expected_label": 1}), "expected text"),
            (json!({"expected_label": ""}), "is empty"),
            (json!({"expected_label": "x", "message_role": "tool"}), "unknown value `tool`"),
        ] {
            let why = validate::<Component>(check, params.clone()).unwrap_err();
            assert!(why.contains(want), "{check} {params}: {why}");
        }
    }
}

#[test]
fn every_check_is_seen_to_pass_fail_err_and_refuse() {
    the_score_of_the_label_counts();
    what_was_not_asked_is_skipped_and_what_cannot_be_read_is_an_error();
    params_that_do_not_suit_are_errors();
    assert_eq!(lacking::<Component>(), Vec::<String>::new());
}
