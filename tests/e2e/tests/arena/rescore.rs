//! `arena rescore`: checks judge again what was stored, and nobody is called.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use arena_e2e::{World, component};
use arena_harness::{Behaviour, FakeVendor};
use arena_model::{Outcome, Record, Taken};
use serde_json::{Value, json};

/// What a judge says.
const ANSWER: &str = r#"{"passed": true, "score": 0.95238095238095233, "reasoning": "good"}"#;

/// The lines of a run as they are stored.
fn lines(world: &World, out: &str) -> Result<Vec<Value>> {
    let exported = world.command(&["results", "export", out])?.output()?;
    let text = String::from_utf8(exported.stdout)?;
    Ok(text.lines().map(serde_json::from_str).collect::<serde_json::Result<_>>()?)
}

fn export(world: &World, out: &str) -> Result<Vec<u8>> {
    Ok(world.command(&["results", "export", out])?.output()?.stdout)
}

/// Two turns with checks of two components, one of them a judge, three trials.
fn world(vendor: &FakeVendor) -> Result<World> {
    let mut world = World::new()?;
    world.bundle.openai("m", &vendor.url()).openai("j", &vendor.url());
    world.bundle.spec["judge_specs"] = json!({"strict": {"provider": "j"}});
    let contains = |word: &str| json!({"type": "contains", "params": {"patterns": [word]}});
    let judged =
        json!({"type": "llm_judge", "params": {"criteria": "is it fine?", "judge": "strict", "min_score": 0.9}});
    let turn = |word: &str| json!({"role": "user", "content": "hello", "assertions": [contains(word), judged]});
    let last = json!([{"type": "min_length", "params": {"min": 3}}]);
    world.bundle.scenario("s", json!({"turns": [turn("passed"), turn("score")], "conversation_assertions": last}));
    world.bundle.spec["scenario_specs"]["s"]["providers"] = json!(["m"]);
    world.bundle.spec["scenario_specs"]["s"]["trials"] = json!(3);
    Ok(world)
}

fn vendor() -> Result<FakeVendor> {
    Ok(FakeVendor::start(Behaviour::text(ANSWER))?)
}

/// A component of the standard library that does the same and has another digest.
fn retagged(world: &World, name: &str) -> Result<PathBuf> {
    let mut bytes = fs::read(component(name)?)?;
    // A custom section of three bytes: a name of one, and one byte.
    bytes.extend([0, 3, 1, b'x', b'y']);
    let path = world.path(&format!("{name}.wasm"));
    fs::write(&path, bytes)?;
    Ok(path)
}

#[test]
fn the_same_checks_give_the_same_bytes_and_call_nobody() -> Result<()> {
    let vendor = vendor()?;
    let world = world(&vendor)?;
    let records = world.run(&[])?;
    let calls = vendor.calls();
    assert_eq!((calls, records.len()), (3 * 4, 3));
    world.arena(&["rescore", "out", "--out", "again"])?.code(0)?.says("0 checks judged again, 15 taken over")?;
    assert_eq!(vendor.calls(), calls);
    assert_eq!(export(&world, "out")?, export(&world, "again")?);
    let (was, now) = (world.manifest("out")?, world.manifest("again")?);
    assert_eq!(was.work_digest, now.work_digest);
    let from = now.origin.from.unwrap();
    assert_eq!((from.how, from.work_digest, from.cases), (Taken::Rescored, Some(was.work_digest), 3));
    let summary: Value = serde_json::from_slice(&fs::read(world.path("out/summary.json"))?)?;
    assert_eq!(json!(from.merkle_root), summary["merkleRoot"]);
    // A folder like any other, which can be judged again as well.
    world.arena(&["run", "--resume", "again", "-q"])?.code(0)?.says("3 passed")?;
    world.arena(&["rescore", "again", "--out", "more", "-q"])?.code(0)?;
    assert_eq!((export(&world, "more")?, vendor.calls()), (export(&world, "out")?, calls));
    Ok(())
}

