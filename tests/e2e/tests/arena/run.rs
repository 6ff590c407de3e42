//! `arena run`: its exit codes, its folder, its flags.

use std::fs;

use anyhow::Result;
use arena_e2e::{Signal, World, component, until};
use arena_harness::{Behaviour, Failing, Failure, FakeVendor};
use arena_model::Outcome;
use serde_json::{Value, json};

/// A bundle whose one case passes or fails.
fn verdict(passes: bool) -> Result<World> {
    let mut world = World::new()?;
    world.bundle.says("m", if passes { "fine" } else { "bad" })?;
    world.bundle.checks("s", json!([{"type": "contains", "params": {"patterns": ["fine"]}}]));
    Ok(world)
}

#[test]
fn exit_code_says_the_verdict() -> Result<()> {
    let ran = verdict(true)?.arena(&["run", "bundle", "--out", "out"])?.code(0)?;
    assert!(ran.out.starts_with("passed: 1 case = 1 passed + 0 failed"), "{}", ran.out);
    let ran = verdict(false)?.arena(&["run", "bundle", "--out", "out"])?.code(1)?.says("failed s / m: contains: ")?;
    assert!(ran.out.starts_with("failed: 1 case = 0 passed + 1 failed"), "{}", ran.out);
    Ok(())
}

#[test]
fn an_error_is_no_pass() -> Result<()> {
    let mut world = verdict(true)?;
    world.bundle.checks("s", json!([{"type": "contains"}]));
    world.arena(&["run", "bundle", "--out", "out"])?.code(1)?.says("0 failed + 1 error")?;
    Ok(())
}

#[test]
fn bad_input_is_2_and_leaves_no_folder() -> Result<()> {
    let mut world = verdict(true)?;
    world.bundle.spec["oops"] = json!(1);
    world.arena(&["run", "bundle", "--out", "out"])?.code(2)?.says("error[UnknownKey]")?;
    assert!(!world.path("out").exists());
    world.arena(&["run", "nowhere", "--out", "out"])?.code(2)?.says("BundleMissing")?;
    for wrong in [&["--concurrency", "0"][..], &["--mock-config", "x"], &["--evaluator", "text"], &["--nonsense"]] {
        world.arena(&[&["run", "bundle"], wrong].concat())?.code(2)?;
    }
    Ok(())
}

#[test]
fn machinery_is_3() -> Result<()> {
    verdict(true)?.arena(&["run", "bundle", "--out", "/proc/none/out"])?.code(3)?.says("error[ResultsIo]")?;
    Ok(())
}

#[test]
fn a_folder_with_something_in_it_is_refused() -> Result<()> {
    let world = verdict(true)?;
    let run = ["run", "bundle", "--out", "out"];
    world.arena(&run)?.code(0)?;
    world.arena(&run)?.code(2)?.says("error[RunDirExists]")?.says("--resume")?;
    Ok(())
}

#[test]
fn without_out_the_folder_is_named_after_the_bundle() -> Result<()> {
    let world = verdict(true)?;
    world.arena(&["run", "bundle"])?.code(0)?;
    let names: Vec<_> =
        fs::read_dir(world.path("out"))?.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(names.len(), 1);
    assert!(names[0].starts_with("e2e-2"), "{names:?}");
    Ok(())
}

#[test]
fn the_bundles_name_cannot_lead_out_of_the_folder() -> Result<()> {
    for name in ["../../escaped", "/escaped", "a/b\n\u{1b}[31m"] {
        let mut world = verdict(true)?;
        world.bundle.name = name.to_owned();
        fs::create_dir_all(world.path("x/y"))?;
        world.bundle.write()?;
        let output = world.command(&["run", "../../bundle"])?.current_dir(world.path("x/y")).output()?;
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let made: Vec<_> = fs::read_dir(world.path("x/y/out"))?.map(|entry| entry.unwrap().path()).collect();
        assert!(made.len() == 1 && made[0].join("summary.json").exists(), "{name}: {made:?}");
    }
    Ok(())
}

#[test]
fn quiet_prints_the_verdict_alone() -> Result<()> {
    let mut world = verdict(false)?;
    world.bundle.checks("broken", json!([{"type": "contains"}]));
    let loud = world.arena(&["run", "bundle", "--out", "loud"])?.code(1)?.says("report ")?;
    assert!(loud.err.contains("[BadParams]"), "{}", loud.err);
    let quiet = world.arena(&["run", "bundle", "--out", "quiet", "-q"])?.code(1)?;
    assert_eq!((quiet.out.lines().count(), quiet.err.as_str()), (1, ""));
    Ok(())
}

