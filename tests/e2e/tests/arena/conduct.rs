//! How conversations go on and what is looked at, where a run may choose; and by which template engine prompts are made.

use std::fs;

use anyhow::Result;
use arena_e2e::World;
use arena_model::{Outcome, Record, Role};
use serde_json::{Value, json};

fn contains(word: &str) -> Value {
    json!({"type": "contains", "params": {"patterns": [word]}})
}

fn outcomes(record: &Record) -> Vec<Outcome> {
    record.checks.iter().map(|check| check.outcome).collect()
}

/// The prompt that a record's model had.
fn system(record: &Record) -> String {
    let mut messages = record.messages.iter().filter(|message| message.role == Role::System);
    messages.next().map(|message| message.content.text().into_owned()).unwrap_or_default()
}

/// The record of a run of one case into the folder `out`.
fn run(world: &World, out: &str, flags: &[&str]) -> Result<Record> {
    let ran = world.arena(&[&["run", "bundle", "--quiet", "--out", out][..], flags].concat())?;
    assert!(matches!(ran.code, 0 | 1), "{}", ran.all());
    Ok(world.records(out)?.remove(0))
}

/// Three turns, of which the second fails.
fn talk() -> Result<World> {
    let mut world = World::new()?;
    world.bundle.mock("m", &json!({"scenarios": {"s": {"turns": {"1": "one", "2": "two", "3": "three"}}}}))?;
    let turn = |check: Value| json!({"role": "user", "content": "go", "assertions": [check]});
    let turns = json!({"turns": [turn(contains("one")), turn(contains("none")), turn(contains("three"))]});
    world.bundle.scenario("s", turns);
    Ok(world)
}

#[test]
fn a_failed_turn_ends_the_conversation_or_not() -> Result<()> {
    let world = talk()?;
    let record = run(&world, "stops", &[])?;
    assert_eq!(outcomes(&record), [Outcome::Passed, Outcome::Failed, Outcome::NotRun]);

    let goes_on = [Outcome::Passed, Outcome::Failed, Outcome::Passed];
    let record = run(&world, "flag", &["--on-failed-turn", "continue"])?;
    assert_eq!((outcomes(&record), record.outcome), (goes_on.to_vec(), Outcome::Failed));

    let head = "apiVersion: omnia.altairalabs.ai/v1alpha1\nkind: ArenaConfig\nmetadata: {name: c}\nspec:\n";
    let spec = "  sourceRef: {name: s}\n  evaluation: {onFailedTurn: Continue}\n";
    fs::write(world.path("config.yaml"), format!("{head}{spec}"))?;
    assert_eq!(outcomes(&run(&world, "config", &["-f", "config.yaml"])?), goes_on);
    // The run in a folder keeps to what it was started with.
    world.arena(&["run", "--resume", "flag", "--quiet"])?.code(1)?;
    Ok(())
}

#[test]
fn turns_of_a_recording_are_judged_on_what_was_said_or_on_the_last_reply() -> Result<()> {
    let mut world = World::new()?;
    let said = |role: &str, text: &str| json!({"type": "message", "message": {"role": role, "content": text}});
    let events = json!({"events": [said("user", "a?"), said("assistant", "first"), said("user", "b?"),
                                   said("assistant", "last")]});
    world.bundle.file("talk.recording.json", &events.to_string())?;
    world.bundle.spec["eval_specs"] = json!({"e": {
        "description": "d", "recording": {"path": "talk.recording.json", "type": "session"},
        "turns": [{"all_turns": {"assertions": [contains("last")]}}],
    }});
    assert_eq!(outcomes(&run(&world, "ours", &[])?), [Outcome::Failed, Outcome::Passed]);
    assert_eq!(outcomes(&run(&world, "theirs", &["--compat", "last-reply"])?), [Outcome::Passed, Outcome::Passed]);
    Ok(())
}

#[test]
fn tokens_in_values_stay_as_they_are_or_are_expanded_too() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.says("m", "fine")?.checks("s", json!([contains("fine")]));
    world.bundle.spec["prompt_specs"]["p"]["system_template"] = json!("Hi {{greeting}}");
    world.bundle.spec["prompt_specs"]["p"]["variables"] = json!([{"name": "greeting", "required": false, "default": "{{name}}!"},
               {"name": "name", "required": false, "default": "Ada"}]);
    assert_eq!(system(&run(&world, "ours", &[])?), "Hi {{name}}!");
    assert_eq!(system(&run(&world, "theirs", &["--compat", "expanded-values"])?), "Hi Ada!");
    Ok(())
}

#[test]
fn a_bundle_chooses_a_standard_template_engine() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.says("m", "fine")?.checks("s", json!([contains("fine")]));
    world.bundle.spec["prompt_specs"]["p"]["system_template"] =
        json!("{% if polite %}Please {% endif %}help {{ who }}.");
    world.bundle.spec["scenario_specs"]["s"]["variables"] = json!({"polite": "yes", "who": "Ada"});
    world.bundle.spec["template"] = json!({"engine": "jinja"});
    assert_eq!(system(&run(&world, "jinja", &[])?), "Please help Ada.");
    for engine in ["template", "template-repeated", "go-template"] {
        world.bundle.spec["template"] = json!({"engine": engine});
        world.bundle.spec["prompt_specs"]["p"]["system_template"] = json!("Help.");
        assert_eq!(system(&run(&world, engine, &[])?), "Help.", "{engine}");
    }

    world.bundle.spec["template"] = json!({"engine": "ninja"});
    world.arena(&["validate", "bundle"])?.code(2)?.says("\"ninja\"")?.says("jinja")?;
    world.bundle.spec["template"] = json!({});
    world.arena(&["validate", "bundle"])?.code(2)?.says("error[TemplateUnclear]")?;
    Ok(())
}
