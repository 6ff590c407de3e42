//! Evals of packs and prompts: they observe, and gate nothing.

use anyhow::Result;
use arena_e2e::World;
use arena_model::{CheckRecord, Outcome, Record, Scope};
use serde_json::{Value, json};

fn eval(id: &str, trigger: &str, word: &str, more: Value) -> Value {
    let mut eval = json!({"id": id, "type": "contains", "trigger": trigger, "params": {"patterns": [word]}});
    for (key, value) in more.as_object().into_iter().flatten() {
        eval[key] = value.clone();
    }
    eval
}

fn evals(record: &Record) -> Vec<&CheckRecord> {
    record.checks.iter().filter(|check| check.scope == Scope::Eval).collect()
}

/// Id, turn and outcome of each eval.
fn told(record: &Record) -> Vec<(String, Option<u32>, Outcome)> {
    evals(record).iter().map(|check| (check.id.clone().unwrap_or_default(), check.turn, check.outcome)).collect()
}

fn two_turns() -> Value {
    json!({"turns": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]})
}

#[test]
fn each_trigger_looks_at_its_moment_and_decides_nothing() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.mock("m", &json!({"scenarios": {"s": {"turns": {"1": "one", "2": "two"}}}}))?;
    world.bundle.scenario("s", two_turns());
    world.bundle.spec["pack_evals"] = json!([
        eval("turn", "every_turn", "one", json!({})),
        eval("all", "sample_turns", "two", json!({"sample_percentage": 100})),
        eval("none", "sample_turns", "two", json!({"sample_percentage": 0})),
        eval("session", "on_session_complete", "two", json!({})),
        eval("sessions", "sample_sessions", "nothing", json!({"sample_percentage": 100})),
        eval("conversation", "on_conversation_complete", "two", json!({})),
        eval("step", "on_workflow_step", "two", json!({})),
        eval("off", "every_turn", "one", json!({"enabled": false})),
        eval("tools", "every_turn", "one", json!({"when": {"any_tool_called": true}})),
    ]);
    let record = world.run_one()?;
    assert_eq!(record.outcome, Outcome::Passed, "{:?}", record.reason);
    let (passed, failed, skipped) = (Outcome::Passed, Outcome::Failed, Outcome::Skipped);
    let expected = [
        ("turn", Some(0), passed),
        ("all", Some(0), failed),
        ("tools", Some(0), skipped),
        ("turn", Some(1), failed),
        ("all", Some(1), passed),
        ("tools", Some(1), skipped),
        ("session", None, passed),
        ("sessions", None, failed),
        ("conversation", None, passed),
    ];
    assert_eq!(told(&record), expected.map(|(id, turn, outcome)| (id.to_owned(), turn, outcome)));
    Ok(())
}

#[test]
fn thresholds_and_errors_of_evals_stand_in_the_record_alone() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.says("m", "one")?.checks("s", json!([{"type": "contains", "params": {"patterns": ["one"]}}]));
    let both = json!(["one", "two"]);
    world.bundle.spec["pack_evals"] = json!([
        eval("half", "every_turn", "", json!({"params": {"patterns": both}, "threshold": {"min_score": 0.5}})),
        eval(
            "more",
            "every_turn",
            "",
            json!({"params": {"patterns": both}, "threshold": {"operator": "gt", "value": 0.5}})
        ),
        eval("word", "every_turn", "two", json!({"threshold": {"passed": false}})),
        eval("broken", "every_turn", "", json!({"params": {}})),
    ]);
    let record = world.run_one()?;
    assert_eq!(record.outcome, Outcome::Passed);
    let outcomes: Vec<Outcome> = evals(&record).iter().map(|check| check.outcome).collect();
    assert_eq!(outcomes, [Outcome::Passed, Outcome::Failed, Outcome::Passed, Outcome::Error]);
    assert_eq!(evals(&record)[3].error.as_deref(), Some("BadParams"));
    let summary: Value = serde_json::from_slice(&std::fs::read(world.path("out/summary.json"))?)?;
    let of = |name: &str, outcome: &str| summary["evaluators"][name]["counts"][outcome].as_u64();
    assert_eq!((of("contains", "passed"), of("contains", "failed")), (Some(1), Some(0)), "{summary:#}");
    assert_eq!(of("eval:more", "failed"), Some(1), "{summary:#}");
    let ran = world.arena(&["validate", "bundle"])?.code(2)?;
    assert!(ran.out.contains("error[BadParams] check `contains`"), "{}", ran.out);
    Ok(())
}

#[test]
fn a_prompts_eval_replaces_the_packs_of_its_name() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.says("m", "one")?.scenario("s", json!({}));
    world.bundle.spec["pack_evals"] =
        json!([eval("a", "every_turn", "one", json!({})), eval("b", "every_turn", "one", json!({}))]);
    world.bundle.spec["prompt_specs"]["p"]["evals"] =
        json!([eval("c", "every_turn", "one", json!({})), eval("a", "every_turn", "two", json!({}))]);
    let record = world.run_one()?;
    let told: Vec<_> = told(&record).into_iter().map(|(id, _, outcome)| (id, outcome)).collect();
    let expected = [("a", Outcome::Failed), ("b", Outcome::Passed), ("c", Outcome::Passed)];
    assert_eq!(told, expected.map(|(id, outcome)| (id.to_owned(), outcome)));
    Ok(())
}