#[test]
fn concurrency_bounds_the_cases_in_flight() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour::default().failing([Failing::always(Failure::Hang)]))?;
    let mut world = World::new()?;
    world.bundle.openai("m", &vendor.url()).scenario("s", json!({"trials": 12}));
    let mut running = world.start(&["run", "bundle", "--out", "out", "-q", "-j", "3"])?;
    until("three calls at once", || vendor.calls() == 3)?;
    running.signal(Signal::INT)?;
    running.wait_for("finishing the cases in flight")?;
    running.signal(Signal::INT)?;
    running.end()?.code(130)?;
    assert_eq!(vendor.calls(), 3);
    Ok(())
}

#[test]
fn the_bundles_concurrency_counts_where_no_flag_does() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour::default().failing([Failing::always(Failure::Hang)]))?;
    let mut world = World::new()?;
    world.bundle.openai("m", &vendor.url()).scenario("s", json!({"trials": 12}));
    world.bundle.spec["defaults"]["concurrency"] = json!(2);
    let mut running = world.start(&["run", "bundle", "--out", "out", "-q"])?;
    until("two calls at once", || vendor.calls() == 2)?;
    running.signal(Signal::TERM)?;
    running.wait_for("finishing the cases in flight")?;
    running.signal(Signal::TERM)?;
    running.end()?.code(130)?;
    assert_eq!(vendor.calls(), 2);
    Ok(())
}

#[test]
fn the_seed_is_recorded_and_is_part_of_the_work() -> Result<()> {
    let world = verdict(true)?;
    for (out, seed) in [("usual", None), ("seven", Some("7"))] {
        let mut run = vec!["run", "bundle", "--out", out];
        run.extend(seed.iter().flat_map(|seed| ["--seed", *seed]));
        world.arena(&run)?.code(0)?;
    }
    let (usual, seven) = (world.manifest("usual")?, world.manifest("seven")?);
    assert_eq!((usual.work.seed, seven.work.seed), (42, 7));
    assert_ne!(usual.work_digest, seven.work_digest);
    Ok(())
}

#[test]
fn mock_provider_calls_nobody() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour::default())?;
    let mut world = World::new()?;
    world.bundle.openai("m", &vendor.url());
    world.bundle.file("own.yaml", "defaultResponse: from its own file")?;
    world.bundle.spec["provider_specs"]["m"]["additional_config"] = json!({"mock_config": "own.yaml"});
    world.bundle.openai("n", &vendor.url()).scenario("s", json!({}));
    let records = world.run(&["--mock-provider"])?;
    let said: Vec<_> = records.iter().map(|record| record.messages[2].content.text().into_owned()).collect();
    assert_eq!(said[0], "from its own file");
    assert!(said[1].contains('n'), "{said:?}");
    assert_eq!(vendor.calls(), 0);
    Ok(())
}

#[test]
fn a_mock_file_from_outside_is_frozen_with_the_run() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.openai("m", "http://127.0.0.1:9").scenario("s", json!({}));
    fs::write(world.path("outside.yaml"), "defaultResponse: from outside")?;
    let records = world.run(&["--mock-provider", "--mock-config", "outside.yaml"])?;
    assert_eq!(records[0].messages[2].content.text(), "from outside");
    fs::remove_file(world.path("outside.yaml"))?;
    assert_eq!(fs::read_to_string(world.path("out/inputs/mock-config.yaml"))?, "defaultResponse: from outside");
    world.arena(&["run", "--resume", "out", "-q"])?.code(0)?;
    fs::write(world.path("out/inputs/mock-config.yaml"), "defaultResponse: other")?;
    world.arena(&["run", "--resume", "out", "-q"])?.code(2)?.says("error[WorkChanged]")?.says("the config")?;
    Ok(())
}

#[test]
fn a_mock_file_that_is_not_there_is_bad_input() -> Result<()> {
    let world = verdict(true)?;
    let run = ["run", "bundle", "--out", "out", "--mock-provider", "--mock-config", "none.yaml"];
    world.arena(&run)?.code(2)?.says("error[FileUnreadable]")?;
    Ok(())
}

