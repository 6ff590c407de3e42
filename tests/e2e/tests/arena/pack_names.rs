//! Names that documentation and behaviour of the original runner do not agree on: both are taken, others are told.

use anyhow::Result;
use arena_e2e::World;
use arena_model::{Outcome, Scope};
use serde_json::json;

#[test]
fn documented_and_real_names_mean_the_same() -> Result<()> {
    let mut world = World::new()?;
    let calls = json!({"response": "one moment", "tool_calls": [{"name": "find", "arguments": {"q": "x"}}]});
    world.bundle.mock("m", &json!({"scenarios": {"s": {"turns": {"1": calls, "2": "found"}}}}))?;
    world.bundle.spec["tool_specs"] = json!({"find": {"description": "d", "input_schema": {}, "output_schema": {},
                                                      "mode": "mock", "mock_result": "gold"}});
    world.bundle.spec["prompt_specs"]["p"]["allowed_tools"] = json!(["find"]);
    let pairs = [
        ("tool_result_includes", "tool", "tool_name", json!("find"), json!({"patterns": ["gold"]})),
        ("tool_call_chain", "steps", "chain", json!([{"tool": "find"}]), json!({})),
        ("agent_invoked", "agents", "agent_names", json!(["find"]), json!({})),
        ("max_length", "max", "max_characters", json!(3), json!({})),
        ("json_path", "expression", "jmespath_expression", json!("a"), json!({})),
    ];
    let mut checks = Vec::new();
    for (kind, real, documented, value, more) in &pairs {
        for name in [real, documented] {
            let mut params = more.clone();
            params[*name] = value.clone();
            checks.push(json!({"type": kind, "params": params}));
        }
    }
    world.bundle.checks("s", json!(checks));
    let record = world.run_one()?;
    let own: Vec<_> = record.checks.iter().filter(|check| check.scope == Scope::Turn).collect();
    for pair in own.chunks(2) {
        assert_eq!(pair[0].outcome, pair[1].outcome, "{}: {:?}", pair[0].kind, pair[1].reason);
        assert_ne!(pair[0].outcome, Outcome::Error, "{}: {:?}", pair[0].kind, pair[0].reason);
    }
    // Three pass and two fail, by either name.
    let passed = own.iter().filter(|check| check.outcome == Outcome::Passed).count();
    assert_eq!((passed, own.len()), (6, 10));
    assert!(!world.arena(&["validate", "bundle"])?.code(0)?.out.contains("Unknown"));
    Ok(())
}

#[test]
fn names_that_nobody_knows_are_told() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.says("m", "fine")?.checks("s", json!([{"type": "contains", "params": {"patterns": ["f"], "cse": 1}}]));
    world.bundle.spec["workflow"] = json!({"version": 1, "entry": "a", "states": {
        "a": {"prompt_task": "p", "on_evnt": {"Go": "a"}, "terminal": true}}});
    world.bundle.spec["skills"] = json!([{"name": "n", "description": "d", "instrctions": "i"}]);
    let out = world.arena(&["validate", "bundle"])?.code(0)?.out;
    for text in
        ["unknown key `on_evnt`; did you mean `on_event`?", "unknown key `instrctions`", "warning[ParamUnknown]"]
    {
        assert!(out.contains(text), "{text}: {out}");
    }
    // Documents with a schema of their own are refused over such a name, as with the original runner.
    for (place, path) in [("scenario_specs", "s"), ("prompt_specs", "p"), ("provider_specs", "m")] {
        let mut spec = world.bundle.spec.clone();
        spec[place][path]["zz_unknown"] = json!(1);
        let mut other = World::new()?;
        other.bundle.says("m", "fine")?;
        other.bundle.spec = spec;
        let ran = other.arena(&["validate", "bundle"])?.code(2)?;
        assert!(ran.all().contains("error[UnknownKey]"), "{place}: {}", ran.all());
    }
    Ok(())
}
