//! What a table does not show: scope, words beside scores, reasons and their bounds, the metadata.

use arena_evaluator_tools::Component;
use arena_guest::testing::Conversation;
use arena_guest::{CheckError, Evaluator as _};
use serde_json::{Value, json};

use crate::{judge, outcome, talk};

#[test]
pub fn a_turn_sees_its_own_calls_and_the_transcript_all() {
    for (check, params, turn, transcript) in [
        ("tools_called", json!({"tool_names": ["search"]}), false, true),
        ("tools_not_called", json!({"tool_names": ["search"]}), true, false),
        ("tool_args", json!({"tool_name": "search", "expected_args": {"limit": 5}}), false, true),
        ("tool_calls_with_args", json!({"no_error": true}), true, false),
        ("tool_call_count", json!({"max": 2}), true, false),
        ("tool_call_sequence", json!({"sequence": ["search"]}), false, true),
        ("tool_call_chain", json!({"steps": [{"tool": "search"}]}), false, true),
        ("tool_anti_pattern", json!({"patterns": [{"sequence": ["search"]}]}), true, false),
        ("tool_no_repeat", json!({}), true, false),
        ("tool_efficiency", json!({"max_errors": 0}), true, false),
        ("no_tool_errors", json!({}), true, false),
        ("tool_result_includes", json!({"patterns": ["results"]}), false, true),
        ("tool_result_matches", json!({"pattern": "Results"}), false, true),
        ("invariant_fields_preserved", json!({"tool": "fetch", "fields": ["deep"]}), true, false),
        ("agent_invoked", json!({"agents": ["search"]}), false, true),
        ("agent_not_invoked", json!({"agents": ["search"]}), true, false),
        ("agent_response_contains", json!({"agent": "search", "contains": "A7"}), false, true),
        (
            "outcome_equivalent",
            json!({"metric": "tool_calls", "expected_tools": ["a2a__billing__tell", "skill__activate"]}),
            true,
            false,
        ),
        (
            "directional",
            json!({"check": "same_tool_calls", "baseline_tools": ["a2a__billing__tell", "skill__activate"]}),
            true,
            false,
        ),
    ] {
        let passed = |params: &Value, scope: Option<&str>| {
            let mut params = params.clone();
            if let Some(scope) = scope {
                params["scope"] = json!(scope);
            }
            outcome(check, params, talk()).1
        };
        assert_eq!(passed(&params, Some("turn")), turn, "{check} of the turn");
        assert_eq!(passed(&params, Some("transcript")), transcript, "{check} of the transcript");
        assert_eq!(passed(&params, None), transcript, "{check} without a scope");
    }
}

#[test]
pub fn a_check_of_the_conversation_stands_under_no_turn() {
    let conversation =
        Conversation::new().user("a").assistant("").tool_call("search", "{}", Ok("")).user("b").assistant("");
    let params = json!({"tool_names": ["search"], "scope": "turn"});
    assert!(outcome("tools_called", params.clone(), conversation.clone()).1);
    assert!(!outcome("tools_called", params.clone(), conversation.clone().at_turn(1)).1);
    assert!(outcome("tools_called_session", params, conversation.at_turn(1)).1, "the session has no other scope");
}

#[test]
pub fn within_limits_is_a_pass_whatever_is_left() {
    let (score, passed, reason) = outcome("tool_efficiency", json!({"max_calls": 10, "max_errors": 1}), talk());
    assert_eq!((score, passed, reason.as_str()), (0.5, true, "5 calls, 1 failed"));
    let (score, passed, _) = outcome("tool_efficiency", json!({"max_calls": 5}), talk());
    assert_eq!((score, passed), (0.0, true));
    let params = json!({"check": "similar_content", "baseline_content": "Order lost", "threshold": 0.2});
    let (score, passed, _) = outcome("directional", params, talk());
    assert_eq!((score, passed), (0.2, true));
}