#[test]
fn an_evaluator_by_flag_replaces_and_is_frozen() -> Result<()> {
    let world = verdict(true)?;
    // The judge's component under the name `text`: nobody offers `contains` any more.
    fs::copy(component("judge")?, world.path("mine.wasm"))?;
    let run = ["run", "bundle", "--out", "out", "-q", "--evaluator", "text=mine.wasm"];
    world.arena(&run)?.code(2)?.says("error[CheckTypeTaken]")?;
    fs::copy(arena_e2e::hostile("nan-score")?, world.path("mine.wasm"))?;
    world.arena(&run)?.code(1)?;
    let check = &world.records("out")?[0].checks[0];
    assert_eq!((check.outcome, check.error.as_deref()), (Outcome::Error, Some("CheckUnknown")));
    fs::remove_file(world.path("mine.wasm"))?;
    assert!(world.path("out/inputs/evaluator-0.wasm").exists());
    world.arena(&["run", "--resume", "out", "-q"])?.code(1)?;
    Ok(())
}

#[test]
fn an_evaluator_by_flag_adds_its_checks() -> Result<()> {
    let mut world = verdict(true)?;
    world.bundle.checks("s", json!([{"type": "trap", "params": {"kind": "none"}}]));
    let file = arena_e2e::hostile("trap")?;
    let records = world.run(&["--evaluator", &format!("mine={}", file.display())])?;
    let check = &records[0].checks[0];
    assert_eq!((check.outcome, check.evaluator.as_ref().unwrap().name.as_str()), (Outcome::Passed, "mine"));
    Ok(())
}

#[test]
fn the_manifest_pins_all_that_decides() -> Result<()> {
    let mut world = verdict(true)?;
    world.run(&[])?;
    let first = world.manifest("out")?;
    for name in ["text", "json", "judge", "template"] {
        assert!(first.work.evaluators.contains_key(name), "{name}");
    }
    assert_eq!(first.work.evaluators["judge"].grants, ["judge"]);
    assert_eq!(first.work.models["m"], "m");
    assert_eq!(first.work.plan.cases, 1);
    let concurrent = world.arena(&["run", "bundle", "--out", "again", "-j", "3"])?.code(0);
    concurrent?;
    assert_eq!(world.manifest("again")?.work_digest, first.work_digest);
    world.bundle.spec["defaults"]["temperature"] = json!(0.1);
    world.arena(&["run", "bundle", "--out", "other"])?.code(0)?;
    assert_ne!(world.manifest("other")?.work_digest, first.work_digest);
    Ok(())
}

#[test]
fn a_run_takes_the_arena_file_as_well_as_its_folder() -> Result<()> {
    let world = verdict(true)?;
    world.arena(&["run", "bundle/config.arena.yaml", "--out", "out"])?.code(0)?;
    assert_eq!(world.manifest("out")?.work.entry, "config.arena.yaml");
    Ok(())
}

#[test]
fn groups_and_capabilities_choose_providers() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.says("a", "x")?.says("b", "x")?.scenario("both", json!({"trials": 2}));
    world.bundle.scenario("one", json!({"providers": ["b"]}));
    let records = world.run(&[])?;
    let cases: Vec<_> = records.iter().map(|r| (r.scenario.as_str(), r.provider.as_str(), r.trial)).collect();
    assert_eq!(cases, [("both", "a", 0), ("both", "a", 1), ("both", "b", 0), ("both", "b", 1), ("one", "b", 0)]);
    assert!(records.iter().all(|record| record.region.is_none()));
    Ok(())
}

#[test]
fn the_summary_adds_up() -> Result<()> {
    let mut world = verdict(false)?;
    world.bundle.scenario("ok", json!({"trials": 2, "labels": {"area": "x"}}));
    world.bundle.checks("broken", json!([{"type": "contains"}]));
    world.run(&[])?;
    let summary: Value = serde_json::from_slice(&fs::read(world.path("out/summary.json"))?)?;
    let counts = |passed: u64, failed: u64, error: u64| json!({"planned": passed + failed + error, "passed": passed, "failed": failed, "error": error, "skipped": 0, "not_run": 0});
    assert_eq!(summary["cases"], counts(2, 1, 1));
    assert_eq!(summary["scenarios"]["ok"]["counts"], counts(2, 0, 0));
    assert_eq!(summary["labels"]["area=x"]["counts"], counts(2, 0, 0));
    Ok(())
}
