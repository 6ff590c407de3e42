//! What is printed, and what happens where it cannot be.

use std::fs::OpenOptions;
use std::process::Stdio;

use anyhow::Result;
use arena_e2e::{World, component};
use serde_json::json;

/// A bundle whose scenario `s` is run three times, with a provider of a short and one of a long name.
fn failing() -> Result<World> {
    let mut world = World::new()?;
    world.bundle.says("m", "bad")?.says("größer", "fine")?;
    world.bundle.checks("s", json!([{"type": "contains", "params": {"patterns": ["fine"]}}]));
    world.bundle.spec["scenario_specs"]["s"]["trials"] = json!(3);
    world.bundle.write()?;
    Ok(world)
}

#[test]
fn a_full_output_is_machinery_and_says_so() -> Result<()> {
    let world = failing()?;
    world.arena(&["run", "bundle", "--out", "done"])?.code(1)?;
    let text = component("text")?.display().to_string();
    for command in [
        &["validate", "bundle"][..],
        &["run", "bundle", "--out", "out"],
        &["run", "--resume", "out", "-q"],
        &["results", "export", "done"],
        &["completion", "bash"],
        &["bundle", "inspect", "bundle"],
        &["evaluator", "new", "polite"],
        &["evaluator", "run", &text, "--check", "contains", "--params", "{\"patterns\": [\"x\"]}", "--reply", "x"],
        &["--help"],
        &["run", "--help"],
        &["--version"],
    ] {
        let full = OpenOptions::new().write(true).open("/dev/full")?;
        let output = world.command(command)?.stdout(full).stderr(Stdio::piped()).spawn()?.wait_with_output()?;
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{command:?}: {err}");
        assert!(err.contains("error[") && err.contains("No space left"), "{command:?}: {err}");
    }
    assert!(world.path("out/summary.json").exists(), "the run itself is whole");
    Ok(())
}

#[test]
fn a_full_standard_error_changes_nothing() -> Result<()> {
    let world = failing()?;
    for (command, code) in [(&["run", "nowhere"][..], 2), (&["run", "bundle", "--out", "out"], 1)] {
        let full = OpenOptions::new().write(true).open("/dev/full")?;
        let mut command = world.command(command)?;
        let status = command.env("ARENA_LOG", "debug").stdout(Stdio::null()).stderr(full).status()?;
        assert_eq!(status.code(), Some(code));
    }
    Ok(())
}

#[test]
fn trials_are_counted_from_one() -> Result<()> {
    let out = failing()?.arena(&["run", "bundle", "--out", "out", "-j", "1"])?.code(1)?.out;
    for trial in 1..=3 {
        assert!(out.contains(&format!("failed s / m trial {trial} of 3: ")), "{out}");
    }
    Ok(())
}

#[test]
fn providers_stand_in_a_column() -> Result<()> {
    let out = failing()?.arena(&["run", "bundle", "--out", "out"])?.code(1)?.out;
    let column = |id: &str| {
        let line = out.lines().find(|line| line.trim_start().starts_with(id) && line.contains('%')).unwrap();
        line.chars().position(|c| c == '%')
    };
    assert_eq!(column("m"), column("größer"), "{out}");
    assert!(out.contains("  m         0 %"), "{out}");
    Ok(())
}

#[test]
fn the_usage_of_run_shows_both_ways_and_without_a_bundle_it_is_this_folder() -> Result<()> {
    let world = failing()?;
    let ran = world.arena(&["run", "--nonsense"])?.code(2)?;
    assert!(ran.err.contains("arena run --resume <DIR>"), "{}", ran.err);
    world.arena(&["run"])?.code(2)?.says("error[ArenaMissing]")?;
    let ran = world.command(&["run", "--quiet", "--out", "../out"])?.current_dir(world.path("bundle")).output()?;
    assert_eq!(ran.status.code(), Some(1), "{}", String::from_utf8_lossy(&ran.stderr));
    Ok(())
}

#[test]
fn the_report_says_what_the_terminal_says() -> Result<()> {
    let world = failing()?;
    world.arena(&["run", "bundle", "--out", "out"])?.code(1)?;
    assert!(world.manifest("out")?.origin.engine.starts_with("arena "));
    let report = std::fs::read_to_string(world.path("out/report.html"))?;
    assert!(report.contains("origin.engine") && !report.contains("`arena ${origin.engine}`"));
    assert!(report.contains("`trial ${trial + 1}`"), "the report counts trials as the terminal does");
    Ok(())
}
