//! What passes and what fails, with the score.

use serde_json::{Value, json};

use crate::{outcome, skilled, talk};

fn table(rows: &[(&str, Value, f64)], conversation: impl Fn() -> arena_guest::testing::Conversation) {
    for (check, params, score) in rows {
        let (got, passed, reason) = outcome(check, params.clone(), conversation());
        assert!((got - score).abs() < 1e-9, "{check} {params}: {got} {reason}");
        assert_eq!(passed, *score == 1.0, "{check} {params}: {reason}");
    }
}

#[test]
pub fn called_or_not() {
    let rows = [
        ("tools_called", json!({"tool_names": ["search", "fetch"]}), 1.0),
        ("tool_called", json!({"tools": ["search"], "max_calls": 1}), 1.0),
        ("tools_called", json!({"tool_names": ["search", "zzz"]}), 0.5),
        ("tools_called", json!({"tool_names": ["SEARCH"]}), 0.0),
        ("tools_called", json!({"tool_names": ["fetch"], "min_calls": 2}), 0.0),
        ("tools_called", json!({"tool_names": ["zzz"], "min_calls": 0, "max_calls": 0}), 1.0),
        ("tools_called", json!({"tool_names": ["search", "zzz"], "min_calls": 0, "max_calls": 0}), 0.0),
        ("tools_called", json!({"tool_names": ["search"], "require_args": true}), 1.0),
        ("tools_called_session", json!({"tool_names": ["fetch"], "min_calls": 2}), 1.0),
        ("tools_called_session", json!({"tools": ["fetch", "zzz"]}), 0.5),
        ("tools_not_called", json!({"tool_names": ["zzz"]}), 1.0),
        ("tools_not_called", json!({"tools": ["zzz", "fetch"]}), 0.0),
        ("tools_not_called_session", json!({"tools": ["zzz"]}), 1.0),
        ("tools_not_called_session", json!({"tool_names": ["search"]}), 0.0),
        ("agent_invoked", json!({"agents": ["a2a__billing__tell"]}), 1.0),
        ("agent_invoked", json!({"agent_names": ["a2a__billing__tell", "a2a__sales__tell"]}), 0.5),
        ("agent_not_invoked", json!({"agents": ["a2a__sales__tell"]}), 1.0),
        ("agent_not_invoked", json!({"agents": ["a2a__billing__tell"]}), 0.0),
        ("agent_response_contains", json!({"agent": "a2a__billing__tell", "contains": "Refund"}), 1.0),
        ("agent_response_contains", json!({"agent": "a2a__billing__tell", "contains": "refund"}), 0.0),
        ("agent_response_contains", json!({"agent_name": "zzz", "contains": "Refund"}), 0.0),
    ];
    table(&rows, talk);
}

