//! Each check through the component's own dispatch: pass, fail, error, wrong type of parameter.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod golden;
mod meanings;
mod wrong_params;

use arena_evaluator_tools::Component;
use arena_guest::testing::{Conversation, evaluate};
use arena_guest::{CheckError, Subject, Verdict};
use serde_json::{Value, json};

/// Two turns with five calls, of which one failed; the second turn is under judgement.
fn talk() -> Conversation {
    Conversation::new()
        .user("find my order")
        .assistant("Let me see.")
        .tool_call("search", r#"{"query":"order","limit":5}"#, Ok("3 Results: A7"))
        .tool_call("fetch", r#"{"id":7,"deep":true}"#, Err("timeout after 5 s"))
        .assistant("Once more.")
        .tool_call("fetch", r#"{"id":7.0}"#, Ok(r#"{"id": 7, "state": "shipped"}"#))
        .user("tell billing")
        .assistant("")
        .tool_call("a2a__billing__tell", r#"{"text":"refund"}"#, Ok("Refund noted."))
        .tool_call("skill__activate", r#"{"name":"pci"}"#, Ok("pci is active"))
        .assistant("The order is shipped.")
        .at_turn(1)
        .with_fact("workflow", json!({"state": "closed", "complete": true}))
}

/// The same talk with its calls as a conversation check sees it, and calls that the others have not.
fn skilled() -> Conversation {
    Conversation::new()
        .user("go")
        .assistant("")
        .tool_call("skill__activate", r#"{"name":"pci"}"#, Ok("active"))
        .tool_call("skill__activate", r#"{"name":"broken"}"#, Err("no such skill"))
        .tool_call("skill__activate", r#"{"name":"refund"}"#, Ok("active"))
        .tool_call("skill__activate", r#"{"name":7}"#, Ok("active"))
        .tool_call("skill__activate", "nothing", Ok("active"))
}

fn judge(check: &str, params: Value, conversation: Conversation) -> Result<Verdict, CheckError> {
    evaluate::<Component>(check, params, &Subject::test(conversation))
}

/// Score and word.
fn outcome(check: &str, params: Value, conversation: Conversation) -> (f64, bool, String) {
    let verdict =
        judge(check, params.clone(), conversation).unwrap_or_else(|error| panic!("{check} {params}: {error:?}"));
    (verdict.score.unwrap(), verdict.passed.unwrap(), verdict.reason)
}

#[test]
fn every_check_is_seen_to_pass_fail_err_and_refuse() {
    golden::called_or_not();
    golden::arguments();
    golden::order();
    golden::amounts_and_results();
    golden::outcomes();
    meanings::a_turn_sees_its_own_calls_and_the_transcript_all();
    meanings::a_check_of_the_conversation_stands_under_no_turn();
    meanings::within_limits_is_a_pass_whatever_is_left();
    meanings::calls_without_arguments_and_calls_refused();
    meanings::media_are_those_of_the_call_that_is_answered();
    meanings::nothing_to_compare_with_is_no_pass();
    meanings::the_tool_that_the_host_called_decides();
    meanings::reasons();
    meanings::what_is_shown_is_bounded();
    wrong_params::params_that_do_not_suit_are_errors();
    assert_eq!(arena_guest::testing::lacking::<Component>(), Vec::<String>::new());
}
