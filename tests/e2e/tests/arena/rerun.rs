//! `arena run --rerun`: some cases once more, the records of the others taken over.

use std::fs;

use anyhow::Result;
use arena_e2e::World;
use arena_harness::{Behaviour, FakeVendor, Reply};
use arena_model::{Outcome, Taken};
use serde_json::{Value, json};

/// Three scenarios; the vendor echoes the question, so that one of them fails.
fn world(vendor: &FakeVendor) -> Result<World> {
    let mut world = World::new()?;
    world.bundle.openai("m", &vendor.url());
    for (id, word) in [("a", "hello"), ("b", "goodbye"), ("c", "hello")] {
        world.bundle.checks(id, json!([{"type": "contains", "params": {"patterns": [word]}}]));
    }
    Ok(world)
}

fn echoing() -> Result<FakeVendor> {
    Ok(FakeVendor::start(Behaviour { reply: Reply::Echo, ..Behaviour::default() })?)
}

fn lines(world: &World, out: &str) -> Result<Vec<String>> {
    let exported = world.command(&["results", "export", out])?.output()?;
    Ok(String::from_utf8(exported.stdout)?.lines().map(str::to_owned).collect())
}

#[test]
fn only_what_failed_is_called_and_the_rest_keeps_its_bytes() -> Result<()> {
    let vendor = echoing()?;
    let world = world(&vendor)?;
    world.arena(&["run", "bundle", "--out", "out", "-q"])?.code(1)?.says("2 passed + 1 failed")?;
    assert_eq!(vendor.calls(), 3);
    // The model has come to its senses.
    vendor.behave(Behaviour::text("goodbye"));
    world.arena(&["run", "--rerun", "out", "--out", "again"])?.code(0)?.says("3 passed")?;
    assert_eq!(vendor.calls(), 4);
    let (before, after) = (lines(&world, "out")?, lines(&world, "again")?);
    assert_eq!((&before[0], &before[2]), (&after[0], &after[2]));
    assert_ne!(before[1], after[1]);
    let (was, now) = (world.manifest("out")?, world.manifest("again")?);
    assert_eq!(was.work_digest, now.work_digest);
    let from = now.origin.from.unwrap();
    assert_eq!((from.how, from.cases, from.calls), (Taken::Rerun, 2, 2));
    let summary: Value = serde_json::from_slice(&fs::read(world.path("again/summary.json"))?)?;
    assert_eq!(summary["cases"]["planned"], 3);
    // Nothing is left.
    world.arena(&["run", "--rerun", "again", "--out", "more"])?.code(2)?.says("error[NothingSelected]")?;
    assert!(!world.path("more").exists());
    Ok(())
}

#[test]
fn a_case_is_named_by_its_key() -> Result<()> {
    let vendor = echoing()?;
    let world = world(&vendor)?;
    let records = world.run(&[])?;
    let key = records[2].key.0.clone();
    world.arena(&["run", "--rerun", "out", "--case", &key[..10], "--out", "one", "-q"])?.code(1)?;
    assert_eq!(vendor.calls(), 4);
    world.arena(&["run", "--rerun", "out", "--case", &key, "--only", "failed", "--out", "two", "-q"])?.code(1)?;
    assert_eq!(vendor.calls(), 6);
    world
        .arena(&["run", "--rerun", "out", "--case", "0123456789", "--out", "x"])?
        .code(2)?
        .says("error[CaseUnknown]")?;
    world.arena(&["run", "--rerun", "out", "--case", "01", "--out", "x"])?.code(2)?.says("error[CaseUnknown]")?;
    world.arena(&["run", "--rerun", "out", "--only", "skipped", "--out", "x"])?.code(2)?.says("NothingSelected")?;
    assert_eq!(vendor.calls(), 6);
    Ok(())
}

#[test]
fn other_work_is_refused() -> Result<()> {
    let vendor = echoing()?;
    let mut world = world(&vendor)?;
    world.run(&[])?;
    world.bundle.file("note.txt", "new")?;
    let named = ["run", "bundle", "--rerun", "out", "--out", "again"];
    world.arena(&named)?.code(2)?.says("error[WorkChanged]")?;
    world.arena(&["run", "--rerun", "out", "--seed", "7"])?.code(2)?;
    world.arena(&["run", "--only", "failed"])?.code(2)?;
    assert_eq!((vendor.calls(), world.records("out")?[1].outcome), (3, Outcome::Failed));
    Ok(())
}