#[test]
pub fn arguments() {
    let forbid = |args: Value| json!({"tool_name": "fetch", "forbidden_args": args});
    let rows = [
        ("tool_args", json!({"tool_name": "fetch", "expected_args": {"id": "7", "deep": true}}), 1.0),
        ("tool_args", json!({"tool_name": "fetch", "expected_args": {"id": 8}}), 0.0),
        ("tool_args", json!({"tool_name": "search", "expected_args": {"id": 7}}), 0.0),
        ("tool_args", json!({"tool_name": "zzz", "expected_args": {"id": 7}}), 0.0),
        ("tool_args_session", json!({"tool_name": "search", "expected_args": {"query": "order"}}), 1.0),
        ("tool_args_session", json!({"tool_name": "search", "expected_args": {"query": "orders"}}), 0.0),
        ("tool_args_session", json!({"tool_name": "zzz", "expected_args": {"query": "order"}}), 0.0),
        ("tool_args_excluded_session", json!({"tool_name": "fetch", "excluded_args": {"id": 8}}), 1.0),
        ("tool_args_excluded_session", json!({"tool_name": "fetch", "excluded_args": {"id": "7"}}), 0.0),
        ("tools_not_called_with_args", forbid(json!({"id": [8, 9], "zzz": ["7"]})), 1.0),
        ("tools_not_called_with_args", forbid(json!({"id": [9, 7]})), 0.0),
        ("tools_not_called_with_args", forbid(json!({"deep": true})), 0.0),
        ("tools_not_called_with_args", json!({"tool_name": "zzz", "forbidden_args": {"id": [7]}}), 1.0),
        ("tool_calls_with_args", json!({"tool_name": "fetch", "expected_args": {"id": 7}}), 1.0),
        ("tool_calls_with_args", json!({"tool_name": "fetch", "expected_args": {"id": null}}), 1.0),
        ("tool_calls_with_args", json!({"tool_name": "fetch", "expected_args": {"deep": null}}), 0.0),
        ("tool_calls_with_args", json!({"tool_name": "fetch", "args_match": {"id": "^\\d$"}}), 1.0),
        ("tool_calls_with_args", json!({"tool_name": "fetch", "args_match": {"id": "8"}}), 0.0),
        ("tool_calls_with_args", json!({"tool_name": "fetch", "args_match": {"deep": "."}}), 0.0),
        ("tool_calls_with_args", json!({"tool_name": "fetch", "no_error": true}), 0.0),
        ("tool_calls_with_args", json!({"tool_name": "search", "no_error": true}), 1.0),
        ("tool_calls_with_args", json!({"tool_name": "search", "result_includes": ["results", "a7"]}), 1.0),
        ("tool_calls_with_args", json!({"tool_name": "fetch", "result_includes": ["shipped"]}), 0.0),
        ("tool_calls_with_args", json!({"tool_name": "search", "result_matches": "[0-9] Results"}), 1.0),
        ("tool_calls_with_args", json!({"tool_name": "search", "result_matches": "results"}), 0.0),
        ("tool_calls_with_args", json!({"tool_name": "zzz"}), 0.0),
        ("tool_calls_with_args", json!({"tool_name": "fetch"}), 1.0),
        ("tool_calls_with_args", json!({"result_matches": "."}), 1.0),
        ("invariant_fields_preserved", json!({"tool": "fetch", "fields": ["id"]}), 1.0),
        ("invariant_fields_preserved", json!({"tool": "fetch", "fields": ["id", "deep", "zzz", "deep"]}), 0.5),
        ("invariant_fields_preserved", json!({"tool": "search", "fields": ["id"]}), 1.0),
    ];
    table(&rows, talk);
}

#[test]
pub fn order() {
    let steps = |steps: Value| json!({"steps": steps});
    let search =
        json!({"tool": "search", "result_includes": ["RESULTS"], "args_match": {"query": "^order$"}, "no_error": true});
    let rows = [
        ("tool_call_sequence", json!({"sequence": ["search", "fetch", "fetch"]}), 1.0),
        ("tool_call_sequence", json!({"sequence": ["fetch", "search"]}), 0.5),
        ("tool_call_sequence", json!({"sequence": ["zzz", "search"]}), 0.0),
        ("tool_call_chain", steps(json!([search, {"tool": "a2a__billing__tell", "result_matches": "^R"}])), 1.0),
        ("tool_call_chain", json!({"chain": [search]}), 1.0),
        ("tool_call_chain", steps(json!([search, {"tool": "fetch", "no_error": true}])), 0.5),
        ("tool_call_chain", steps(json!([search, {"tool": "zzz"}])), 0.5),
        ("tool_call_chain", steps(json!([{"tool": "search", "args_match": {"limit": "6"}}])), 0.0),
        ("tool_call_chain", steps(json!([{"tool": "search", "args_match": {"zzz": "6"}}])), 0.0),
        ("tool_call_chain", steps(json!([{"tool": "search", "result_matches": "^Results"}])), 0.0),
        ("tool_call_chain", steps(json!([{"tool": "search", "result_includes": ["zzz"]}])), 0.0),
        ("tool_anti_pattern", json!({"patterns": [{"sequence": ["fetch", "search"]}]}), 1.0),
        ("tool_anti_pattern", json!({"patterns": [{"sequence": ["search", "fetch"], "message": "slow"}]}), 0.0),
        ("tool_no_repeat", json!({}), 0.0),
        ("tool_no_repeat", json!({"tools": ["search"]}), 1.0),
        ("tool_no_repeat", json!({"tools": ["fetch"]}), 0.0),
        ("tool_no_repeat", json!({"max_repeats": 2}), 1.0),
    ];
    table(&rows, talk);
    let rows = [
        ("skill_activated", json!({"skill_names": ["pci", "refund"]}), 1.0),
        ("skill_activated", json!({"skill_names": ["pci", "broken"]}), 0.5),
        ("skill_activated", json!({"skill_names": ["pci"], "min_calls": 2}), 0.0),
        ("skill_not_activated", json!({"skill_names": ["broken", "zzz"]}), 1.0),
        ("skill_not_activated", json!({"skill_names": ["refund"]}), 0.0),
        ("skill_activation_order", json!({"sequence": ["pci", "refund"]}), 1.0),
        ("skill_activation_order", json!({"sequence": ["refund", "pci"]}), 0.5),
        ("skill_activation_order", json!({"sequence": ["broken"]}), 0.0),
    ];
    table(&rows, skilled);
}