#[test]
fn one_changed_check_touches_only_itself() -> Result<()> {
    let vendor = vendor()?;
    let mut world = world(&vendor)?;
    world.run(&[])?;
    let calls = vendor.calls();
    let checks = "/scenario_specs/s/turns/1/assertions";
    world.bundle.spec.pointer_mut(checks).unwrap()[0]["params"]["patterns"] = json!(["nowhere"]);
    world.arena(&["rescore", "out", "--bundle", "bundle", "--out", "again"])?.code(1)?.says("3 checks judged again")?;
    assert_eq!(vendor.calls(), calls);
    let (before, after) = (lines(&world, "out")?, lines(&world, "again")?);
    for (mut was, mut now) in before.into_iter().zip(after) {
        assert_eq!(now["outcome"], "failed");
        assert_eq!(now["checks"][2]["outcome"], "failed");
        let micros = |record: &Value| record["measured"]["checks_us"][2].clone();
        assert_ne!(micros(&now), Value::Null);
        for key in ["outcome", "reason"] {
            was[key] = now[key].clone();
        }
        was["checks"][2] = now["checks"][2].clone();
        now["measured"]["checks_us"][2] = micros(&was);
        // As text: each number has the digits that it had.
        assert_eq!(was.to_string(), now.to_string());
    }
    // One that stands before the others moves them, and judges alone.
    let added = json!({"type": "min_length", "params": {"min": 1}});
    world.bundle.spec.pointer_mut(checks).unwrap().as_array_mut().unwrap().insert(0, added);
    world
        .arena(&["rescore", "again", "--bundle", "bundle", "--out", "third"])?
        .code(1)?
        .says("3 checks judged again")?;
    let records = world.records("third")?;
    let places: Vec<_> = records[0].checks.iter().map(|check| (check.turn, check.index)).collect();
    assert_eq!(places, [(Some(0), 0), (Some(0), 1), (Some(1), 0), (Some(1), 1), (Some(1), 2), (None, 0)]);
    assert_eq!(records[0].checks[2].kind, "min_length");
    Ok(())
}

#[test]
fn a_changed_component_judges_its_own_checks() -> Result<()> {
    let vendor = vendor()?;
    let world = world(&vendor)?;
    let before = world.run(&[])?;
    let calls = vendor.calls();
    let flags: Vec<String> = ["text", "judge"]
        .iter()
        .map(|name| Ok(format!("{name}={}", retagged(&world, name)?.display())))
        .collect::<Result<_>>()?;
    world
        .arena(&["rescore", "out", "--out", "text", "--evaluator", &flags[0]])?
        .code(0)?
        .says("9 checks judged again")?;
    // What judges were asked is answered from the record.
    let all = ["rescore", "out", "--out", "both", "--evaluator", &flags[0], "--evaluators", &flags[1]];
    world.arena(&all)?.code(0)?.says("15 checks judged again, 0 taken over, 0 dropped; 0 cases end otherwise")?;
    assert_eq!(vendor.calls(), calls);
    for (was, now) in before.iter().zip(world.records("both")?) {
        let digests = |record: &Record| {
            record.checks.iter().filter_map(|it| Some(it.evaluator.clone()?.digest)).collect::<Vec<_>>()
        };
        assert!(digests(was).iter().zip(digests(&now)).all(|(was, now)| *was != now));
        let mut same = now.clone();
        for (was, now) in was.checks.iter().zip(&mut same.checks) {
            now.evaluator.clone_from(&was.evaluator);
        }
        same.measured.clone_from(&was.measured);
        assert_eq!(same, *was, "verdict, evidence, fuel, calls and cost are what they were");
    }
    assert_eq!(world.manifest("both")?.work.evaluators.len(), world.manifest("out")?.work.evaluators.len());
    Ok(())
}

