//! Packs: by themselves, and as a part of an arena.

use anyhow::Result;
use arena_e2e::World;
use arena_model::{Outcome, Record, Role};
use serde_json::{Value, json};

fn pack() -> Value {
    json!({
        "$schema": "https://promptpack.org/schema/v1.3.1/promptpack.schema.json",
        "id": "shop",
        "name": "Shop",
        "version": "1.0.0",
        "template_engine": {"version": "v1", "syntax": "{{variable}}", "features": ["basic_substitution", "fragments"]},
        "fragments": {"tone": "Be {{mood}}."},
        "tools": {"find": {"name": "find", "description": "finds", "parameters": {
            "type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]}}},
        "prompts": {
            "intake": {
                "id": "intake", "name": "Intake", "version": "1.0.0",
                "system_template": "{{tone}} You take in for {{shop}}.",
                "variables": [
                    {"name": "shop", "type": "string", "required": true, "validation": {"max_length": 8}},
                    {"name": "mood", "type": "string", "required": false, "default": "kind"},
                ],
                "tools": ["find"],
                "validators": [{"type": "banned_words", "enabled": true,
                                "params": {"words": ["damn"], "message": "Let us stay polite."}}],
            },
            "end": {"id": "end", "name": "End", "version": "1.0.0", "system_template": "You end."},
        },
        "workflow": {"version": 1, "entry": "start", "states": {
            "start": {"prompt_task": "intake", "on_event": {"Go": "over"}},
            "over": {"prompt_task": "end", "on_event": {}},
        }},
    })
}

/// A bundle whose prompts, tools and workflow are those of the pack alone.
fn world(pack: &Value) -> Result<World> {
    let mut world = World::new()?;
    world.bundle.file("shop.pack.json", &pack.to_string())?;
    world.bundle.spec["pack_file"] = json!("shop.pack.json");
    world.bundle.spec["prompt_specs"] = json!({});
    Ok(world)
}

fn tool() -> Value {
    json!({"description": "d", "input_schema": {"type": "object", "required": ["q"]},
           "output_schema": {"type": "string"}, "mode": "mock", "mock_result": "gold"})
}

fn systems(record: &Record) -> Vec<String> {
    let systems = record.messages.iter().filter(|message| message.role == Role::System);
    systems.map(|message| message.content.text().into_owned()).collect()
}

fn outcomes(record: &Record) -> Vec<Outcome> {
    let own = record.checks.iter().filter(|check| check.turn.is_some() && check.scope == arena_model::Scope::Turn);
    own.map(|check| check.outcome).collect()
}

#[test]
fn what_the_arena_does_not_say_is_the_packs() -> Result<()> {
    let mut world = world(&pack())?;
    let call = |name: &str, arguments: Value| json!({"tool_calls": [{"name": name, "arguments": arguments}]});
    let go = call("workflow__transition", json!({"event": "Go", "context": ""}));
    world.bundle.mock(
        "m",
        &json!({"scenarios": {
            "goes": {"turns": {"1": call("find", json!({"q": "x"})), "2": go, "3": "goodbye"}},
            "rude": {"turns": {"1": "damn it"}},
        }}),
    )?;
    world.bundle.spec["tool_specs"] = json!({"find": tool()});
    let checks = json!([
        {"type": "state_is", "params": {"state": "over"}},
        {"type": "tool_result_includes", "params": {"tool": "find", "patterns": ["gold"]}},
        {"type": "equals", "params": {"expected": "Let us stay polite."}},
    ]);
    for id in ["goes", "rude", "long"] {
        world.bundle.checks(id, checks.clone());
        world.bundle.spec["scenario_specs"][id]["task_type"] = json!("intake");
        let shop = if id == "long" { "Lumen Lamps" } else { "Lumen" };
        world.bundle.spec["scenario_specs"][id]["variables"] = json!({"shop": shop});
    }
    let records = world.run(&[])?;
    let of = |id: &str| records.iter().find(|record| record.scenario == id).unwrap();
    assert_eq!(outcomes(of("goes")), [Outcome::Passed, Outcome::Passed, Outcome::Failed]);
    assert_eq!(systems(of("goes")), ["Be kind. You take in for Lumen.", "You end."]);
    assert_eq!(outcomes(of("rude")), [Outcome::Failed, Outcome::Failed, Outcome::Passed]);
    assert_eq!(of("long").error.as_deref(), Some("VariableInvalid"));
    Ok(())
}

#[test]
fn the_arenas_own_count_and_that_is_said() -> Result<()> {
    let mut world = world(&pack())?;
    world.bundle.spec["prompt_specs"] = json!({"own": {
        "task_type": "intake", "version": "1", "description": "d", "system_template": "Ours for {{shop}}."}});
    world.bundle.says("m", "fine")?.scenario("s", json!({"task_type": "intake", "variables": {"shop": "Lumen"}}));
    let ran = world.arena(&["validate", "bundle"])?.code(0)?;
    for text in ["warning[PackShadowed]", "for intake, which count", "warning[ToolModeUnsupported]"] {
        assert!(ran.out.contains(text), "{}", ran.out);
    }
    assert_eq!(systems(&world.run_one()?), ["Ours for Lumen."]);
    // To the original runner a pack is only something to deploy, so that an arena may do without a good one.
    world.bundle.file("shop.pack.json", "{}")?;
    world.arena(&["validate", "bundle"])?.code(0)?.says("warning[PackUnused]")?.says("warning[PackInvalid]")?;
    world.bundle.spec["prompt_specs"] = json!({});
    let ran = world.arena(&["validate", "bundle"])?.code(2)?;
    assert!(ran.all().contains("error[PackInvalid]"), "{}", ran.all());
    Ok(())
}

#[test]
fn a_pack_is_validated_by_itself_and_does_not_run_by_itself() -> Result<()> {
    let world = world(&pack())?;
    world.bundle.write()?;
    let ran = world.arena(&["validate", "bundle/shop.pack.json"])?.code(0)?;
    assert!(ran.out.contains("accepted by version 1.3.0, 1.3.1, 1.4, 1.5; it names 1.3.1"), "{}", ran.out);
    assert!(ran.out.contains("valid: pack Shop, 2 prompts, 1 tool"), "{}", ran.out);
    let ran = world.arena(&["run", "bundle/shop.pack.json"])?.code(2)?;
    assert!(ran.all().contains("error[PackIsNoArena]") && ran.all().contains("pack_file"), "{}", ran.all());
    Ok(())
}

#[test]
fn all_problems_of_a_pack_are_told_at_once() -> Result<()> {
    let mut bad = pack();
    bad["prompts"]["end"]["sytem_template"] = json!("x");
    bad["prompts"]["intake"]["version"] = json!("one");
    bad["fragments"] = json!({"a": "{{b}}", "b": "{{a}}"});
    let world = world(&bad)?;
    world.bundle.write()?;
    let out = world.arena(&["validate", "bundle/shop.pack.json"])?.code(2)?.out;
    for text in [
        "error[PackInvalid]",
        "`sytem_template`; did you mean `system_template`?",
        "error[ValueInvalid] prompts.intake.version",
        "error[FragmentCycle]",
    ] {
        assert!(out.contains(text), "{text}: {out}");
    }
    let listed = world.arena(&["validate", "bundle/shop.pack.json", "--format", "json"])?.code(2)?.out;
    let listed: Vec<Value> = serde_json::from_str(&listed)?;
    assert!(
        listed.iter().any(|finding| finding["path"] == "prompts.intake.version" && finding["line"] == 1),
        "{listed:?}"
    );
    Ok(())
}

#[test]
fn an_unknown_version_and_guardrails_that_nobody_knows_are_refused() -> Result<()> {
    let mut newer = pack();
    newer["$schema"] = json!("https://promptpack.org/schema/v1.9.0/promptpack.schema.json");
    let one = world(&newer)?;
    let ran = one.arena(&["validate", "bundle/shop.pack.json"])?.code(2)?;
    assert!(ran.out.contains("error[PackVersionUnknown]") && ran.out.contains("1.3.1, 1.4, 1.5"), "{}", ran.out);
    for (validator, part) in [
        (json!({"type": "banned_wrods", "enabled": true, "params": {}}), "did you mean `banned_words`?"),
        (json!({"type": "max_length", "enabled": true, "params": {"max": "long"}}), "BadParams"),
    ] {
        let mut bad = pack();
        bad["prompts"]["end"]["validators"] = json!([validator]);
        let world = world(&bad)?;
        let ran = world.arena(&["validate", "bundle/shop.pack.json"])?.code(2)?;
        assert!(ran.out.contains("error[GuardrailFailed]") && ran.out.contains(part), "{}", ran.out);
    }
    Ok(())
}
