//! `arena verify`: a run's folder against itself.

use std::fs;
use std::os::unix::fs::symlink;

use anyhow::Result;
use arena_e2e::{World, component};
use arena_harness::{Behaviour, FakeVendor};
use serde_json::json;

/// A run with labels, a table of its own, a given component and a mock file.
fn finished() -> Result<World> {
    let mut world = World::new()?;
    world.bundle.says("m", "fine")?;
    world.bundle.checks("s", json!([{"type": "contains", "params": {"patterns": ["fine"]}}]));
    world.bundle.spec["scenario_specs"]["s"]["trials"] = json!(3);
    let text = format!("text={}", component("text")?.display());
    world.arena(&["run", "bundle", "--out", "out", "--evaluator", &text, "-q"])?.code(0)?;
    Ok(world)
}

#[test]
fn a_finished_run_is_sound() -> Result<()> {
    let world = finished()?;
    let ran = world.arena(&["verify", "out"])?.code(0)?.says("sound")?.says("3 records")?;
    assert!(!ran.out.contains("note"), "{}", ran.out);
    let summary: serde_json::Value = serde_json::from_slice(&fs::read(world.path("out/summary.json"))?)?;
    ran.says(summary["merkleRoot"].as_str().unwrap())?;
    let provenance = &summary["provenance"];
    let manifest = world.manifest("out")?;
    assert_eq!(provenance["bundle"], json!(manifest.work.bundle));
    assert_eq!(provenance["evaluators"]["text"], json!(manifest.work.evaluators["text"].digest));
    assert_eq!((&provenance["models"]["m"], &provenance["seed"]), (&json!("m"), &json!(42)));
    assert_eq!(provenance["config"]["mockProvider"], json!(false));
    assert!(summary["origin"]["engine"].as_str().is_some_and(|engine| engine.starts_with("arena ")));
    assert_eq!(world.arena(&["verify", "out", "-q"])?.code(0)?.all(), "");
    Ok(())
}

#[test]
fn damage_is_found_and_named() -> Result<()> {
    let world = finished()?;
    for (file, wanted) in [
        ("bundle/config.arena.yaml", "bundle/config.arena.yaml: changed"),
        ("inputs/evaluator-0.wasm", "inputs/evaluator-0.wasm: changed"),
        ("segments/00001.strips", "segments/00001.strips: changed"),
        ("lock", "lock: changed"),
        ("manifest.json", "manifest.json"),
        ("index.json", "index.json"),
        ("checksums", "checksums: its last line"),
    ] {
        let path = world.path("out").join(file);
        let good = fs::read(&path)?;
        let mut bad = good.clone();
        let last = bad.len() - 2;
        bad[last] ^= 1;
        fs::write(&path, bad)?;
        world.arena(&["verify", "out"])?.code(1)?.says(wanted)?.says("not sound")?;
        fs::write(&path, good)?;
    }
    symlink("manifest.json", world.path("out/link"))?;
    world.arena(&["verify", "out"])?.code(1)?.says("link")?;
    fs::remove_file(world.path("out/link"))?;
    world.arena(&["verify", "out"])?.code(0)?;
    Ok(())
}

#[test]
fn what_is_no_finished_run_is_bad_input() -> Result<()> {
    let world = finished()?;
    world.arena(&["verify", "bundle"])?.code(2)?.says("error[NotARun]")?;
    // As a kill would leave it before the first case.
    let copy = world.path("begun");
    fs::create_dir_all(copy.join("bundle"))?;
    fs::copy(world.path("out/manifest.json"), copy.join("manifest.json"))?;
    world.arena(&["verify", "begun"])?.code(2)?.says("error[RunUnfinished]")?;
    Ok(())
}

#[test]
fn results_of_a_fleet_have_no_bundle_and_are_verified_without() -> Result<()> {
    let world = finished()?;
    // As `arena results get` leaves it: the list of a fleet's folder names no bundle and no inputs.
    fs::remove_dir_all(world.path("out/bundle"))?;
    fs::remove_dir_all(world.path("out/inputs"))?;
    let listed = fs::read_to_string(world.path("out/checksums"))?;
    let kept: String = listed
        .lines()
        .filter(|line| !line.contains("  bundle/") && !line.contains("  inputs/") && !line.starts_with('#'))
        .map(|line| format!("{line}\n"))
        .collect();
    let total = arena_model::Digest::of(kept.as_bytes());
    fs::write(world.path("out/checksums"), format!("{kept}# {total}\n"))?;
    world.arena(&["verify", "out"])?.code(0)?.says("the bundle is not in the folder")?;
    Ok(())
}