#[test]
fn a_question_that_was_not_asked_has_no_answer_unless_it_may_be_asked() -> Result<()> {
    let vendor = vendor()?;
    let mut world = world(&vendor)?;
    world.run(&[])?;
    let calls = vendor.calls();
    let judged = "/scenario_specs/s/turns/0/assertions/1/params";
    world.bundle.spec.pointer_mut(judged).unwrap()["criteria"] = json!("is it short?");
    world.arena(&["rescore", "out", "--bundle", "bundle", "--out", "again", "-q"])?.code(1)?.says("3 error")?;
    let record = world.records("again")?.remove(0);
    assert_eq!(record.checks[1].error.as_deref(), Some("AnswerNotRecorded"));
    assert_eq!((record.error.as_deref(), record.cost_usd_micro, vendor.calls()), (Some("CheckError"), None, calls));
    // What has no answer has none when it is looked at once more.
    world.arena(&["verify", "again", "--rerun", "-q"])?.code(0)?;
    let may = ["rescore", "out", "--bundle", "bundle", "--out", "asked", "-q", "--allow-judge-calls"];
    world.arena(&may)?.code(0)?.says("3 passed")?;
    assert_eq!(vendor.calls(), calls + 3);
    let asked = world.records("asked")?.remove(0);
    assert_eq!(asked.checks[1].outcome, Outcome::Passed);
    Ok(())
}

#[test]
fn what_would_change_the_conversation_is_refused() -> Result<()> {
    let vendor = vendor()?;
    let mut world = world(&vendor)?;
    world.run(&[])?;
    let bundle = ["rescore", "out", "--bundle", "bundle", "--out", "again"];
    let spec = world.bundle.spec.clone();
    world.bundle.spec["scenario_specs"]["s"]["turns"][1]["content"] = json!("bye");
    world.arena(&bundle)?.code(2)?.says("error[InputsChanged]")?.says("scenarios")?;
    world.bundle.spec = spec.clone();
    world.bundle.spec["prompt_specs"]["p"]["system_template"] = json!("Be rude.");
    world.arena(&bundle)?.code(2)?.says("error[InputsChanged]")?.says("prompts")?;
    world.bundle.spec = spec;
    world.bundle.spec["scenario_specs"]["s"]["trials"] = json!(4);
    world.arena(&bundle)?.code(2)?.says("error[InputsChanged]")?;
    assert!(!world.path("again").exists());
    world.arena(&["rescore", "nowhere", "--out", "again"])?.code(2)?.says("error[NotARun]")?;
    world.arena(&["rescore", "out", "--out", "out"])?.code(2)?.says("error[RunDirExists]")?;
    Ok(())
}

#[test]
fn turns_of_personas_and_calls_of_checks_are_seen_as_they_were() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.says("m", "It is 20 degrees.")?.says("u", "And tomorrow?")?;
    world.bundle.spec["self_play"] = json!({"enabled": true, "roles": [{"id": "visitor", "provider": "u"}]});
    world.bundle.spec["self_play"]["personas"] = json!([{"file": "persona.yaml"}]);
    let persona = json!({"id": "curious", "description": "d", "system_prompt": "Ask.", "goals": ["ask"]});
    let persona = json!({
        "apiVersion": "promptkit.altairalabs.ai/v1alpha1", "kind": "Persona", "metadata": {"name": "curious"},
        "spec": persona,
    });
    world.bundle.file("persona.yaml", &persona.to_string())?;
    let degrees = json!([{"type": "contains", "params": {"patterns": ["degrees"]}}, {"type": "max_length", "params": {"max": 99}}]);
    world.bundle.scenario(
        "s",
        json!({"turns": [
            {"role": "user", "content": "hello", "assertions": degrees},
            {"role": "visitor", "persona": "curious", "turns": 3, "assertions": degrees},
            {"role": "visitor", "persona": "curious", "turns": 2, "assertions": degrees},
        ]}),
    );
    world.bundle.spec["scenario_specs"]["s"]["providers"] = json!(["m"]);
    let before = world.run(&[])?.remove(0);
    assert_eq!((before.outcome, before.checks.len()), (Outcome::Passed, 12));
    assert!(before.looks.is_some(), "exchanges that no script counts are noted");
    let flag = format!("text={}", retagged(&world, "text")?.display());
    let again = ["rescore", "out", "--out", "again", "--evaluator", &flag];
    world.arena(&again)?.code(0)?.says("12 checks judged again")?;
    let after = world.records("again")?.remove(0);
    let told = |record: &Record| -> Vec<_> {
        record
            .checks
            .iter()
            .map(|it| (it.turn, it.index, it.outcome, it.fuel, it.reason.clone(), it.evidence.clone()))
            .collect()
    };
    assert_eq!(told(&before), told(&after));
    Ok(())
}

