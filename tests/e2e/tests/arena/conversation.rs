//! The course of one case.

use anyhow::Result;
use arena_e2e::World;
use arena_harness::{Behaviour, Failing, Failure, FakeVendor};
use arena_model::{Author, CheckRecord, Outcome, Record, Role, Scope};
use serde_json::json;

fn outcomes(record: &Record) -> Vec<(Scope, Option<u32>, u32, Outcome)> {
    let of = |check: &CheckRecord| (check.scope, check.turn, check.index, check.outcome);
    record.checks.iter().map(of).collect()
}

fn contains(word: &str) -> serde_json::Value {
    json!({"type": "contains", "params": {"patterns": [word]}})
}

#[test]
fn a_failed_turn_ends_the_conversation_and_everything_of_it_is_judged() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.mock("m", &json!({"scenarios": {"s": {"turns": {"1": "one", "2": "two", "3": "three"}}}}))?;
    let turn =
        |content: &str, checks: serde_json::Value| json!({"role": "user", "content": content, "assertions": checks});
    world.bundle.scenario(
        "s",
        json!({
            "turns": [
                turn("a", json!([contains("one")])),
                turn("b", json!([contains("none"), contains("two")])),
                turn("c", json!([contains("three")])),
            ],
            "conversation_assertions": [contains("two")],
        }),
    );
    let record = world.run_one()?;
    assert_eq!(record.outcome, Outcome::Failed);
    assert_eq!(
        outcomes(&record),
        [
            (Scope::Turn, Some(0), 0, Outcome::Passed),
            (Scope::Turn, Some(1), 0, Outcome::Failed),
            (Scope::Turn, Some(1), 1, Outcome::Passed),
            (Scope::Conversation, None, 0, Outcome::Passed),
            (Scope::Turn, Some(2), 0, Outcome::NotRun),
        ]
    );
    let said: Vec<_> = record.messages.iter().map(|m| (m.role, m.by, m.content.text().into_owned())).collect();
    let texts: Vec<_> = said.iter().map(|(_, _, text)| text.as_str()).collect();
    assert_eq!(texts, ["You help.", "a", "one", "b", "two"]);
    assert_eq!((said[0].0, said[0].1), (Role::System, Author::Script));
    assert_eq!((said[2].0, said[2].1), (Role::Assistant, Author::Model));
    assert_eq!((record.measured.turns.len(), record.measured.checks_us.len()), (2, 5));
    Ok(())
}

#[test]
fn global_checks_come_before_the_scenarios_own() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.says("m", "fine")?;
    world.bundle.spec["globals"] = json!({"conversation_assertions": [contains("fine")]});
    world.bundle.scenario("s", json!({"conversation_assertions": [contains("none")]}));
    let record = world.run_one()?;
    assert_eq!(
        outcomes(&record),
        [(Scope::Conversation, None, 0, Outcome::Passed), (Scope::Conversation, None, 1, Outcome::Failed)]
    );
    Ok(())
}

#[test]
fn an_unknown_role_ends_the_case_in_error() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.says("m", "fine")?;
    let turns = json!([{"role": "user", "content": "a"}, {"role": "narrator", "content": "b"}]);
    world.bundle.scenario("s", json!({"turns": turns, "conversation_assertions": [contains("fine")]}));
    let record = world.run_one()?;
    assert_eq!((record.outcome, record.error.as_deref()), (Outcome::Error, Some("TurnRoleUnknown")));
    assert!(record.reason.as_ref().unwrap().contains("`narrator`"), "{record:?}");
    assert_eq!(record.messages.len(), 3);
    // As far as it went, the conversation is judged.
    assert_eq!(outcomes(&record), [(Scope::Conversation, None, 0, Outcome::Passed)]);
    Ok(())
}

#[test]
fn a_model_that_only_calls_tools_ends_its_case_in_error() -> Result<()> {
    let mut world = World::new()?;
    // Each call is another one: a call that is repeated is refused before.
    let call = |at: u32| json!({"type": "tool_calls", "tool_calls": [{"name": "search", "arguments": {"q": at}}]});
    world.bundle.spec["prompt_specs"]["p"]["allowed_tools"] = json!(["search"]);
    world.bundle.spec["tool_specs"] = json!({"search": {"description": "d", "input_schema": {}, "output_schema": {},
                                                        "mode": "mock", "mock_result": "none"}});
    let turns: serde_json::Map<String, serde_json::Value> = (1..60).map(|at: u32| (at.to_string(), call(at))).collect();
    world.bundle.mock("m", &json!({"scenarios": {"s": {"turns": turns}}}))?.scenario("s", json!({}));
    let record = world.run_one()?;
    assert_eq!((record.outcome, record.error.as_deref()), (Outcome::Error, Some("ToolRoundsExhausted")));
    Ok(())
}

#[test]
fn a_scenario_without_its_prompt_is_an_error_that_names_the_others() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.says("m", "fine")?.scenario("s", json!({"task_type": "other"})).scenario("t", json!({}));
    let records = world.run(&[])?;
    assert_eq!((records[0].outcome, records[0].error.as_deref()), (Outcome::Error, Some("PromptMissing")));
    assert!(records[0].reason.as_ref().unwrap().contains("`other`; prompt_configs has p"), "{records:?}");
    assert_eq!(records[1].outcome, Outcome::Passed);
    Ok(())
}

