//! `arena score`: outputs that were made elsewhere.

use std::fs;

use anyhow::Result;
use arena_e2e::World;
use arena_harness::{Behaviour, FakeVendor};
use arena_model::{Outcome, Record, Taken};
use serde_json::{Value, json};

/// Two scenarios, one of two turns, and a vendor that must not be called.
fn world(vendor: &FakeVendor) -> Result<World> {
    let mut world = World::new()?;
    world.bundle.openai("m", &vendor.url());
    let contains = |word: &str| json!([{"type": "contains", "params": {"patterns": [word]}}]);
    world.bundle.checks("a", contains("fine"));
    let turn = |word: &str| json!({"role": "user", "content": "hello", "assertions": contains(word)});
    world.bundle.scenario("b", json!({"turns": [turn("one"), turn("two")]}));
    Ok(world)
}

fn write(world: &World, lines: &[Value]) -> Result<()> {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    Ok(fs::write(world.path("outputs.jsonl"), text)?)
}

const SCORE: [&str; 6] = ["score", "bundle", "--outputs", "outputs.jsonl", "--out", "out"];

#[test]
fn answers_and_conversations_are_judged_without_a_call() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour::text("fine"))?;
    let world = world(&vendor)?;
    let said = json!([
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "one"},
        {"role": "user", "content": "and?"},
        {"role": "assistant", "content": "three"},
    ]);
    write(&world, &[json!({"scenario": "b", "messages": said}), json!({"scenario": "a", "answer": "All is fine."})])?;
    world.arena(&SCORE)?.code(1)?.says("2 cases = 1 passed + 1 failed")?;
    let records = world.records("out")?;
    assert_eq!((records[0].outcome, records[0].messages.len()), (Outcome::Passed, 2));
    let outcomes: Vec<_> = records[1].checks.iter().map(|check| (check.turn, check.outcome)).collect();
    assert_eq!(outcomes, [(Some(0), Outcome::Passed), (Some(1), Outcome::Failed)]);
    assert_eq!((records[1].cost_usd_micro, vendor.calls()), (Some(0), 0));
    let from = world.manifest("out")?.origin.from.unwrap();
    assert_eq!((from.how, from.source.as_str(), from.cases), (Taken::Scored, "outputs.jsonl", 2));
    // The folder is one like any other, but there is nobody to call.
    world.arena(&["rescore", "out", "--out", "again", "-q"])?.code(1)?;
    world.arena(&["run", "--rerun", "out", "--out", "more"])?.code(2)?.says("error[NothingSelected]")?;
    Ok(())
}

#[test]
fn records_of_a_run_are_outputs() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour::text("fine"))?;
    let world = world(&vendor)?;
    let before = world.run(&[])?;
    let calls = vendor.calls();
    let exported = world.command(&["results", "export", "out"])?.output()?.stdout;
    fs::write(world.path("records.jsonl"), exported)?;
    let score = ["score", "bundle", "--outputs", "records.jsonl", "--out", "scored", "-q"];
    world.arena(&score)?.code(1)?;
    assert_eq!(vendor.calls(), calls);
    let verdicts = |records: &[Record]| -> Vec<_> {
        let told = |record: &Record| (record.outcome, record.messages.clone(), record.checks.clone());
        records.iter().map(told).collect()
    };
    assert_eq!(verdicts(&before), verdicts(&world.records("scored")?));
    Ok(())
}

#[test]
fn a_line_that_does_not_fit_is_named() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour::text("fine"))?;
    let world = world(&vendor)?;
    let (a, b) = (json!({"scenario": "a", "answer": "fine"}), json!({"scenario": "b", "answers": ["one", "two"]}));
    let timed = |latency_ms: Value| json!({"scenario": "a", "answer": "fine", "latency_ms": latency_ms});
    let (asked, said) = (json!({"role": "user", "content": "hi"}), json!({"role": "assistant", "content": "fine"}));
    for (lines, reason, part) in [
        (vec![a.clone()], "OutputMissing", "1 cases have no output: b / m trial 0"),
        (vec![a.clone(), b.clone(), a.clone()], "OutputTwice", "outputs.jsonl:3: the case of line 1"),
        (vec![a.clone(), b.clone(), json!({"scenario": "c", "answer": "x"})], "OutputUnknown", "outputs.jsonl:3:"),
        (vec![a.clone(), b.clone(), json!({"scenario": "a", "trial": 1, "answer": "x"})], "OutputUnknown", ":3:"),
        (
            vec![a.clone(), json!({"scenario": "b", "answers": ["one"]})],
            "OutputInvalid",
            "1 answers, and the scenario has 2",
        ),
        (vec![a.clone(), json!({"scenario": "b", "answre": "x"})], "OutputInvalid", "outputs.jsonl:2: unknown field"),
        (vec![a.clone(), json!({"scenario": "b"})], "OutputInvalid", "outputs.jsonl:2: it needs one of"),
        (vec![a.clone(), json!({"scenario": "b", "messages": []})], "OutputInvalid", "no user says anything"),
        (vec![timed(json!([-1])), b.clone()], "OutputInvalid", "outputs.jsonl:1: `latency_ms` has -1"),
        (vec![timed(json!([1e300])), b.clone()], "OutputInvalid", "a time is from 0 to"),
        (vec![timed(json!([1, 2])), b.clone()], "OutputInvalid", "2 times, and the scenario has 1 turns"),
        (
            vec![json!({"scenario": "a", "messages": [asked, said, asked, said]}), b.clone()],
            "OutputInvalid",
            "2 user messages, and the scenario has 1 turns",
        ),
    ] {
        write(&world, &lines)?;
        let ran = world.arena(&SCORE)?.code(2)?.says(&format!("error[{reason}]"))?;
        assert!(ran.err.contains(part), "{part}: {}", ran.err);
        assert!(!world.path("out").exists());
    }
    fs::write(world.path("outputs.jsonl"), "{\"scenario\": \"a\"\n")?;
    world.arena(&SCORE)?.code(2)?.says("outputs.jsonl:1:")?;
    // Some of them, where that is what is meant.
    write(&world, &[a])?;
    let mut partial = SCORE.to_vec();
    partial.push("--partial");
    world.arena(&partial)?.code(0)?.says("1 case = 1 passed")?;
    assert_eq!(vendor.calls(), 0);
    Ok(())
}