/// A run with a judge and two turns, whose second is not reached in one scenario.
fn judged(vendor: &FakeVendor) -> Result<World> {
    let mut world = World::new()?;
    world.bundle.says("m", "fine")?.openai("j", &vendor.url());
    world.bundle.spec["judge_specs"] = json!({"strict": {"provider": "j"}});
    let judge = json!({"type": "llm_judge", "params": {"criteria": "is it fine?", "judge": "strict"}});
    let text = |pattern: &str| json!({"type": "contains", "params": {"patterns": [pattern]}});
    let turn = |checks: serde_json::Value| json!({"role": "user", "content": "hello", "assertions": checks});
    for (id, pattern) in [("good", "fine"), ("bad", "never")] {
        let turns = [turn(json!([text(pattern), judge])), turn(json!([text("fine")]))];
        world.bundle.scenario(id, json!({"turns": turns, "providers": ["m"]}));
    }
    world.arena(&["run", "bundle", "--out", "out", "-q"])?.code(1)?;
    Ok(world)
}

#[test]
fn checks_are_judged_again_without_a_call() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour::text(r#"{"passed": true, "score": 0.9, "reasoning": "good"}"#))?;
    let world = judged(&vendor)?;
    let calls = vendor.calls();
    assert!(calls > 0);
    let ran = world.arena(&["verify", "out", "--rerun"])?.code(0)?.says("judged again with the same outcome")?;
    let judged =
        world.records("out")?.iter().flat_map(|record| record.checks.clone()).filter(|check| check.fuel > 0).count();
    ran.says(&format!("{judged} checks judged again"))?;
    assert_eq!(vendor.calls(), calls);
    Ok(())
}

#[test]
fn a_verdict_that_no_check_gave_is_found_though_all_totals_fit() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour::text(r#"{"passed": true, "score": 0.9, "reasoning": "good"}"#))?;
    let world = judged(&vendor)?;
    for (name, from, to, wanted) in [
        ("fuel", "\"fuel\":", "\"fuel\":1", "fuel "),
        ("reason", "\"reason\":\"", "\"reason\":\"not ", "reason "),
        ("reply", "0.9", "0.1", "llm_judge"),
    ] {
        // One who forges lets the program itself make all totals and digests of other records.
        let forged = world.path(name);
        fs::create_dir_all(&forged)?;
        for part in ["bundle/config.arena.yaml", "bundle/mock-m.yaml", "manifest.json"] {
            let to = forged.join(part);
            fs::create_dir_all(to.parent().unwrap())?;
            fs::copy(world.path("out").join(part), to)?;
        }
        let mut lines = world.arena(&["results", "export", "out"])?.code(0)?.out;
        let at = lines.find("\"checks\":[{").unwrap();
        let changed = lines[at..].replacen(from, to, 1);
        lines.replace_range(at.., &changed);
        fs::write(forged.join("journal.jsonl"), lines)?;
        world.arena(&["run", "--resume", name, "-q"])?.code(1)?;
        world.arena(&["verify", name])?.code(0)?;
        world.arena(&["verify", name, "--rerun"])?.code(1)?.says(wanted)?.says("not sound")?;
    }
    Ok(())
}

/// The run `out` with its records changed, by one who lets the program itself make all totals and digests of them.
fn forged(world: &World, name: &str, change: impl Fn(&mut serde_json::Value)) -> Result<()> {
    let to = world.path(name);
    fs::create_dir_all(&to)?;
    let copied = std::process::Command::new("cp").arg("-r").arg(world.path("out/bundle")).arg(&to).status()?;
    assert!(copied.success());
    fs::copy(world.path("out/manifest.json"), to.join("manifest.json"))?;
    let mut text = String::new();
    for line in world.arena(&["results", "export", "out"])?.code(0)?.out.lines() {
        let mut record = serde_json::from_str(line)?;
        change(&mut record);
        text.push_str(&format!("{record}\n"));
    }
    fs::write(to.join("journal.jsonl"), text)?;
    let ran = world.arena(&["run", "--resume", name, "-q"])?;
    assert!(ran.code < 2, "{}", ran.all());
    Ok(())
}

