//! `arena init` and `arena mocks generate`: how bundles and their mocks begin.

use std::fs;

use anyhow::Result;
use arena_e2e::World;
use arena_model::{Outcome, Record};
use serde_json::json;

#[test]
fn a_new_bundle_is_valid_and_passes() -> Result<()> {
    let world = World::new()?;
    world.arena(&["init", "my bots"])?.code(0)?.says("next: arena validate 'my bots' && arena run 'my bots'")?;
    world.arena(&["validate", "my bots", "--strict"])?.code(0)?.says("valid: 1 scenario, 1 case")?;
    world.arena(&["run", "my bots", "--out", "out"])?.code(0)?.says("passed: 1 case")?;
    assert_eq!(world.records("out")?[0].checks.len(), 3);
    world.arena(&["init", "my bots"])?.code(2)?.says("error[FolderExists]")?;
    fs::create_dir(world.path("empty"))?;
    world.arena(&["init", "empty"])?.code(0)?;
    assert!(fs::read_to_string(world.path("empty/config.arena.yaml"))?.contains("name: \"empty\""));
    world.arena(&["init", "bundle/config.arena.yaml"])?.code(3)?.says("error[FileUnwritable]")?;
    Ok(())
}

/// Two scenarios of which one fails, for the model `m` and, by its own mock file, `n`.
fn world() -> Result<World> {
    let mut world = World::new()?;
    let text = "it's #1: {\"a\": [1]} \\ \t\u{2603}\r\n  fine  ";
    let file = json!({"scenarios": {"talk": {"turns": {"1": "first", "2": text}}, "no": {"defaultResponse": "bad"}}});
    world.bundle.mock("m", &file)?.mock("n", &json!({"defaultResponse": "first fine"}))?;
    let turn = |word: &str| json!({"role": "user", "content": "hello", "assertions": [{"type": "contains", "params": {"patterns": [word]}}]});
    world.bundle.scenario("talk", json!({"trials": 2, "turns": [turn("first"), turn("fine")]}));
    world.bundle.scenario("no", json!({"turns": [turn("fine")]}));
    Ok(world)
}

fn verdicts(records: &[Record], provider: &str) -> Vec<(String, u32, Outcome, Vec<String>)> {
    let of_it = records.iter().filter(|record| record.provider == provider);
    let texts = |record: &Record| record.messages.iter().map(|message| message.content.text().into_owned()).collect();
    of_it.map(|record| (record.scenario.clone(), record.trial, record.outcome, texts(record))).collect()
}

#[test]
fn a_runs_replies_give_the_same_verdicts_again() -> Result<()> {
    let world = world()?;
    world.arena(&["run", "bundle", "--out", "first", "-q"])?.code(1)?;
    world.arena(&["mocks", "generate", "first"])?.code(2)?.says("error[MockAmbiguous]")?.says("--provider")?;
    let generate = ["mocks", "generate", "first", "--provider", "m"];
    let shown = world.arena(&generate)?.code(0)?.out;
    world.arena(&[&generate[..], &["--out", "made/mock.yaml"]].concat())?.code(0)?;
    assert_eq!(fs::read_to_string(world.path("made/mock.yaml"))?, shown);
    let again = ["run", "bundle", "--out", "again", "-q", "--mock-provider", "--mock-config", "made/mock.yaml"];
    world.arena(&again)?.code(1)?;
    let (first, again) = (world.records("first")?, world.records("again")?);
    assert_eq!(verdicts(&again, "m"), verdicts(&first, "m"));
    assert_eq!(verdicts(&again, "m").len(), 3);
    Ok(())
}

#[test]
fn a_mock_file_can_be_merged_into_and_split() -> Result<()> {
    let world = world()?;
    world.arena(&["run", "bundle", "--out", "first", "-q"])?.code(1)?;
    let generate = ["mocks", "generate", "first", "--provider", "n", "--out"];
    fs::write(
        world.path("mock.yaml"),
        "defaultResponse: d\nscenarios:\n  talk:\n    turns: {1: old, 7: kept}\n  mine:\n",
    )?;
    world.arena(&[&generate[..], &["mock.yaml", "--merge"]].concat())?.code(0)?;
    let expected = "defaultResponse: \"d\"\nscenarios:\n  mine: null\n  \"no\":\n    turns:\n      1: \"first fine\"\n  talk:\n    \
                    turns:\n      1: \"first fine\"\n      2: \"first fine\"\n      7: \"kept\"\n";
    assert_eq!(fs::read_to_string(world.path("mock.yaml"))?, expected);
    fs::write(world.path("mock.yaml"), "scenario: {}\n")?;
    world.arena(&[&generate[..], &["mock.yaml", "--merge"]].concat())?.code(2)?.says("error[MockFileInvalid]")?;
    world.arena(&[&generate[..], &["split", "--per-scenario"]].concat())?.code(0)?;
    let mut names: Vec<_> = fs::read_dir(world.path("split"))?.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["no.yaml", "talk.yaml"]);
    world.arena(&["mocks", "generate", "first", "--provider", "x"])?.code(2)?.says("error[NothingSelected]")?;
    world.arena(&["mocks", "generate", "nowhere"])?.code(2)?.says("error[NotARun]")?;
    world.arena(&["mocks", "generate", "first", "--merge"])?.code(2)?;
    Ok(())
}
