//! `arena verify`: a run's folder against itself.

use std::fs;
use std::os::unix::fs::symlink;

use anyhow::Result;
use arena_e2e::{World, component};
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
