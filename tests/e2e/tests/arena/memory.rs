//! What a model remembers by tools, and what it reads of its skills.

use anyhow::Result;
use arena_e2e::World;
use arena_model::{Outcome, Record, Role};
use serde_json::{Value, json};

fn outcomes(record: &Record) -> Vec<Outcome> {
    record.checks.iter().map(|check| check.outcome).collect()
}

/// Texts of what tools answered.
fn answers(record: &Record) -> Vec<String> {
    let answers = record.messages.iter().filter(|message| message.role == Role::Tool);
    answers.map(|answer| answer.content.text().into_owned()).collect()
}

fn calls(calls: &[(&str, Value)]) -> Value {
    let calls: Vec<_> = calls.iter().map(|(name, arguments)| json!({"name": name, "arguments": arguments})).collect();
    json!({"response": "one moment", "tool_calls": calls})
}

#[test]
fn what_is_remembered_is_recalled_in_a_later_turn() -> Result<()> {
    let mut world = World::new()?;
    let remember = calls(&[("memory__remember", json!({"content": "prefers dark mode", "type": "preference"}))]);
    let recall = calls(&[
        ("memory__recall", json!({"query": "DARK"})),
        ("memory__recall", json!({"query": "light"})),
        ("memory__forget", json!({"memory_id": "mem_1"})),
        ("memory__list", json!({})),
        ("memory__recall", json!({"question": "dark"})),
    ]);
    let turns = json!({"1": remember, "2": "noted", "3": recall, "4": "you like it dark"});
    world.bundle.mock("m", &json!({"defaultResponse": "hm", "scenarios": {"s": {"turns": turns}}}))?;
    world.bundle.spec["memory"] = json!({"enabled": true});
    let found = |pattern: &str, occurrence: u32| {
        json!({"type": "tool_result_includes",
               "params": {"tool": "memory__recall", "patterns": [pattern], "occurrence": occurrence}})
    };
    world.bundle.scenario(
        "s",
        json!({
            "seed_memories": [{"content": "is called Ada", "type": "fact", "confidence": 0.9}],
            "turns": [{"role": "user", "content": "I like it dark"}, {"role": "user", "content": "what do I like?",
                "assertions": [
                    found("prefers dark mode", 1),
                    found("prefers dark mode", 2),
                    {"type": "tools_called", "params": {"tools": ["memory__remember", "memory__forget"]}},
                    {"type": "tools_not_called", "params": {"tools": ["memory__remember"]}},
                ]}],
        }),
    );
    let record = world.run_one()?;
    assert_eq!(outcomes(&record), [Outcome::Passed, Outcome::Failed, Outcome::Passed, Outcome::Failed]);
    let answers = answers(&record);
    let parsed = |at: usize| serde_json::from_str::<Value>(&answers[at]).unwrap();
    assert_eq!(parsed(0), json!({"status": "remembered", "id": "mem_2"}));
    assert_eq!(parsed(2), json!({"count": 0, "memories": []}));
    assert_eq!(parsed(4)["memories"][0]["content"], "prefers dark mode");
    // Arguments are held against the tool's schema.
    assert!(answers[5].contains("error"), "{}", answers[5]);
    Ok(())
}

#[test]
fn each_case_begins_with_its_seeds_alone() -> Result<()> {
    let mut world = World::new()?;
    let both = calls(&[("memory__list", json!({})), ("memory__remember", json!({"content": "something else"}))]);
    world.bundle.mock("m", &json!({"scenarios": {"s": {"turns": {"1": both, "2": "done"}}}}))?;
    world.bundle.spec["memory"] = json!({"enabled": true});
    let check =
        json!([{"type": "tool_result_includes", "params": {"tool": "memory__list", "patterns": ["\"count\":1"]}}]);
    world.bundle.checks("s", check);
    world.bundle.spec["scenario_specs"]["s"]["seed_memories"] = json!([{"content": "is called Ada"}]);
    world.bundle.spec["scenario_specs"]["s"]["trials"] = json!(3);
    for record in world.run(&[])? {
        assert_eq!(outcomes(&record), [Outcome::Passed], "{:?}", answers(&record));
    }
    Ok(())
}

#[test]
fn without_a_memory_nothing_is_remembered() -> Result<()> {
    let mut world = World::new()?;
    let remember = calls(&[("memory__remember", json!({"content": "x"}))]);
    world.bundle.mock("m", &json!({"scenarios": {"s": {"turns": {"1": remember, "2": "done"}}}}))?;
    world.bundle.spec["tool_specs"] = json!({"other": {"description": "d", "input_schema": {}, "output_schema": {},
                                                       "mode": "mock", "mock_result": "none"}});
    world.bundle.checks("s", json!([{"type": "tools_called", "params": {"tools": ["memory__remember"]}}]));
    world.bundle.spec["scenario_specs"]["s"]["seed_memories"] = json!([{"content": "is called Ada"}]);
    world.arena(&["validate", "bundle"])?.says("MemoryMissing")?;
    assert_eq!(outcomes(&world.run_one()?), [Outcome::Failed]);
    Ok(())
}

#[test]
fn files_of_a_skill_are_read_within_its_folder() -> Result<()> {
    let mut world = World::new()?;
    for folder in ["skills/alpha/notes", "skills/beta"] {
        std::fs::create_dir_all(world.path(&format!("bundle/{folder}")))?;
    }
    for name in ["alpha", "beta"] {
        let text = format!("---\nname: {name}\ndescription: about {name}\n---\nDo as {name} says.\n");
        world.bundle.file(&format!("skills/{name}/SKILL.md"), &text)?;
    }
    world.bundle.file("skills/alpha/notes/prices.md", "a cup costs two coins")?;
    world.bundle.file("skills/alpha/large.md", &"x".repeat((256 << 10) + 1))?;
    world.bundle.file("skills/alpha/just.md", &"x".repeat(256 << 10))?;
    world.bundle.file("skills/beta/secret.md", "beta's own")?;
    world.bundle.spec["skills"] =
        json!([{"path": "skills/"}, {"name": "inline", "description": "d", "instructions": "i"}]);
    let read = |skill: &str, path: &str| ("skill__read_resource", json!({"skill_name": skill, "path": path}));
    let turn = calls(&[
        read("alpha", "notes/prices.md"),
        read("alpha", "./notes/../notes/prices.md"),
        read("alpha", "just.md"),
        read("alpha", "large.md"),
        read("alpha", "../beta/secret.md"),
        read("alpha", "notes/../../beta/secret.md"),
        read("alpha", "/etc/hostname"),
        read("alpha", "absent.md"),
        read("gamma", "notes/prices.md"),
        read("inline", "mock-m.yaml"),
    ]);
    world.bundle.mock("m", &json!({"scenarios": {"s": {"turns": {"1": turn, "2": "done"}}}}))?;
    let found = |pattern: &str, occurrence: u32| {
        json!({"type": "tool_result_includes",
               "params": {"tool": "skill__read_resource", "patterns": [pattern], "occurrence": occurrence}})
    };
    world.bundle.checks("s", json!([found("two coins", 2), found("two coins", 3), found("beta's own", 1)]));
    let record = world.run_one()?;
    assert_eq!(outcomes(&record), [Outcome::Passed, Outcome::Failed, Outcome::Failed]);
    let failed = |record: &Record| {
        let answers = record.messages.iter().filter(|message| message.role == Role::Tool);
        answers.map(|answer| answer.finish.as_deref() == Some("error")).collect::<Vec<_>>()
    };
    assert_eq!(failed(&record), [false, false, false, true, true, true, true, true, true, true]);
    Ok(())
}
