//! Each check through the component's own dispatch: pass, fail, error, wrong type of parameter.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod around;
mod states;

use arena_evaluator_workflow::Component;
use arena_guest::testing::{Conversation, evaluate, validate};
use arena_guest::{CheckError, Evaluator as _, Subject, Verdict};
use serde_json::{Value, json};

fn judge(check: &str, params: Value, conversation: Conversation) -> Result<Verdict, CheckError> {
    evaluate::<Component>(check, params, &Subject::test(conversation))
}

fn table(rows: &[(&str, Value, f64)], conversation: impl Fn() -> Conversation) {
    for (check, params, score) in rows {
        let verdict = judge(check, params.clone(), conversation()).unwrap_or_else(|error| panic!("{check}: {error:?}"));
        let passed = verdict.passed.unwrap();
        assert!((verdict.score.unwrap() - score).abs() < 1e-9, "{check} {params}: {:?}", verdict);
        assert_eq!(passed, *score == 1.0, "{check} {params}: {}", verdict.reason);
    }
}

#[test]
fn params_that_do_not_suit_are_errors_before_and_during() {
    for (check, params, want) in [
        ("state_is", json!({}), "missing parameter `state`"),
        ("state_is", json!({"state": 1}), "parameter `state`: expected text"),
        ("workflow_state_is", json!({"state": ""}), "parameter `state`: is empty"),
        ("transitioned_to", json!({"name": "a"}), "missing parameter `state`"),
        ("transitioned_to", json!({"state": ["a"]}), "expected text"),
        ("spoke_in_state", json!({"state": ""}), "is empty"),
        ("spoke_in_state", json!({"state": true}), "expected text"),
        ("workflow_transition_order", json!({}), "missing parameter `sequence`"),
        ("workflow_transition_order", json!({"sequence": []}), "give at least one state"),
        ("workflow_transition_order", json!({"sequence": "a"}), "expected a list"),
        ("workflow_transition_order", json!({"sequence": [""]}), "is empty"),
        ("workflow_tool_access", json!({"rules": []}), "give at least one rule"),
        (
            "workflow_tool_access",
            json!({"rules": [{"state": "a"}]}),
            "parameter `rules[0]`: missing parameter `allowed`",
        ),
        ("workflow_tool_access", json!({"rules": [{"state": "a", "allowed": "x"}]}), "expected a list"),
        ("workflow_tool_access", json!({"rules": [{"state": "", "allowed": []}]}), "is empty"),
        (
            "workflow_tool_access",
            json!({"rules": [{"state": "a", "allowed": []}, {"state": "a", "allowed": ["x"]}]}),
            "two rules for the state \"a\"",
        ),
        ("composition_step_output", json!({"contains": "a"}), "missing parameter `step`"),
        ("composition_step_output", json!({"step": ""}), "parameter `step`: is empty"),
        ("composition_step_output", json!({"step": "a", "contains": ""}), "parameter `contains`: is empty"),
        ("composition_step_output", json!({"step": "a", "equals": 1}), "expected text"),
        ("composition_output", json!({"contains": ["a"]}), "expected text"),
        ("composition_output", json!({"contains": ""}), "parameter `contains`: is empty"),
        ("composition_branch_taken", json!({"branch": "a", "expected": ""}), "parameter `expected`: is empty"),
        ("composition_branch_taken", json!({"branch": "", "expected": "a"}), "parameter `branch`: is empty"),
        ("composition_branch_taken", json!({"branch": "a", "value": "b"}), "missing parameter `expected`"),
        ("composition_branch_taken", json!({"branch": 1, "expected": "a"}), "expected text"),
        ("composition_parallel_complete", json!({"parallel": ""}), "parameter `parallel`: is empty"),
        ("composition_parallel_complete", json!({"parallel": []}), "expected text"),
        ("guardrail_triggered", json!({"name": "length"}), "missing parameter `validator_type`"),
        ("guardrail_triggered", json!({"validator": ""}), "is empty"),
        ("guardrail_triggered", json!({"validator": "length", "should_trigger": "yes"}), "expected true or false"),
        ("guardrail_triggered", json!({"validator": "length", "direction": "up"}), "unknown value `up`"),
    ] {
        let error = validate::<Component>(check, params.clone()).unwrap_err();
        assert!(error.contains(want), "{check} {params}: {error}");
        let error = judge(check, params, Conversation::new()).unwrap_err();
        assert!(matches!(error, CheckError::BadParams(_)), "{check}");
    }
}

#[test]
fn records_of_another_shape_are_errors() {
    let odd = || {
        Conversation::new()
            .user("hi")
            .assistant("hello")
            .with_fact("workflow", json!({"state": "a", "complete": false, "entry": "a"}))
            .with_fact("composition", json!({"branches": {"a": 1}}))
            .event("transition", json!({"to": "b"}))
            .event("state", json!({"state": "a"}))
            .event("guardrail", json!({"validator": "length"}))
    };
    for (check, params, want) in [
        ("transitioned_to", json!({"state": "b"}), "event `transition`"),
        ("workflow_transition_order", json!({"sequence": ["b"]}), "event `transition`"),
        ("workflow_tool_access", json!({"rules": [{"state": "a", "allowed": []}]}), "event `transition`"),
        ("spoke_in_state", json!({"state": "a"}), "event `state`"),
        ("composition_output", json!({}), "fact `composition`"),
        ("guardrail_triggered", json!({"validator": "length", "should_trigger": false}), "event `guardrail`"),
    ] {
        let error = judge(check, params, odd()).unwrap_err();
        assert!(matches!(&error, CheckError::Other(text) if text.contains(want)), "{check}: {error:?}");
    }
    let error =
        judge("workflow_complete", json!({}), Conversation::new().with_fact("workflow", json!(true))).unwrap_err();
    assert!(matches!(&error, CheckError::Other(text) if text.contains("fact `workflow`")), "{error:?}");
}

#[test]
fn metadata_names_every_check() {
    let metadata: Value = serde_json::from_str(Component::METADATA).unwrap();
    let checks = metadata["checks"].as_array().unwrap();
    let aliases: Vec<_> = checks.iter().filter(|check| check["aliases"] != json!([])).collect();
    assert_eq!((checks.len(), aliases.len()), (11, 2));
    assert_eq!(aliases[0]["aliases"], json!(["workflow_state_is"]));
    assert_eq!(checks[10]["params"]["properties"]["direction"]["enum"], json!(["input", "output", "both"]));
}

#[test]
fn every_check_is_seen_to_pass_fail_err_and_refuse() {
    around::compositions();
    around::guardrails();
    states::golden();
    states::reasons_and_evidence();
    params_that_do_not_suit_are_errors_before_and_during();
    records_of_another_shape_are_errors();
    assert_eq!(arena_guest::testing::lacking::<Component>(), Vec::<String>::new());
}
