//! Calls that users decline and calls that are disturbed on purpose.

use anyhow::Result;
use arena_e2e::World;
use arena_model::{Outcome, Record, Role};
use serde_json::{Value, json};

/// A bundle whose model calls the tool `find`, of this spec, and then says `done`; `turn` is more of its only turn.
fn world(tool: Value, turn: Value, checks: Value) -> Result<World> {
    let mut world = World::new()?;
    let call = json!({"tool_calls": [{"name": "find", "arguments": {}}]});
    world.bundle.mock("m", &json!({"scenarios": {"s": {"turns": {"1": call, "2": "done"}}}}))?;
    let mut whole = json!({"description": "d", "input_schema": {}, "output_schema": {}, "mode": "mock",
                           "mock_result": "0123456789"});
    whole.as_object_mut().unwrap().extend(tool.as_object().cloned().unwrap_or_default());
    world.bundle.spec["tool_specs"]["find"] = whole;
    world.bundle.spec["prompt_specs"]["p"]["allowed_tools"] = json!(["find"]);
    let mut one = json!({"role": "user", "content": "hello", "assertions": checks});
    one.as_object_mut().unwrap().extend(turn.as_object().cloned().unwrap_or_default());
    world.bundle.scenario("s", json!({"turns": [one]}));
    Ok(world)
}

fn called() -> Value {
    json!({"type": "tools_called", "params": {"tools": ["find"]}})
}

fn outcomes(record: &Record) -> Vec<Outcome> {
    record.checks.iter().map(|check| check.outcome).collect()
}

fn result(record: &Record) -> String {
    let tool = record.messages.iter().find(|message| message.role == Role::Tool);
    tool.map(|message| message.content.text().into_owned()).unwrap_or_default()
}

#[test]
fn a_client_tool_answers_as_its_mock_unless_the_user_declines() -> Result<()> {
    let client = |strategy: &str| {
        json!({"mode": "client", "mock_result": {"lat": 1}, "client": {"consent": {"required": true,
            "message": "May it?", "decline_strategy": strategy}}})
    };
    for (strategy, word, said, passed) in [
        ("error", json!({}), "{\"lat\":1}", true),
        ("error", json!({"find": "grant"}), "{\"lat\":1}", true),
        ("error", json!({"find": "deny"}), "user declined consent\"", false),
        ("fallback", json!({"find": "deny"}), "user declined consent; use another way", false),
        ("retry", json!({"find": "deny"}), "try a different approach", false),
        ("error", json!({"find": "timeout"}), "timed out waiting for user consent", false),
        ("error", json!({"other": "deny"}), "{\"lat\":1}", true),
    ] {
        let turn = json!({"consent_overrides": word});
        let record = world(client(strategy), turn, json!([called()]))?.run_one()?;
        assert!(result(&record).contains(said), "{word}: {}", result(&record));
        assert_eq!(outcomes(&record)[0] == Outcome::Passed, passed, "{word}");
    }
    let world = world(client("error"), json!({"consent_overrides": {"find": "perhaps"}}), json!([]))?;
    world.arena(&["run", "bundle"])?.code(2)?.says("[UnknownValue]")?.says("grant, deny, timeout")?;
    Ok(())
}

fn chaos(mode: &str, more: Value) -> Value {
    let mut failure = json!({"tool": "find", "mode": mode});
    failure.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    json!({"chaos": {"tool_failures": [failure]}})
}

#[test]
fn chaos_makes_calls_fail_be_slow_or_lose_half() -> Result<()> {
    let quick = json!({"type": "latency_budget", "params": {"max_ms": 1500}});
    let checks = json!([called(), quick]);
    for (turn, said, expected) in [
        (json!({}), "0123456789", [Outcome::Passed, Outcome::Passed]),
        (chaos("error", json!({})), "failed with injected error", [Outcome::Failed, Outcome::Passed]),
        (chaos("error", json!({"message": "no luck"})), "no luck", [Outcome::Failed, Outcome::Passed]),
        (chaos("timeout", json!({})), "timed out (injected)", [Outcome::Failed, Outcome::Passed]),
        (chaos("slow", json!({})), "0123456789", [Outcome::Passed, Outcome::Failed]),
        (chaos("malformed", json!({})), "01234", [Outcome::Passed, Outcome::Passed]),
        (chaos("error", json!({"tool": "other"})), "0123456789", [Outcome::Passed, Outcome::Passed]),
    ] {
        let record = world(json!({}), turn.clone(), checks.clone())?.run_one()?;
        assert!(result(&record).contains(said), "{turn}: {}", result(&record));
        assert_eq!(outcomes(&record), expected, "{turn}: {:?}", record.checks);
        assert_eq!(result(&record).len() < 10, said == "01234");
    }
    Ok(())
}

#[test]
fn chance_is_drawn_by_the_seed() -> Result<()> {
    let mut world = world(json!({}), chaos("error", json!({"probability": 0.5})), json!([called()]))?;
    world.bundle.spec["scenario_specs"]["s"]["trials"] = json!(30);
    let mut struck = Vec::new();
    for (out, seed) in [("one", "1"), ("again", "1"), ("two", "2")] {
        world.arena(&["run", "bundle", "--out", out, "--quiet", "--seed", seed])?.code(1)?;
        let failed = |record: &Record| record.outcome == Outcome::Failed;
        struck.push(world.records(out)?.iter().map(failed).collect::<Vec<_>>());
    }
    let count = struck[0].iter().filter(|failed| **failed).count();
    assert!((5..=25).contains(&count), "{count}");
    assert_eq!(struck[0], struck[1]);
    assert_ne!(struck[0], struck[2]);
    Ok(())
}
