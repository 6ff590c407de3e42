//! Results of tools that are written down by turn, number of the call and arguments.

use anyhow::Result;
use arena_e2e::World;
use arena_model::{Outcome, Role};
use serde_json::{Value, json};

/// A bundle whose model calls `find` in each of two turns, once more than it says something in the second.
fn world(tool: Value, responses: Value) -> Result<World> {
    let mut world = World::new()?;
    let call = json!({"tool_calls": [{"name": "find", "arguments": {"id": 7}}]});
    let turns = json!({"1": call, "2": "not yet", "3": call, "4": call, "5": "here it is"});
    world.bundle.mock("m", &json!({"scenarios": {"s": {"turns": turns, "tool_responses": responses}}}))?;
    let mut whole = json!({"description": "d", "input_schema": {}, "output_schema": {"type": ["string", "object"]},
                           "mode": "mock", "mock_result": "usual"});
    whole.as_object_mut().unwrap().extend(tool.as_object().cloned().unwrap_or_default());
    world.bundle.spec["tool_specs"] = json!({"find": whole});
    world.bundle.spec["prompt_specs"]["p"]["allowed_tools"] = json!(["find"]);
    let arrived = |turn: &str| {
        let check = json!({"type": "tool_result_includes", "params": {"tool": "find", "patterns": ["arrived"]}});
        json!({"role": "user", "content": turn, "assertions": [check]})
    };
    world.bundle.scenario("s", json!({"turns": [arrived("Is it there?"), arrived("And now?")]}));
    Ok(world)
}

fn results(world: &World) -> Result<(Vec<String>, Vec<Outcome>)> {
    let out = ["run", "bundle", "--out", "out", "--quiet", "--on-failed-turn", "continue"];
    world.arena(&out)?.code(1)?;
    let record = world.records("out")?.remove(0);
    let tools = record.messages.iter().filter(|message| message.role == Role::Tool);
    let said = tools.map(|message| message.content.text().into_owned()).collect();
    Ok((said, record.checks.iter().map(|check| check.outcome).collect()))
}

#[test]
fn a_tool_answers_otherwise_in_another_turn() -> Result<()> {
    let responses = json!([
        {"turn": 1, "result": {"state": "on its way"}},
        {"turn": 2, "call": 2, "call_args": {"id": 7}, "error": {"type": "Busy", "message": "ask again"}},
        {"turn": 2, "call_args": {"id": 8}, "result": "of another"},
        {"call_args": {"id": 7}, "result": {"state": "arrived"}},
    ]);
    let expected = [
        r#"{"state":"on its way"}"#.to_owned(),
        r#"{"error":"Busy: ask again"}"#.to_owned(),
        r#"{"state":"arrived"}"#.to_owned(),
    ];
    // It may stand with the tool or in the mock file, and in the file for one scenario or for all.
    for world in [
        world(json!({"mock_responses": responses}), json!({}))?,
        world(json!({"mode": "client", "mock_responses": responses}), json!({}))?,
        world(json!({"mode": "exec", "exec": {"command": "x"}}), json!({"find": responses}))?,
        world(json!({"mock_responses": [{"result": "the file's come first"}]}), json!({"find": responses}))?,
    ] {
        let (said, outcomes) = results(&world)?;
        assert_eq!(said, expected);
        assert_eq!(outcomes, [Outcome::Failed, Outcome::Passed]);
    }
    // Where nothing that is written down fits, the tool answers as ever, and schemas hold for all.
    let (said, _) = results(&world(json!({"mock_responses": [{"turn": 9, "result": 1}]}), json!({}))?)?;
    assert_eq!(said, ["usual", "usual", "usual"]);
    let (said, _) = results(&world(json!({"mock_responses": [{"turn": 1, "result": 1}]}), json!({}))?)?;
    assert!(said[0].contains("does not fit its schema"), "{said:?}");
    Ok(())
}

#[test]
fn results_that_can_never_be_given_are_told() -> Result<()> {
    let wrong = world(json!({"mock_responses": [{"trun": 1, "result": 1}]}), json!({}))?;
    wrong.arena(&["validate", "bundle"])?.code(2)?.says("[MockResponseInvalid]")?.says("unknown key `trun`")?;
    let live = json!({"mode": "live", "http": {"url": "https://x.example", "method": "GET", "timeout_ms": 1},
                      "mock_responses": [{"result": 1}]});
    world(live, json!({}))?.arena(&["validate", "bundle"])?.says("it has no effect")?;
    let unused = world(json!({}), json!({"fnd": [{"result": 1}]}))?;
    unused.arena(&["validate", "bundle"])?.code(0)?.says("[MockKeyUnknown]")?.says("no tool `fnd`")?;
    let misspelt = world(json!({}), json!({"find": [{"reslt": 1}]}))?;
    misspelt.arena(&["validate", "bundle"])?.code(2)?.says("[MockFileInvalid]")?.says("unknown key `reslt`")?;
    Ok(())
}
