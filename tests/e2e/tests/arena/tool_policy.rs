//! `tool_policy`: what may be called, how often, at what cost.

use anyhow::Result;
use arena_e2e::World;
use arena_harness::{Behaviour, FakeVendor};
use arena_model::{Outcome, Record, Role};
use serde_json::{Value, json};

/// A bundle with the tools `find` and `count`, whose model calls what `turns` of a mock file say.
fn world(turns: Value, policy: Value, checks: Value) -> Result<World> {
    let mut world = World::new()?;
    world.bundle.mock("m", &json!({"scenarios": {"s": {"turns": turns}}}))?;
    let object = json!({"type": "object", "properties": {"q": {"type": "string"}}});
    let tool = json!({"description": "d", "input_schema": object, "output_schema": {}, "mode": "mock",
                      "mock_result": "found"});
    world.bundle.spec["tool_specs"] = json!({"find": tool, "count": tool});
    world.bundle.spec["prompt_specs"]["p"]["allowed_tools"] = json!(["find", "count"]);
    world.bundle.checks("s", checks);
    let mut whole = json!({"tool_choice": "auto", "max_tool_calls_per_turn": 0, "max_total_tool_calls": 0});
    whole.as_object_mut().unwrap().extend(policy.as_object().cloned().unwrap_or_default());
    world.bundle.spec["scenario_specs"]["s"]["tool_policy"] = whole;
    Ok(world)
}

fn calls(all: &[(&str, &str)]) -> Value {
    let call = |(name, q): &(&str, &str)| json!({"name": name, "arguments": {"q": q}});
    json!({"tool_calls": all.iter().map(call).collect::<Vec<_>>()})
}

fn called(tool: &str, times: u32) -> Value {
    json!({"type": "tools_called", "params": {"tools": [tool], "min_calls": times}})
}

fn outcomes(record: &Record) -> Vec<Outcome> {
    record.checks.iter().map(|check| check.outcome).collect()
}

/// What tools answered that were not called.
fn refusals(record: &Record) -> Vec<String> {
    let failed = record.messages.iter().filter(|it| it.role == Role::Tool && it.finish.as_deref() == Some("error"));
    failed.map(|message| message.content.text().into_owned()).collect()
}

#[test]
fn a_blocked_tool_is_not_called() -> Result<()> {
    let turns = json!({"1": calls(&[("find", "x"), ("count", "x")]), "2": "done"});
    let checks = json!([called("find", 1), called("count", 1)]);
    let mut world = world(turns, json!({"blocklist": ["find"]}), checks)?;
    let record = world.run_one()?;
    assert_eq!(outcomes(&record), [Outcome::Failed, Outcome::Passed]);
    assert!(refusals(&record)[0].contains("`find` is blocked by policy"), "{:?}", refusals(&record));
    // The prompt's own policy counts as well.
    world.bundle.spec["prompt_specs"]["p"]["tool_policy"] = json!({"blocklist": ["count"]});
    let record = {
        world.arena(&["run", "bundle", "--out", "prompt", "--quiet"])?.code(1)?;
        world.records("prompt")?.remove(0)
    };
    assert_eq!(outcomes(&record), [Outcome::Failed, Outcome::Failed]);
    Ok(())
}

#[test]
fn calls_are_limited_in_a_turn_and_in_all() -> Result<()> {
    let turns = json!({"1": calls(&[("find", "a"), ("find", "b"), ("count", "c")]), "2": "done",
                       "3": calls(&[("count", "d"), ("count", "e")]), "4": "done"});
    let checks = json!([called("find", 2), called("count", 1)]);
    let limits = json!({"max_tool_calls_per_turn": 2, "max_total_tool_calls": 3});
    let mut world = world(turns, limits, checks)?;
    let record = world.run_one()?;
    assert_eq!(outcomes(&record), [Outcome::Passed, Outcome::Failed]);
    assert!(refusals(&record)[0].contains("all 2 tool calls of this turn are used up"), "{:?}", refusals(&record));
    // Two turns: the second may call again, until the conversation's calls are used up.
    let turn = json!({"role": "user", "content": "more"});
    let last = json!({"role": "user", "content": "more", "assertions": [called("count", 1), called("count", 2)]});
    world.bundle.scenario(
        "s",
        json!({"turns": [turn, last],
        "tool_policy": {"tool_choice": "auto", "max_tool_calls_per_turn": 2, "max_total_tool_calls": 3}}),
    );
    world.arena(&["run", "bundle", "--out", "two", "--quiet"])?.code(1)?;
    let record = world.records("two")?.remove(0);
    assert_eq!(outcomes(&record), [Outcome::Passed, Outcome::Failed]);
    assert!(refusals(&record)[1].contains("all 3 tool calls of this conversation"), "{:?}", refusals(&record));
    Ok(())
}

