//! States, transitions and what may be called when.

use arena_guest::testing::Conversation;
use serde_json::json;

use crate::{judge, table};

/// From intake over support to closed, where nothing is said.
fn flow() -> Conversation {
    Conversation::new()
        .user("help")
        .assistant("Let me see.")
        .event("state", json!({"message": 1, "state": "intake"}))
        .tool_call("lookup", "{}", Ok("found"))
        .tool_call("workflow__transition", r#"{"event":"Escalate"}"#, Ok("ok"))
        .event("transition", json!({"from": "intake", "to": "support", "event": "Escalate", "message": 1}))
        .assistant("I am support.")
        .event("state", json!({"message": 2, "state": "support"}))
        .user("done")
        .assistant("")
        .tool_call("refund", "{}", Ok("done"))
        .tool_call("workflow__transition", r#"{"event":"Close"}"#, Ok("ok"))
        .event("transition", json!({"from": "support", "to": "closed", "event": "Close", "message": 4}))
        .with_fact(
            "workflow",
            json!({"state": "closed", "complete": true, "entry": "intake", "visits": {"intake": 1}, "artifacts": {}}),
        )
}

fn begun() -> Conversation {
    let workflow = json!({"state": "intake", "complete": false, "entry": "intake", "visits": {}, "artifacts": {}});
    Conversation::new()
        .user("help")
        .assistant("")
        .tool_call("lookup", "{}", Ok("found"))
        .with_fact("workflow", workflow)
}

#[test]
pub fn golden() {
    let rule = |state: &str, allowed: &[&str]| json!({"state": state, "allowed": allowed});
    let rules = |rules: &[_]| json!({"rules": rules});
    let rows = [
        ("state_is", json!({"state": "closed"}), 1.0),
        ("workflow_state_is", json!({"state": "CLOSED"}), 0.0),
        ("transitioned_to", json!({"state": "support"}), 1.0),
        ("workflow_transitioned_to", json!({"state": "closed"}), 1.0),
        ("transitioned_to", json!({"state": "intake"}), 0.0),
        ("workflow_complete", json!({}), 1.0),
        ("workflow_transition_order", json!({"sequence": ["support", "closed"]}), 1.0),
        ("workflow_transition_order", json!({"sequence": ["closed"]}), 1.0),
        ("workflow_transition_order", json!({"sequence": ["support", "zzz", "closed"]}), 1.0 / 3.0),
        ("workflow_transition_order", json!({"sequence": ["intake", "support"]}), 0.0),
        ("spoke_in_state", json!({"state": "support"}), 1.0),
        ("spoke_in_state", json!({"state": "closed"}), 0.0),
        ("workflow_tool_access", rules(&[rule("intake", &["lookup", "workflow__transition"])]), 1.0),
        ("workflow_tool_access", rules(&[rule("intake", &["lookup"])]), 0.0),
        ("workflow_tool_access", rules(&[rule("support", &["refund", "workflow__transition"])]), 1.0),
        ("workflow_tool_access", rules(&[rule("support", &["workflow__transition"])]), 0.0),
        ("workflow_tool_access", rules(&[rule("closed", &[])]), 1.0),
        ("workflow_tool_access", rules(&[rule("zzz", &[])]), 1.0),
    ];
    table(&rows, flow);
    let rows = [
        ("state_is", json!({"state": "intake"}), 1.0),
        ("transitioned_to", json!({"state": "intake"}), 0.0),
        ("workflow_complete", json!({}), 0.0),
        ("workflow_transition_order", json!({"sequence": ["intake"]}), 0.0),
        ("spoke_in_state", json!({"state": "intake"}), 0.0),
        ("workflow_tool_access", rules(&[rule("intake", &[])]), 0.0),
        ("workflow_tool_access", rules(&[rule("intake", &["lookup"])]), 1.0),
    ];
    table(&rows, begun);
    let rows = [
        ("state_is", json!({"state": "closed"}), 0.0),
        ("transitioned_to", json!({"state": "closed"}), 0.0),
        ("workflow_complete", json!({}), 0.0),
        ("workflow_transition_order", json!({"sequence": ["closed"]}), 0.0),
        ("spoke_in_state", json!({"state": "closed"}), 0.0),
        ("workflow_tool_access", rules(&[rule("closed", &[])]), 0.0),
    ];
    table(&rows, Conversation::new);
}

#[test]
pub fn reasons_and_evidence() {
    let reason = |check, params| judge(check, params, flow()).unwrap().reason;
    assert_eq!(reason("state_is", json!({"state": "intake"})), r#"the workflow is in "closed", not in "intake""#);
    assert_eq!(
        reason("transitioned_to", json!({"state": "zzz"})),
        r#"the workflow never went to "zzz"; it went to "support", "closed""#
    );
    assert_eq!(
        reason("workflow_transition_order", json!({"sequence": ["support", "zzz"]})),
        r#"1 of 2 states in order, missing "zzz"; it went to "support", "closed""#
    );
    let rules = json!({"rules": [{"state": "support", "allowed": []}]});
    assert_eq!(
        reason("workflow_tool_access", rules),
        r#"2 of 4 calls are not allowed: "refund in support, message 4", "workflow__transition in support, message 4""#
    );
    let verdict = judge("transitioned_to", json!({"state": "a"}), begun()).unwrap();
    assert_eq!(verdict.reason, r#"the workflow never went to "a"; it went nowhere"#);
    let verdict = judge("spoke_in_state", json!({"state": "support"}), flow()).unwrap();
    let span = &verdict.evidence[0];
    assert_eq!((span.message, span.start, span.end), (2, 0, 13));
}
