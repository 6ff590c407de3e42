//! `arena results export`, `arena completion`, and readers that go away.

use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::Result;
use arena_e2e::World;
use arena_model::Record;
use serde_json::{Value, json};

fn finished() -> Result<World> {
    let mut world = World::new()?;
    world.bundle.says("a", "fine")?.says("b", "bad")?;
    world.bundle.checks("s", json!([{"type": "contains", "params": {"patterns": ["fine"]}}]));
    world.bundle.spec["scenario_specs"]["s"]["trials"] = json!(3);
    world.run(&["-j", "6"])?;
    Ok(world)
}

/// Keys of an object.
fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn export_prints_records_in_plan_order() -> Result<()> {
    let world = finished()?;
    let out = world.arena(&["results", "export", "out", "--format", "jsonl"])?.code(0)?.out;
    let records: Vec<Record> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(records, world.records("out")?);
    assert_eq!(records.iter().map(|record| record.index).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
    Ok(())
}

#[test]
fn a_record_has_the_keys_of_version_1() -> Result<()> {
    let world = finished()?;
    let out = world.arena(&["results", "export", "out"])?.code(0)?.out;
    let record: Value = serde_json::from_str(out.lines().next().unwrap())?;
    assert_eq!(record["v"], 1);
    let has = |value: &Value, wanted: &[&str]| {
        let keys = keys(value);
        for key in wanted {
            assert!(keys.contains(key), "{key} is not in {keys:?}");
        }
    };
    has(&record, &["v", "key", "index", "input", "scenario", "provider", "region", "trial", "row", "variant"]);
    has(&record, &["outcome", "reason", "messages", "checks", "usage", "cost_usd_micro", "measured"]);
    has(&record["messages"][2], &["role", "by", "content", "usage", "cost_usd_micro", "finish"]);
    has(
        &record["checks"][0],
        &["scope", "turn", "index", "id", "type", "params", "outcome", "score", "reason", "evidence"],
    );
    has(&record["checks"][0], &["evaluator", "fuel", "memory_bytes", "reused", "calls"]);
    has(&record["checks"][0]["evaluator"], &["name", "digest"]);
    has(&record["usage"], &["input", "output", "cached"]);
    has(
        &record["measured"],
        &["started", "latency_ms", "ttft_ms", "turns", "checks_us", "attempts", "worker", "cached"],
    );
    Ok(())
}

#[test]
fn export_of_what_is_no_run_is_bad_input() -> Result<()> {
    World::new()?.arena(&["results", "export", "bundle"])?.code(2)?.says("error[NotARun]")?;
    Ok(())
}

#[test]
fn a_reader_that_goes_away_is_no_error() -> Result<()> {
    let world = finished()?;
    for command in [
        &["results", "export", "out"][..],
        &["completion", "bash"],
        &["validate", "bundle"],
        &["run", "bundle", "--out", "again"],
    ] {
        let (reader, writer) = std::io::pipe()?;
        drop(reader);
        let output = world.command(command)?.stdout(writer).stderr(Stdio::piped()).spawn()?.wait_with_output()?;
        let wanted = i32::from(command[0] == "run");
        assert_eq!(output.status.code(), Some(wanted), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stderr.is_empty(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

#[test]
fn completions_know_the_commands() -> Result<()> {
    let world = World::new()?;
    for shell in ["bash", "zsh", "fish"] {
        let script = world.arena(&["completion", shell])?.code(0)?.out;
        for word in ["validate", "evaluator", "mock-config"] {
            assert!(script.contains(word), "{shell} lacks {word}");
        }
        if shell == "bash" {
            let mut bash = Command::new("bash").arg("-n").stdin(Stdio::piped()).spawn()?;
            bash.stdin.take().unwrap().write_all(script.as_bytes())?;
            assert!(bash.wait()?.success());
        }
    }
    world.arena(&["completion", "csh"])?.code(2)?;
    Ok(())
}