#[test]
fn the_same_call_again_and_again_is_refused_and_then_an_error() -> Result<()> {
    let same = calls(&[("find", "x")]);
    let turns = json!({"1": same, "2": same, "3": same, "4": "done"});
    let checks = json!([called("find", 2), called("find", 3)]);
    // Three is the limit where nothing is said.
    let record = world(turns, json!({}), checks.clone())?.run_one()?;
    assert_eq!(outcomes(&record), [Outcome::Passed, Outcome::Failed]);
    assert!(refusals(&record)[0].contains("called 3 times with the same arguments"), "{:?}", refusals(&record));
    let turns = json!({"1": same, "2": same, "3": same, "4": "done"});
    let record = world(turns, json!({"max_identical_tool_calls": 4}), checks.clone())?.run_one()?;
    assert_eq!(outcomes(&record), [Outcome::Passed, Outcome::Passed]);
    let turns = json!({"1": same, "2": same, "3": same, "4": same, "5": "done"});
    let record = world(turns, json!({}), checks)?.run_one()?;
    assert_eq!((record.outcome, record.error.as_deref()), (Outcome::Error, Some("ToolCallRepeated")));
    Ok(())
}

#[test]
fn rounds_and_cost_end_the_case() -> Result<()> {
    let turns = json!({"1": calls(&[("find", "a")]), "2": calls(&[("find", "b")]), "3": "done"});
    let checks = json!([called("find", 2)]);
    for (policy, error) in [
        (json!({"max_rounds": 2}), Some("ToolRoundsExhausted")),
        (json!({"max_rounds": 3}), None),
        (json!({"max_cost_usd": 0.000_001}), Some("CostLimitExceeded")),
        (json!({"max_cost_usd": 1.5}), None),
    ] {
        let record = world(turns.clone(), policy.clone(), checks.clone())?.run_one()?;
        assert_eq!(record.error.as_deref(), error, "{policy}");
    }
    Ok(())
}

#[test]
fn the_vendor_is_told_of_the_choice() -> Result<()> {
    for (choice, sent, tools) in
        [("required", json!("required"), true), ("auto", Value::Null, true), ("none", Value::Null, false)]
    {
        let vendor = FakeVendor::start(Behaviour::text("fine"))?;
        let mut world = world(json!({}), json!({"tool_choice": choice}), json!([]))?;
        world.bundle.spec["provider_specs"] = json!({});
        world.bundle.openai("m", &vendor.url());
        world.run_one()?;
        let request = vendor.last_request();
        assert_eq!((&request["tool_choice"], request["tools"].is_array()), (&sent, tools), "{choice}");
    }
    Ok(())
}

#[test]
fn under_none_the_mock_calls_nothing() -> Result<()> {
    let turns = json!({"1": {"response": "said", "tool_calls": [{"name": "find", "arguments": {"q": "x"}}]}});
    let checks = json!([called("find", 1), {"type": "tools_not_called", "params": {"tools": ["find"]}}]);
    let record = world(turns, json!({"tool_choice": "none"}), checks)?.run_one()?;
    assert_eq!(outcomes(&record), [Outcome::Failed, Outcome::Passed]);
    Ok(())
}

#[test]
fn an_unknown_choice_is_told_before_the_run() -> Result<()> {
    let world = world(json!({}), json!({"tool_choice": "maybe"}), json!([]))?;
    world.arena(&["run", "bundle"])?.code(2)?.says("[UnknownValue]")?.says("known are auto, required, none")?;
    Ok(())
}
