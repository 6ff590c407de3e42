//! A run that was stopped, and the rest of it.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::time::Duration;

use anyhow::Result;
use arena_e2e::{Signal, World, until};
use arena_harness::{Behaviour, Failing, Failure, FakeVendor, Reply};
use serde_json::json;

const CASES: u64 = 40;

/// A run of 40 cases, each of which the vendor takes a while for.
fn long(vendor: &FakeVendor) -> Result<World> {
    let mut world = World::new()?;
    world.bundle.openai("m", &vendor.url());
    world.bundle.checks("s", json!([{"type": "contains", "params": {"patterns": ["hello"]}}]));
    world.bundle.spec["scenario_specs"]["s"]["trials"] = json!(CASES);
    Ok(world)
}

fn vendor() -> Result<FakeVendor> {
    Ok(FakeVendor::start(Behaviour { reply: Reply::Echo, latency: Duration::from_millis(50), ..Behaviour::default() })?)
}

/// Stops a run in the middle by one signal; gives the calls made so far.
fn stopped(world: &World, vendor: &FakeVendor, how: Signal) -> Result<u64> {
    let running = world.start(&["run", "bundle", "--out", "out", "-q", "-j", "2"])?;
    until("some calls", || vendor.calls() >= 4)?;
    running.signal(how)?;
    running.end()?.code(130)?.says("arena run --resume ")?.says("finishing the cases in flight")?;
    Ok(vendor.calls())
}

fn journal(world: &World) -> Result<String> {
    Ok(fs::read_to_string(world.path("out/journal.jsonl"))?)
}

#[test]
fn a_signal_drains_and_the_rest_runs_later() -> Result<()> {
    for how in [Signal::INT, Signal::TERM] {
        let vendor = vendor()?;
        let world = long(&vendor)?;
        let calls = stopped(&world, &vendor, how)?;
        assert!(calls < CASES, "{calls}");
        assert_eq!(journal(&world)?.lines().count() as u64, calls);
        world.arena(&["run", "--resume", "out", "-q"])?.code(0)?.says("40 passed")?;
        assert_eq!(vendor.calls(), CASES);
        let indices: Vec<u64> = world.records("out")?.iter().map(|record| record.index).collect();
        assert_eq!(indices, (0..CASES).collect::<Vec<_>>());
        assert!(!world.path("out/journal.jsonl").exists());
    }
    Ok(())
}

#[test]
fn a_second_signal_drops_what_is_in_flight() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour::default().failing([Failing::always(Failure::Hang)]))?;
    let world = long(&vendor)?;
    let mut running = world.start(&["run", "bundle", "--out", "out", "-q", "-j", "2"])?;
    until("two calls", || vendor.calls() == 2)?;
    running.signal(Signal::INT)?;
    running.wait_for("once more to stop at once")?;
    running.signal(Signal::INT)?;
    running.end()?.code(130)?;
    assert_eq!(journal(&world)?, "");
    vendor.behave(Behaviour { reply: Reply::Echo, ..Behaviour::default() });
    world.arena(&["run", "--resume", "out", "-q"])?.code(0)?;
    assert_eq!(vendor.calls(), CASES + 2);
    Ok(())
}

#[test]
fn a_finished_run_prints_its_verdict_again_and_calls_nobody() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour { reply: Reply::Echo, ..Behaviour::default() })?;
    let world = long(&vendor)?;
    let first = world.arena(&["run", "bundle", "--out", "out"])?.code(0)?;
    let summary = fs::read(world.path("out/summary.json"))?;
    let again = world.arena(&["run", "--resume", "out"])?.code(0)?;
    assert_eq!((first.out, vendor.calls()), (again.out, CASES));
    assert_eq!(fs::read(world.path("out/summary.json"))?, summary);
    Ok(())
}