#[test]
fn variables_come_from_default_then_vars_then_scenario() -> Result<()> {
    let mut world = World::new()?;
    let variable = |name: &str| json!({"name": name, "required": false, "default": "default"});
    let prompt = json!({
        "apiVersion": "promptkit.altairalabs.ai/v1alpha1", "kind": "PromptConfig", "metadata": {"name": "q"},
        "spec": {
            "task_type": "q", "version": "v1.0.0", "description": "d",
            "system_template": "{{a}} {{b}} {{c}} {{ d }}",
            "variables": [variable("a"), variable("b"), variable("c")],
        },
    });
    world.bundle.file("q.yaml", &prompt.to_string())?.says("m", "x")?;
    world.bundle.spec["prompt_configs"] = json!([{"id": "q", "file": "q.yaml", "vars": {"b": "vars", "c": "vars"}}]);
    world.bundle.scenario("s", json!({"task_type": "q", "variables": {"c": "scenario"}}));
    let record = world.run_one()?;
    assert_eq!(record.messages[0].content.text(), "default vars scenario {{ d }}");
    Ok(())
}

#[test]
fn a_required_variable_without_a_value_is_an_error_before_any_call() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.spec["prompt_specs"]["p"]["variables"] = json!([{"name": "who", "required": true}]);
    world.bundle.says("m", "x")?.scenario("s", json!({})).scenario("t", json!({"variables": {"who": "you"}}));
    let records = world.run(&[])?;
    assert_eq!((records[0].outcome, records[0].error.as_deref()), (Outcome::Error, Some("VariableMissing")));
    assert!(records[0].messages.is_empty());
    assert_eq!(records[1].outcome, Outcome::Passed);
    Ok(())
}

#[test]
fn the_input_digest_tells_inputs_apart() -> Result<()> {
    let mut world = World::new()?;
    let image = |url: &str| {
        let media = json!({"url": url, "mime_type": "image/png"});
        json!({"turns": [{"role": "user", "parts": [{"type": "image", "media": media}]}]})
    };
    world.bundle.says("m", "x")?.scenario("a", json!({})).scenario("b", json!({}));
    world.bundle.scenario("c", image("https://x/1.png")).scenario("d", image("https://x/2.png"));
    let inputs: Vec<_> = world.run(&[])?.into_iter().map(|record| record.input).collect();
    assert_eq!(inputs[0], inputs[1]);
    assert_ne!(inputs[0], inputs[2]);
    assert_ne!(inputs[2], inputs[3]);
    Ok(())
}

#[test]
fn an_answer_that_was_cut_away_is_an_error_and_keeps_no_rule() -> Result<()> {
    for (content, finish, error) in [
        (json!(""), "content_filter", Some("ReplyFiltered")),
        (json!("Well, "), "content_filter", Some("ReplyFiltered")),
        (json!(null), "length", Some("ReplyEmpty")),
        (json!(" \u{200b}\n"), "length", Some("ReplyEmpty")),
        (json!(""), "stop", None),
        (json!("Well, "), "length", None),
    ] {
        let choice = json!({"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": finish});
        let body = json!({"id": "x", "object": "chat.completion", "model": "m", "choices": [choice]}).to_string();
        let answer = Failure::Status { status: 200, retry_after: None, body: Some(body) };
        let vendor = FakeVendor::start(Behaviour::default().failing([Failing::always(answer)]))?;
        let mut world = World::new()?;
        let excludes = json!({"type": "content_excludes", "params": {"patterns": ["bomb"]}});
        world.bundle.openai("m", &vendor.url()).checks("s", json!([excludes]));
        let record = world.run_one()?;
        assert_eq!(record.error.as_deref(), error, "{content} {finish}: {record:?}");
        let outcome = if error.is_some() { Outcome::Error } else { Outcome::Passed };
        assert_eq!((record.outcome, record.messages.len(), vendor.calls()), (outcome, 3, 1), "{content} {finish}");
    }
    Ok(())
}

#[test]
fn token_counts_that_a_server_made_up_end_no_run() -> Result<()> {
    let usage = json!({"prompt_tokens": 9_223_372_036_854_775_808_u64, "completion_tokens": u64::MAX});
    let choice = json!({"index": 0, "message": {"role": "assistant", "content": "fine"}, "finish_reason": "stop"});
    let body = json!({"id": "x", "object": "chat.completion", "model": "m", "choices": [choice], "usage": usage});
    let answer = Failure::Status { status: 200, retry_after: None, body: Some(body.to_string()) };
    let vendor = FakeVendor::start(Behaviour::default().failing([Failing::always(answer)]))?;
    let mut world = World::new()?;
    let contains = json!({"type": "contains", "params": {"patterns": ["fine"]}});
    world.bundle.openai("m", &vendor.url()).checks("s", json!([contains]));
    let record = world.run_one()?;
    // The largest number that every reader of JSON takes for what it is.
    assert_eq!((record.outcome, record.usage.output), (Outcome::Passed, (1 << 53) - 1));
    Ok(())
}
