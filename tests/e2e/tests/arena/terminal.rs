//! What reaches the terminal.

use anyhow::Result;
use arena_e2e::World;
use serde_json::json;

/// Text that would colour the screen, set its title, go back over what stands there and fake a verdict.
const HOSTILE: &str = "\u{1b}[31mred\u{1b}]0;title\u{7}\r\u{9b}2J\u{202e}kcab\npassed: 100 cases";

fn clean(text: &str) -> bool {
    !text.contains(['\u{1b}', '\u{7}', '\r', '\u{9b}', '\u{202e}'])
}

fn hostile() -> Result<World> {
    let mut world = World::new()?;
    world.bundle.name = HOSTILE.to_owned();
    world.bundle.says("m", HOSTILE)?;
    world.bundle.spec["provider_specs"] = json!({HOSTILE: {
        "type": "mock", "model": HOSTILE, "additional_config": {"mock_config": "mock-m.yaml"},
    }});
    let check = json!({"type": "equals", "params": {"expected": HOSTILE.repeat(2)}, "message": HOSTILE});
    world.bundle.checks(HOSTILE, json!([check]));
    Ok(world)
}

#[test]
fn strangers_texts_are_made_harmless() -> Result<()> {
    let world = hostile()?;
    for command in [&["run", "bundle", "--out", "out"][..], &["run", "--resume", "out"], &["validate", "bundle"]] {
        let ran = world.arena(command)?;
        assert!(ran.code < 2, "{}", ran.all());
        assert!(clean(&ran.all()), "{:?}", ran.all());
        let faked = ran.all().lines().filter(|line| line.starts_with("passed")).count();
        assert_eq!(faked, 0, "{}", ran.all());
    }
    Ok(())
}

#[test]
fn records_as_json_have_the_same_value_in_harmless_characters() -> Result<()> {
    let world = hostile()?;
    let record = world.run_one()?;
    for command in [&["results", "show", "out", "0", "--json"][..], &["results", "tail", "out", "--format", "jsonl"]] {
        let ran = world.arena(command)?.code(0)?;
        assert!(clean(&ran.out), "{:?}", ran.out);
        assert_eq!(serde_json::from_str::<arena_model::Record>(&ran.out)?, record);
    }
    Ok(())
}

#[test]
fn what_was_said_stays_in_the_record_as_it_was() -> Result<()> {
    let record = hostile()?.run_one()?;
    assert_eq!(record.messages[2].content.text(), HOSTILE);
    assert_eq!(record.scenario, HOSTILE);
    Ok(())
}

#[test]
fn errors_about_strangers_texts_are_harmless() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.says("m", "x")?.scenario("s", json!({"task_type": HOSTILE, "providers": [HOSTILE]}));
    let ran = world.arena(&["run", "bundle", "--out", "out"])?.code(1)?;
    assert!(clean(&ran.all()), "{:?}", ran.all());
    Ok(())
}

#[test]
fn no_colours_without_a_terminal() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.says("m", "x")?.checks("s", json!([{"type": "contains", "params": {"patterns": ["y"]}}]));
    for variable in ["NO_COLOR", "ARENA_NOTHING"] {
        world.set(variable, "1");
        for command in
            [&["run", "bundle", "--out", variable][..], &["run", "nowhere"], &["validate", "bundle"], &["--help"]]
        {
            let ran = world.arena(command)?;
            assert!(!ran.all().contains('\u{1b}'), "{command:?}: {:?}", ran.all());
        }
    }
    Ok(())
}