#[test]
fn a_second_process_is_refused() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour::default().failing([Failing::always(Failure::Hang)]))?;
    let world = long(&vendor)?;
    let running = world.start(&["run", "bundle", "--out", "out", "-q", "-j", "1"])?;
    until("a call", || vendor.calls() == 1)?;
    world.arena(&["run", "--resume", "out"])?.code(3)?.says("error[RunLocked]")?;
    world.arena(&["run", "bundle", "--out", "out"])?.code(2)?.says("error[RunDirExists]")?;
    running.signal(Signal::KILL)?;
    drop(running);
    vendor.behave(Behaviour { reply: Reply::Echo, ..Behaviour::default() });
    world.arena(&["run", "--resume", "out", "-q"])?.code(0)?;
    assert_eq!(vendor.calls(), CASES + 1);
    Ok(())
}

#[test]
fn changed_work_is_refused() -> Result<()> {
    let vendor = vendor()?;
    let mut world = long(&vendor)?;
    let calls = stopped(&world, &vendor, Signal::TERM)?;
    world.arena(&["run", "bundle", "--resume", "out", "-q", "-j", "0"])?.code(2)?;
    // The bundle that the user names is another one now.
    world.bundle.file("note.txt", "new")?;
    let refused = world.arena(&["run", "bundle", "--resume", "out"])?.code(2)?.says("error[WorkChanged]")?;
    assert!(refused.err.contains("the bundle changed") && refused.err.contains("hint:"), "{}", refused.err);
    // One byte of the frozen copy.
    let frozen = world.path("out/bundle/config.arena.yaml");
    let text = fs::read_to_string(&frozen)?;
    fs::write(&frozen, text.replace("You help.", "You helq."))?;
    world.arena(&["run", "--resume", "out"])?.code(2)?.says("error[WorkChanged]")?;
    fs::write(&frozen, text)?;
    assert_eq!(vendor.calls(), calls);
    world.arena(&["run", "--resume", "out", "-q"])?.code(0)?;
    assert_eq!(vendor.calls(), CASES);
    Ok(())
}

#[test]
fn the_same_bundle_may_be_named() -> Result<()> {
    let vendor = vendor()?;
    let world = long(&vendor)?;
    stopped(&world, &vendor, Signal::TERM)?;
    world.arena(&["run", "bundle", "--resume", "out", "-q", "-j", "7"])?.code(0)?;
    assert_eq!(vendor.calls(), CASES);
    Ok(())
}

#[test]
fn half_a_record_is_dropped_with_a_warning_and_run_again() -> Result<()> {
    let vendor = vendor()?;
    let world = long(&vendor)?;
    let calls = stopped(&world, &vendor, Signal::TERM)?;
    let journal = world.path("out/journal.jsonl");
    let whole = fs::read(&journal)?;
    fs::write(&journal, &whole[..whole.len() - 10])?;
    let resumed = world.arena(&["run", "--resume", "out"])?.code(0)?;
    assert!(resumed.err.contains("warning: the journal ended in half a record"), "{}", resumed.err);
    assert_eq!(vendor.calls(), CASES + 1);
    assert!(calls < CASES);
    Ok(())
}

#[test]
fn a_damaged_journal_is_not_taken_for_less() -> Result<()> {
    let vendor = vendor()?;
    let world = long(&vendor)?;
    stopped(&world, &vendor, Signal::TERM)?;
    let path = world.path("out/journal.jsonl");
    let first = journal(&world)?.lines().next().unwrap().to_owned();
    let mut file = OpenOptions::new().append(true).open(&path)?;
    writeln!(file, "oops\n{first}")?;
    drop(file);
    world.arena(&["run", "--resume", "out"])?.code(3)?.says("error[JournalCorrupt]")?;
    Ok(())
}

#[test]
fn what_is_no_run_is_refused() -> Result<()> {
    let world = World::new()?;
    world.arena(&["run", "--resume", "bundle"])?.code(2)?.says("error[NotARun]")?;
    for flag in [&["--seed", "1"][..], &["--out", "x"], &["--mock-provider"], &["--evaluator", "a=b"]] {
        world.arena(&[&["run", "--resume", "out"], flag].concat())?.code(2)?;
    }
    Ok(())
}
