//! Compositions and guardrails.

use arena_guest::testing::Conversation;
use serde_json::{Value, json};

use crate::{judge, table};

fn composed(output: Value) -> Conversation {
    Conversation::new().user("paper").assistant("done").with_fact(
        "composition",
        json!({
            "steps": {"classify": "{\"type\":\"paper\"}", "meta": {"title": "Deep"}, "blank": ""},
            "branches": {"route": "extract"},
            "parallels": {"meta": true, "more": false},
            "output": output,
        }),
    )
}

#[test]
pub fn compositions() {
    let step = |step: &str, key: &str, text: &str| json!({"step": step, key: text});
    let rows = [
        ("composition_step_output", step("classify", "contains", "\"type\":\"paper\""), 1.0),
        ("composition_step_output", step("classify", "contains", r#"{\"type\":\"paper\"}"#), 1.0),
        ("composition_step_output", step("classify", "contains", "Paper"), 0.0),
        ("composition_step_output", step("classify", "equals", "{\"type\":\"paper\"}"), 1.0),
        ("composition_step_output", step("classify", "equals", "{\"type\""), 0.0),
        ("composition_step_output", step("meta", "equals", "{\"title\":\"Deep\"}"), 1.0),
        ("composition_step_output", step("meta", "contains", "Shallow"), 0.0),
        ("composition_step_output", step("blank", "equals", ""), 1.0),
        ("composition_step_output", json!({"step": "blank"}), 0.0),
        ("composition_step_output", json!({"step": "meta"}), 1.0),
        ("composition_step_output", step("zzz", "contains", "a"), 0.0),
        ("composition_step_output", json!({"step": "classify", "contains": "paper", "equals": "paper"}), 0.0),
        ("composition_output", json!({"contains": "deep learning"}), 1.0),
        ("composition_output", json!({"contains": "Deep Learning"}), 0.0),
        ("composition_output", json!({"equals": "on deep learning"}), 1.0),
        ("composition_output", json!({}), 1.0),
        ("composition_branch_taken", json!({"branch": "route", "expected": "extract"}), 1.0),
        ("composition_branch_taken", json!({"branch": "route", "expected": "extrac"}), 0.0),
        ("composition_branch_taken", json!({"branch": "zzz", "expected": "extract"}), 0.0),
        ("composition_parallel_complete", json!({"parallel": "meta"}), 1.0),
        ("composition_parallel_complete", json!({"parallel": "more"}), 0.0),
        ("composition_parallel_complete", json!({"parallel": "zzz"}), 0.0),
    ];
    table(&rows, || composed(json!("on deep learning")));
    table(&[("composition_output", json!({}), 0.0)], || composed(Value::Null));
    table(&[("composition_output", json!({"equals": "7"}), 1.0)], || composed(json!(7)));
    let rows = [
        ("composition_step_output", json!({"step": "a"}), 0.0),
        ("composition_output", json!({}), 0.0),
        ("composition_branch_taken", json!({"branch": "a", "expected": "b"}), 0.0),
        ("composition_parallel_complete", json!({"parallel": "a"}), 0.0),
    ];
    table(&rows, Conversation::new);
    let verdict = judge("composition_output", json!({"contains": "zzz"}), composed(json!({"a": 1}))).unwrap();
    assert_eq!(verdict.reason, r#"the composition put out "{\"a\":1}"; wanted: something with "zzz""#);
}

/// A guardrail on the output of the first reply, two on the last.
fn guarded() -> Conversation {
    let fired = |validator: &str, direction: &str, action: &str, message: u32| json!({"validator": validator, "direction": direction, "action": action, "message": message});
    Conversation::new()
        .user("swear")
        .assistant("I cannot.")
        .event("guardrail", fired("banned_words", "output", "replace", 1))
        .user("talk")
        .assistant("Too lo")
        .event("guardrail", fired("length", "output", "truncate", 3))
        .event("guardrail", fired("regex", "input", "block", 3))
}

#[test]
pub fn guardrails() {
    let rows = [
        ("guardrail_triggered", json!({"validator_type": "length"}), 1.0),
        ("guardrail_triggered", json!({"validator": "length", "should_trigger": true}), 1.0),
        ("guardrail_triggered", json!({"guardrail": "length", "should_trigger": false}), 0.0),
        ("guardrail_triggered", json!({"validator": "max_length"}), 0.0),
        ("guardrail_triggered", json!({"validator": "banned_words"}), 0.0),
        ("guardrail_triggered", json!({"validator": "banned_words", "should_trigger": false}), 1.0),
        ("guardrail_triggered", json!({"validator": "length", "direction": "output"}), 1.0),
        ("guardrail_triggered", json!({"validator": "length", "direction": "input"}), 0.0),
        ("guardrail_triggered", json!({"validator": "regex", "direction": "input"}), 1.0),
        ("guardrail_triggered", json!({"validator": "regex", "direction": "both"}), 1.0),
        ("guardrail_triggered", json!({"validator": "regex", "direction": "output", "should_trigger": false}), 1.0),
    ];
    table(&rows, guarded);
    table(&[("guardrail_triggered", json!({"validator": "length"}), 0.0)], Conversation::new);
    let verdict = judge("guardrail_triggered", json!({"validator": "length"}), guarded()).unwrap();
    assert_eq!(verdict.reason, r#""length" acted on the output of the last reply: "truncate""#);
    let span = &verdict.evidence[0];
    assert_eq!((span.message, span.start, span.end), (3, 0, 6));
}