#[test]
pub fn amounts_and_results() {
    let rows = [
        ("tool_call_count", json!({"min": 5, "max": 5}), 1.0),
        ("tool_call_count", json!({"tool": "fetch", "max": 2}), 1.0),
        ("tool_call_count", json!({"tool": "fetch", "min": 3}), 0.0),
        ("tool_call_count", json!({"max": 4}), 0.0),
        ("tool_call_count", json!({"tool": "zzz", "max": 0}), 1.0),
        ("tool_efficiency", json!({"max_errors": 1}), 1.0),
        ("tool_efficiency", json!({"max_error_rate": 0.2}), 1.0),
        ("tool_efficiency", json!({"max_errors": 0}), 0.0),
        ("tool_efficiency", json!({"max_error_rate": 0.1}), 0.0),
        ("tool_efficiency", json!({"max_calls": 4}), 0.0),
        ("no_tool_errors", json!({"tools": ["search"]}), 1.0),
        ("no_tool_errors", json!({}), 0.8),
        ("no_tool_errors", json!({"tools": ["fetch"]}), 0.8),
        ("tool_result_includes", json!({"tool": "search", "patterns": ["results", "a7"]}), 1.0),
        ("tool_result_includes", json!({"tool_name": "search", "patterns": ["results", "zzz"]}), 0.0),
        ("tool_result_includes", json!({"patterns": ["5"], "occurrence": 1}), 1.0),
        ("tool_result_includes", json!({"patterns": ["re"], "occurrence": 3}), 0.0),
        ("tool_result_matches", json!({"tool": "fetch", "pattern": "\"state\": \"\\w+\""}), 1.0),
        ("tool_result_matches", json!({"tool_name": "fetch", "pattern": "\\d", "occurrence": 2}), 1.0),
        ("tool_result_matches", json!({"pattern": "^Refund", "occurrence": 2}), 0.0),
    ];
    table(&rows, talk);
    table(&[("no_tool_errors", json!({}), 1.0), ("tool_efficiency", json!({"max_calls": 0}), 1.0)], Default::default);
}

#[test]
pub fn outcomes() {
    let all = ["search", "fetch", "a2a__billing__tell", "skill__activate"];
    let content = |text: &str| json!({"check": "similar_content", "baseline_content": text});
    let rows = [
        ("outcome_equivalent", json!({"metric": "tool_calls", "expected_tools": all}), 1.0),
        ("outcome_equivalent", json!({"metric": "tool_calls", "expected_tools": all[..3]}), 0.0),
        ("outcome_equivalent", json!({"metric": "tool_calls", "expected_tools": []}), 0.0),
        ("outcome_equivalent", json!({"metric": "final_state", "expected_state": "closed"}), 1.0),
        ("outcome_equivalent", json!({"metric": "final_state", "expected_state": "open"}), 0.0),
        ("outcome_equivalent", json!({"metric": "content_hash", "expected_content": "The order is shipped."}), 1.0),
        ("outcome_equivalent", json!({"metric": "content_hash", "expected_content": "the order is shipped."}), 0.0),
        ("directional", json!({"check": "same_tool_calls", "baseline_tools": all}), 1.0),
        ("directional", json!({"check": "same_tool_calls", "baseline_tools": ["search"]}), 0.0),
        ("directional", json!({"check": "same_outcome", "baseline_state": "closed"}), 1.0),
        ("directional", json!({"check": "same_outcome", "baseline_state": "open"}), 0.0),
        ("directional", content("the ORDER is  shipped."), 1.0),
        ("directional", content("nothing in common"), 0.0),
        ("directional", content("Order lost"), 0.2),
    ];
    table(&rows, talk);
    let nowhere = json!({"metric": "final_state", "expected_state": "open"});
    table(&[("outcome_equivalent", nowhere, 0.0), ("directional", content(""), 1.0)], Default::default);
}