#[test]
fn a_step_of_a_workflow_is_looked_at() -> Result<()> {
    let mut world = World::new()?;
    let go = json!({"response": "going", "tool_calls": [
        {"name": "workflow__transition", "arguments": {"event": "Go", "context": ""}}]});
    world.bundle.mock("m", &json!({"scenarios": {"s": {"turns": {"1": go, "2": "there"}}}}))?;
    world.bundle.scenario("s", json!({}));
    world.bundle.spec["workflow"] = json!({"version": 1, "entry": "a", "states": {
        "a": {"prompt_task": "p", "on_event": {"Go": "b"}}, "b": {"prompt_task": "p", "terminal": true}}});
    world.bundle.spec["pack_evals"] = json!([
        {"id": "there", "type": "state_is", "trigger": "on_workflow_step", "params": {"state": "b"}},
        {"id": "here", "type": "state_is", "trigger": "on_workflow_step", "params": {"state": "a"}},
    ]);
    let record = world.run_one()?;
    let expected = [("there", Outcome::Passed), ("here", Outcome::Failed)];
    assert_eq!(told(&record), expected.map(|(id, outcome)| (id.to_owned(), Some(0), outcome)));
    Ok(())
}

#[test]
fn a_sample_is_the_same_in_every_run() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.says("m", "one")?.scenario("s", json!({"trials": 40}));
    world.bundle.spec["pack_evals"] = json!([eval("some", "sample_sessions", "one", json!({"sample_percentage": 50}))]);
    let seen = |records: &[Record]| records.iter().map(|record| evals(record).len()).collect::<Vec<_>>();
    let first = seen(&world.run(&[])?);
    world.arena(&["run", "bundle", "--out", "again", "--quiet"])?.code(0)?;
    assert_eq!(seen(&world.records("again")?), first);
    let taken: usize = first.iter().sum();
    assert!((8..=32).contains(&taken), "{taken} of 40");
    Ok(())
}

#[test]
fn evals_are_chosen_by_type_and_group() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.says("m", "one")?.scenario("s", json!({}));
    world.bundle.spec["pack_evals"] = json!([
        eval("plain", "every_turn", "one", json!({})),
        eval("own", "every_turn", "one", json!({"groups": ["brand"]})),
        {"id": "long", "type": "max_length", "trigger": "every_turn", "params": {"max": 9}},
    ]);
    for (arguments, expected) in [
        (vec![], "plain own long"),
        (vec!["--skip-pack-evals"], ""),
        (vec!["--eval-types", "max_length"], "long"),
        (vec!["--eval-groups", "brand"], "own"),
        (vec!["--eval-groups", "fast-*"], "plain long"),
    ] {
        let out = format!("out{}", arguments.join(""));
        let mut all = vec!["run", "bundle", "--quiet", "--out", &out];
        all.extend(&arguments);
        world.arena(&all)?.code(0)?;
        let records = world.records(&out)?;
        let ids: Vec<String> = told(&records[0]).into_iter().map(|(id, ..)| id).collect();
        assert_eq!(ids.join(" "), expected, "{arguments:?}");
    }
    let ran = world.arena(&["run", "bundle", "--eval-types", "regex"])?.code(2)?;
    assert!(ran.all().contains("NothingSelected"), "{}", ran.all());
    Ok(())
}

#[test]
fn recordings_are_chosen_in_place_of_scenarios() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.says("m", "fine")?.scenario("s", json!({}));
    let said = |role: &str, text: &str| json!({"type": "message", "message": {"role": role, "content": text}});
    world.bundle.file("a.json", &json!({"events": [said("user", "a?"), said("assistant", "yes")]}).to_string())?;
    let recorded = |word: &str| {
        json!({"description": "d", "recording": {"path": "a.json"},
               "conversation_assertions": [{"type": "contains_any", "params": {"patterns": [word]}}]})
    };
    world.bundle.spec["eval_specs"] = json!({"good": recorded("yes"), "bad": recorded("no")});
    let record = world.run_one()?;
    assert_eq!(record.scenario, "s");
    world.arena(&["run", "bundle", "--eval", "good,b*", "--out", "recorded", "--quiet"])?.code(1)?;
    let told: Vec<_> = world.records("recorded")?.into_iter().map(|record| (record.scenario, record.outcome)).collect();
    assert_eq!(told, [("bad".to_owned(), Outcome::Failed), ("good".to_owned(), Outcome::Passed)]);
    let ran = world.arena(&["run", "bundle", "--eval", "nobody"])?.code(2)?;
    assert!(ran.all().contains("NothingSelected"), "{}", ran.all());
    Ok(())
}