#[test]
pub fn calls_without_arguments_and_calls_refused() {
    let conversation = || Conversation::new().user("a").assistant("").tool_call("list", "{}", Ok("x"));
    assert!(!outcome("tools_called", json!({"tools": ["list"], "require_args": true}), conversation()).1);
    let refused = || conversation().tool_call("list", r#"{"page":"one"}"#, Err("page must be a number"));
    let params = json!({"tools": ["list"], "min_calls": 2, "ignore_validation": true});
    let error = judge("tools_called", params.clone(), refused()).unwrap_err();
    assert!(matches!(error, CheckError::Other(text) if text.contains("not known why a call of \"list\" failed")));
    let because = |kind: &str| refused().event("tool_failure", json!({"call": "call_1", "kind": kind}));
    assert!(outcome("tools_called", params.clone(), because("validation")).1);
    assert!(!outcome("tools_called", params, because("execution")).1);
    assert!(!outcome("tools_called", json!({"tools": ["list"], "min_calls": 2}), because("validation")).1);
}

#[test]
pub fn media_are_those_of_the_call_that_is_answered() {
    let conversation = || {
        Conversation::new()
            .user("draw")
            .assistant("")
            .tool_call("draw", "{}", Ok("here"))
            .tool_result("here")
            .media("image", "image/png")
            .assistant("")
            .tool_call("read", "{}", Ok("text"))
            .tool_result("text")
            .media("text", "text/plain")
            .assistant("done")
    };
    for (check, params, passed) in [
        ("tool_result_has_media", json!({"tool": "draw", "media_type": "Image"}), true),
        ("tool_result_has_media", json!({"media_type": "image"}), true),
        ("tool_result_has_media", json!({"tool": "draw", "media_type": "audio"}), false),
        ("tool_result_has_media", json!({"tool_name": "read", "media_type": "image"}), false),
        ("tool_result_media_type", json!({"tool": "draw", "mime_type": "IMAGE/png"}), true),
        ("tool_result_media_type", json!({"tool": "draw", "media_type": "image/jpeg"}), false),
        ("tool_result_media_type", json!({"tool": "read", "mime_type": "text/plain"}), false),
    ] {
        let (score, word, reason) = outcome(check, params.clone(), conversation());
        assert_eq!((word, score), (passed, f64::from(u8::from(passed))), "{check} {params}: {reason}");
    }
}

#[test]
pub fn nothing_to_compare_with_is_no_pass() {
    for (check, params) in [
        ("outcome_equivalent", json!({"metric": "tool_calls"})),
        ("outcome_equivalent", json!({"metric": "final_state", "expected_tools": []})),
        ("outcome_equivalent", json!({"metric": "content_hash"})),
        ("directional", json!({"check": "same_tool_calls"})),
        ("directional", json!({"check": "same_outcome"})),
        ("directional", json!({"check": "similar_content", "threshold": 1})),
    ] {
        let error = judge(check, params.clone(), talk()).unwrap_err();
        assert!(matches!(error, CheckError::NotApplicable(_)), "{check} {params}: {error:?}");
    }
}

#[test]
pub fn the_tool_that_the_host_called_decides() {
    let called = |failed: bool, result: &str| {
        let detail = json!({"tool": "build", "args": {"fast": true}, "failed": failed, "result": result});
        talk().event("tool_exec", detail)
    };
    let params = |more: Value| {
        let mut params = json!({"tool": "build", "args": {"fast": true}});
        params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        params
    };
    for (more, failed, result, score) in [
        (json!({}), false, "3 passed", 1.0),
        (json!({}), true, "no compiler", 0.0),
        (json!({"success_pattern": "[0-9]+ passed"}), false, "3 passed", 1.0),
        (json!({"success_pattern": "[0-9]+ passed"}), false, "none", 0.0),
        (json!({"failure_pattern": "FAIL"}), false, "1 FAIL", 0.0),
        (json!({"failure_pattern": "FAIL", "timeout_seconds": 2.5}), false, "ok", 1.0),
    ] {
        let (got, passed, reason) = outcome("tool_exec", params(more.clone()), called(failed, result));
        assert_eq!((got, passed), (score, score == 1.0), "{more} {result}: {reason}");
        assert!(reason.contains(result), "{reason}");
    }
    let other = judge("tool_exec", json!({"tool": "build"}), called(false, "ok"));
    assert!(matches!(&other, Err(CheckError::Other(why)) if why.contains("has not called \"build\"")), "{other:?}");
}

#[test]
pub fn reasons() {
    for (check, params, want) in [
        (
            "tools_called",
            json!({"tool_names": ["search", "fetch"], "min_calls": 2}),
            r#"0 of 2 tools called without an error; not often enough: "search (1 of 2)", "fetch (1 of 2)""#,
        ),
        ("tools_not_called", json!({"tool_names": ["fetch"]}), r#"forbidden, yet tools called: "fetch""#),
        (
            "tool_args",
            json!({"tool_name": "fetch", "expected_args": {"id": 8, "deep": true}}),
            r#"no call of "fetch" has the expected arguments; the last one: "deep" is missing; "id" is "7", not "8""#,
        ),
        (
            "tools_not_called_with_args",
            json!({"tool_name": "fetch", "forbidden_args": {"deep": [true]}}),
            r#""fetch" was called with forbidden arguments: "message 1: deep=true""#,
        ),
        (
            "tool_calls_with_args",
            json!({"tool_name": "fetch", "no_error": true, "args_match": {"id": "8"}, "result_includes": ["id"]}),
            "2 of 2 calls violate the constraints: \"fetch\" in message 1: failed with \"timeout after 5 s\"; \
             \"fetch\" in message 1: the result lacks \"id\"; \"fetch\" in message 1: \"id\" is \"7\", which \"8\" does not match; \
             \"fetch\" in message 2: \"id\" is \"7\", which \"8\" does not match",
        ),
        (
            "tool_call_chain",
            json!({"steps": [{"tool": "search"}, {"tool": "fetch", "no_error": true}]}),
            r#"1 of 2 steps, then "fetch" in message 1: failed with "timeout after 5 s""#,
        ),
        ("tool_call_sequence", json!({"sequence": ["fetch", "x"]}), r#"1 of 2 in this order, missing "x""#),
        (
            "tool_anti_pattern",
            json!({"patterns": [{"sequence": ["search", "fetch"], "message": "slow"}]}),
            r#"1 forbidden orders: "search", "fetch": "slow""#,
        ),
        ("tool_no_repeat", json!({}), r#"more than 1 times in a row: "fetch (2 in a row)""#),
        ("no_tool_errors", json!({}), r#"1 of 5 calls failed: "fetch": "timeout after 5 s""#),
        (
            "tool_result_matches",
            json!({"pattern": "^Refund", "occurrence": 2}),
            r#"1 of 5 results match "^Refund", at least 2 wanted"#,
        ),
        (
            "outcome_equivalent",
            json!({"metric": "tool_calls", "expected_tools": ["search", "fetch", "x"]}),
            r#"other tools were called; not expected: "a2a__billing__tell", "skill__activate"; not called: "x""#,
        ),
    ] {
        assert_eq!(outcome(check, params, talk()).2, want, "{check}");
    }
}

#[test]
pub fn what_is_shown_is_bounded() {
    let long = "x".repeat(5000);
    let mut conversation = Conversation::new().user("go").assistant("");
    for n in 0..50 {
        let arguments = json!({"id": format!("{n}{long}")}).to_string();
        conversation = conversation.tool_call(&format!("{n}{long}"), &arguments, Err(&long));
    }
    let names: Vec<_> = (0..50).map(|n| format!("{n}{long}")).collect();
    for (check, params) in [
        ("tools_called", json!({"tool_names": names})),
        ("tools_not_called", json!({"tool_names": names})),
        ("tool_calls_with_args", json!({"no_error": true, "result_includes": ["zzz"]})),
        ("tool_call_sequence", json!({"sequence": ["zzz"]})),
        ("no_tool_errors", json!({})),
        ("tool_result_includes", json!({"patterns": names})),
        ("outcome_equivalent", json!({"metric": "tool_calls", "expected_tools": ["zzz"]})),
    ] {
        let reason = outcome(check, params, conversation.clone()).2;
        assert!(reason.len() < 5000, "{check}: {}", reason.len());
    }
}

#[test]
fn metadata_names_every_check() {
    let metadata: Value = serde_json::from_str(Component::METADATA).unwrap();
    let checks = metadata["checks"].as_array().unwrap();
    assert_eq!(checks.len(), 29);
    for check in checks {
        let (name, properties) = (check["name"].as_str().unwrap(), &check["params"]["properties"]);
        let all = name.ends_with("_session") || name == "tool_exec";
        assert_eq!(properties.get("scope").is_none(), all, "{name}");
    }
    assert_eq!(checks[0]["aliases"], json!(["tool_called"]));
    assert_eq!(checks[0]["params"]["properties"]["scope"]["enum"], json!(["turn", "transcript"]));
}