#[test]
fn a_record_is_held_against_the_plan_and_against_itself() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour::text(r#"{"passed": true, "score": 0.9, "reasoning": "good"}"#))?;
    let world = judged(&vendor)?;
    type Change = fn(&mut serde_json::Value);
    let changes: [(&str, Change, &str); 5] = [
        ("ids", |record| record["scenario"] = json!("good"), "its key is not that of its scenario"),
        ("cost", |record| record["cost_usd_micro"] = json!(1), "its cost is not the sum"),
        ("usage", |record| record["usage"]["input"] = json!(1), "its usage is not the sum"),
        ("outcome", |record| record["outcome"] = json!("skipped"), "its messages and checks come to"),
        ("time", |record| record["measured"]["latency_ms"] = json!(-1.0), "one of its times is less than nothing"),
    ];
    for (name, change, wanted) in changes {
        forged(&world, name, |record| {
            if record["index"] == 0 {
                change(record)
            }
        })?;
        world.arena(&["verify", name])?.code(1)?.says(wanted)?;
    }
    forged(&world, "same", |_| {})?;
    world.arena(&["verify", "same", "--rerun"])?.code(0)?;
    Ok(())
}

#[test]
fn a_record_that_cannot_be_judged_again_is_found_and_the_others_are_judged() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour::text(r#"{"passed": true, "score": 0.9, "reasoning": "good"}"#))?;
    let world = judged(&vendor)?;
    forged(&world, "cut", |record| {
        if record["scenario"] == "good" {
            let messages = record["messages"].as_array_mut().unwrap();
            let last = messages.iter().rposition(|message| message["role"] == "user").unwrap();
            messages.remove(last);
        } else {
            record["checks"][0]["fuel"] = json!(1);
        }
    })?;
    world.arena(&["verify", "cut"])?.code(0)?;
    let ran = world.arena(&["verify", "cut", "--rerun"])?.code(1)?.says("TranscriptUnclear")?;
    ran.says("fuel 1, judged again")?;
    Ok(())
}

#[test]
fn gates_are_decided_again_and_what_cannot_be_is_told_in_few_words_too() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.says("m", "fine")?;
    // As many as a comparison needs to say anything.
    for id in ["a", "b", "c", "d", "e", "f"] {
        world.bundle.checks(id, json!([{"type": "contains", "params": {"patterns": ["fine"]}}]));
    }
    world.arena(&["run", "bundle", "--out", "before", "-q"])?.code(0)?;
    world.bundle.spec["gates"] = json!(["regression vs ../before at 90 %"]);
    let gates = ["--gate", "regression vs before", "--gate", "pass_rate >= 0.5", "--gate", "p95 < 1m"];
    world.arena(&[&["run", "bundle", "--out", "out", "-q"][..], &gates].concat())?.code(0)?;
    assert_eq!(world.arena(&["verify", "out", "-q"])?.code(0)?.all(), "");
    fs::rename(world.path("before"), world.path("elsewhere"))?;
    let ran = world.arena(&["verify", "out", "-q"])?.code(0)?.says("`regression vs before` was not decided again")?;
    ran.says("`regression vs ../before at 90 %` was not decided again")?;
    Ok(())
}

#[test]
fn trouble_beside_the_folder_is_no_damage_of_it() -> Result<()> {
    let mut world = finished()?;
    world.set("TMPDIR", "/nonexistent");
    let ran = world.arena(&["verify", "out"])?.code(3)?.says("cannot make a scratch folder in /nonexistent")?;
    assert!(!ran.all().contains("damaged"), "{}", ran.all());
    Ok(())
}

#[test]
fn links_and_empty_folders_are_damage() -> Result<()> {
    let world = finished()?;
    fs::create_dir_all(world.path("out/bundle/empty"))?;
    world.arena(&["verify", "out"])?.code(1)?.says("bundle/empty/: new")?;
    fs::remove_dir(world.path("out/bundle/empty"))?;
    fs::rename(world.path("out/manifest.json"), world.path("manifest.json"))?;
    symlink(world.path("manifest.json"), world.path("out/manifest.json"))?;
    world.arena(&["verify", "out"])?.code(1)?.says("it is a symbolic link")?;
    Ok(())
}
