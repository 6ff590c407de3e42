//! The logic, natively: no sandbox needed.

use arena_guest::testing::{Conversation, evaluate, validate};
use arena_guest::{CheckError, Subject, Verdict};
use polite_evaluator::Component;
use serde_json::{Value, json};

fn judge(replies: &[&str], params: Value) -> Result<Verdict, CheckError> {
    let ask = |talk: Conversation, reply: &&str| talk.user("and?").assistant(reply);
    let talk = replies.iter().fold(Conversation::new(), ask);
    evaluate::<Component>("no_apology_loop", params, &Subject::test(talk))
}

#[test]
fn one_apology_is_fine_and_a_loop_is_not() {
    for (replies, passed, score) in [
        (&["Done.", "Welcome."][..], true, 1.0),
        (&["I am SORRY.", "Done."], true, 1.0),
        (&["Sorry.", "I apologise."], false, 0.5),
        (&["Sorry.", "Done.", "Sorry."], false, 0.5),
    ] {
        let verdict = judge(replies, json!({"max": 1})).unwrap();
        assert_eq!((verdict.passed, verdict.score), (Some(passed), Some(score)), "{replies:?}");
    }
}

#[test]
fn two_in_a_row_fail_however_many_are_allowed() {
    let verdict = judge(&["Sorry.", "Sorry."], json!({"max": 5})).unwrap();
    assert_eq!((verdict.passed, verdict.score), (Some(false), Some(0.5)));
    assert!(verdict.reason.contains("in a row"), "{}", verdict.reason);
}

#[test]
fn evidence_points_at_the_first_apology_of_each_reply() {
    let verdict = judge(&["Größe? I'm so Sorry, sorry."], json!({"max": 1})).unwrap();
    let [span] = verdict.evidence.as_slice() else { panic!("{:?}", verdict.evidence) };
    let text = "Größe? I'm so Sorry, sorry.";
    assert_eq!((span.message, &text[span.start as usize..span.end as usize]), (1, "Sorry"));
}

#[test]
fn words_can_be_given() {
    let verdict = judge(&["Pardon me.", "Sorry."], json!({"max": 0, "words": ["pardon"]})).unwrap();
    assert_eq!((verdict.passed, verdict.evidence.len()), (Some(false), 1));
}

#[test]
fn wrong_params_are_refused_before_anything_runs() {
    for (params, part) in [(json!({}), "max"), (json!({"max": -1}), "max"), (json!({"max": 1, "words": []}), "words")] {
        let error = validate::<Component>("no_apology_loop", params).unwrap_err();
        assert!(error.contains(part), "{error}");
    }
    assert!(validate::<Component>("no_apology_loop", json!({"max": 0})).is_ok());
}

#[test]
fn a_conversation_without_a_reply_is_not_judged() {
    assert!(matches!(judge(&[], json!({"max": 1})), Err(CheckError::NotApplicable(_))));
}