#[test]
fn a_stored_folder_does_not_say_who_is_asked() -> Result<()> {
    let vendor = vendor()?;
    let mut world = world(&vendor)?;
    world.run(&[])?;
    let calls = vendor.calls();
    let flag = format!("judge={}", retagged(&world, "judge")?.display());
    let asks = ["rescore", "out", "--out", "again", "--allow-judge-calls", "--evaluator", &flag];
    world.arena(&asks)?.code(2)?.says("error[BundleNotGiven]")?.says("--bundle")?;
    assert!(!world.path("again").exists());
    assert_eq!(vendor.calls(), calls);
    world.bundle.spec["scenario_specs"]["s"]["turns"][0]["assertions"][1]["params"]["criteria"] = json!("is it short?");
    world.arena(&[&asks[..], &["--bundle", "bundle"]].concat())?.code(0)?;
    assert_eq!(vendor.calls(), calls + 3);
    Ok(())
}

#[test]
fn keys_of_those_who_are_not_asked_are_not_read() -> Result<()> {
    let vendor = vendor()?;
    let mut world = world(&vendor)?;
    let key = world.path("key");
    fs::write(&key, "sk-0123456789")?;
    for provider in ["m", "j"] {
        world.bundle.spec["provider_specs"][provider]["credential"] = json!({"credential_file": key.clone()});
    }
    world.run(&[])?;
    // Whoever opens a pipe to read it lets the one go on who would write to it.
    fs::remove_file(&key)?;
    assert!(std::process::Command::new("mkfifo").arg(&key).status()?.success());
    let (told, read) = std::sync::mpsc::sync_channel(1);
    let path = key.clone();
    let writer = std::thread::spawn(move || {
        let opened = fs::File::options().write(true).open(path);
        told.send(()).map(|()| opened)
    });
    world.arena(&["rescore", "out", "--out", "again", "-q"])?.code(0)?;
    world.arena(&["verify", "out", "--rerun", "-q"])?.code(0)?;
    assert!(read.try_recv().is_err(), "the key file was opened");
    drop(fs::File::open(&key)?);
    assert!(writer.join().is_ok());
    Ok(())
}

#[test]
fn a_link_in_the_folder_is_not_followed() -> Result<()> {
    let vendor = vendor()?;
    let world = world(&vendor)?;
    world.run(&[])?;
    fs::rename(world.path("out/bundle"), world.path("elsewhere"))?;
    std::os::unix::fs::symlink(world.path("elsewhere"), world.path("out/bundle"))?;
    world.arena(&["rescore", "out", "--out", "again"])?.code(2)?.says("error[LinkInRun]")?;
    world.arena(&["run", "--resume", "out"])?.code(2)?.says("error[LinkInRun]")?;
    Ok(())
}

#[test]
fn what_is_no_component_is_refused() -> Result<()> {
    let vendor = vendor()?;
    let world = world(&vendor)?;
    world.run(&[])?;
    fs::write(world.path("text.wasm"), "not a component")?;
    let text = ["rescore", "out", "--out", "again", "--evaluator", "text=text.wasm"];
    world.arena(&text)?.code(2)?.says("--evaluator text=text.wasm: ")?;
    assert!(!world.path("again").exists());
    Ok(())
}

#[test]
fn variables_of_tools_are_not_wanted_where_no_tool_is_called() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.says("m", "fine")?.checks("s", json!([{"type": "contains", "params": {"patterns": ["fine"]}}]));
    let set = world.command(&["run", "bundle", "--out", "out", "-q", "--tool-env", "SOME_KEY"]);
    world.bundle.write()?;
    assert!(set?.env("SOME_KEY", "value-of-a-key").status()?.success());
    world.arena(&["rescore", "out", "--out", "again", "-q"])?.code(0)?;
    assert_eq!(world.manifest("out")?.work_digest, world.manifest("again")?.work_digest);
    world.arena(&["verify", "out", "--rerun", "-q"])?.code(0)?;
    Ok(())
}
