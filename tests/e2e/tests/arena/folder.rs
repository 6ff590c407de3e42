//! The folder of a run: its name, what damage does to it, and what no reply can do.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use arena_e2e::{Signal, World, until};
use arena_model::Outcome;
use serde_json::json;

/// Files of a finished run that a running one does not have.
const PRODUCTS: [&str; 5] = ["index.json", "summary.json", "junit.xml", "report.html", "checksums"];

/// A bundle of `trials` cases that pass.
fn passing(trials: u32) -> Result<World> {
    let mut world = World::new()?;
    world.bundle.says("m", "fine")?;
    world.bundle.checks("s", json!([{"type": "contains", "params": {"patterns": ["fine"]}}]));
    world.bundle.spec["scenario_specs"]["s"]["trials"] = json!(trials);
    Ok(world)
}

/// Makes of a finished run what a kill just before finalizing would have left.
fn unfinish(world: &World, out: &str) -> Result<String> {
    let journal = world.arena(&["results", "export", out])?.code(0)?.out;
    fs::write(world.path(out).join("journal.jsonl"), &journal)?;
    for name in PRODUCTS {
        fs::remove_file(world.path(out).join(name))?;
    }
    fs::remove_dir_all(world.path(out).join("segments"))?;
    Ok(journal)
}

/// Every file below a folder with its bytes.
fn files(folder: &Path) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.insert(path.clone(), fs::read(&path)?);
        }
    }
    Ok(found)
}

#[test]
fn a_record_over_the_limit_is_an_error_of_its_case_and_no_more() -> Result<()> {
    let mut world = World::new()?;
    // Each of these characters takes six bytes in JSON: five such replies are more than 16 MiB.
    world.bundle.says("m", &format!("fine{}", "\u{1}".repeat(600_000)))?;
    world.bundle.checks("a-before", json!([{"type": "min_length", "params": {"min": 1}}]));
    let dear =
        json!({"tool_choice": "auto", "max_tool_calls_per_turn": 5, "max_total_tool_calls": 5, "max_cost_usd": 1000});
    world
        .bundle
        .scenario("big", json!({"tool_policy": dear, "turns": vec![json!({"role": "user", "content": "go on"}); 5]}));
    world.bundle.checks("c-after", json!([{"type": "min_length", "params": {"min": 1}}]));
    let records = world.run(&["-j", "1"])?;
    assert_eq!(records.len(), 3);
    let big = &records[1];
    assert_eq!((big.outcome, big.error.as_deref()), (Outcome::Error, Some("RecordTooLarge")));
    let reason = big.reason.as_deref().unwrap();
    assert!(reason.contains("the limit is 16777216"), "{reason}");
    assert!(big.messages.is_empty() && big.usage.output > 0 && big.measured.latency_ms > 0.0, "{big:?}");
    let before = &records[0];
    assert_eq!((big.index, &big.scenario, before.error.as_deref()), (1, &"big".to_owned(), None));
    assert!(records.iter().all(|record| record.error.as_deref() != Some("RecordTooLarge") || record.index == 1));
    world.arena(&["run", "--resume", "out"])?.code(1)?.says("RecordTooLarge")?;
    unfinish(&world, "out")?;
    world.arena(&["run", "--resume", "out"])?.code(1)?.says("RecordTooLarge")?;
    assert_eq!(world.records("out")?, records);
    Ok(())
}

#[test]
fn a_finished_run_without_its_index_is_refused_and_not_cleared() -> Result<()> {
    let world = passing(2)?;
    world.run(&[])?;
    fs::remove_file(world.path("out/index.json"))?;
    let before = files(&world.path("out"))?;
    for command in [&["results", "export", "out"][..], &["run", "--resume", "out"]] {
        world.arena(command)?.code(2)?.says("error[IndexMissing]")?.says("restore")?;
        assert_eq!(files(&world.path("out"))?, before);
    }
    Ok(())
}

#[test]
fn export_makes_mends_and_removes_nothing() -> Result<()> {
    let world = passing(2)?;
    let records = world.run(&[])?;
    fs::remove_file(world.path("out/lock"))?;
    fs::remove_file(world.path("out/checksums"))?;
    fs::write(world.path("out/.report.html.tmp"), "half")?;
    let before = files(&world.path("out"))?;
    assert_eq!(world.records("out")?, records);
    assert_eq!(files(&world.path("out"))?, before);
    Ok(())
}

#[test]
fn a_journal_of_other_cases_is_refused() -> Result<()> {
    let world = passing(2)?;
    world.run(&[])?;
    let journal = unfinish(&world, "out")?;
    let swapped = journal.replace("\"index\":0", "\"index\":9").replace("\"index\":1", "\"index\":0");
    let swapped = swapped.replace("\"index\":9", "\"index\":1");
    assert_ne!(swapped, journal);
    fs::write(world.path("out/journal.jsonl"), &swapped)?;
    world.arena(&["run", "--resume", "out"])?.code(3)?.says("error[JournalCorrupt]")?.says("another run")?;
    assert_eq!(fs::read_to_string(world.path("out/journal.jsonl"))?, swapped);
    fs::write(world.path("out/journal.jsonl"), &journal)?;
    world.arena(&["run", "--resume", "out", "-q"])?.code(0)?.says("2 passed")?;
    Ok(())
}

#[test]
fn runs_that_start_in_one_second_have_folders_of_their_own() -> Result<()> {
    let world = passing(1)?;
    world.bundle.write()?;
    let children: Result<Vec<_>> = (0..6).map(|_| Ok(world.command(&["run", "bundle", "-q"])?.spawn()?)).collect();
    for mut child in children? {
        assert_eq!(child.wait()?.code(), Some(0));
    }
    assert_eq!(fs::read_dir(world.path("out"))?.count(), 6);
    Ok(())
}

#[test]
fn what_stands_in_the_way_of_the_folder_is_named() -> Result<()> {
    let world = passing(1)?;
    fs::write(world.path("file"), "")?;
    for out in ["file", "file/below", "file/far/below"] {
        let ran = world.arena(&["run", "bundle", "--out", out])?.code(2)?.says("error[RunDirBlocked]")?;
        assert!(ran.err.contains("file is a file, not a folder"), "{}", ran.err);
    }
    Ok(())
}

#[test]
fn a_signal_while_finalizing_ends_the_run_which_can_be_resumed() -> Result<()> {
    let world = passing(4_000)?;
    let records = world.run(&["-j", "32"])?;
    unfinish(&world, "out")?;
    let (segments, index) = (world.path("out/segments"), world.path("out/index.json"));
    // The process is held as soon as finalizing has begun. Should it be done by then, it is made to begin again.
    for _ in 0..20 {
        let running = world.start(&["run", "--resume", "out", "-q"])?;
        until("finalizing", || segments.exists())?;
        running.signal(Signal::STOP)?;
        let late = index.exists();
        running.signal(Signal::INT)?;
        running.signal(Signal::CONT)?;
        let ended = running.end()?;
        if late {
            unfinish(&world, "out")?;
            continue;
        }
        ended.code(130)?.says("arena run --resume ")?;
        assert!(!index.exists() && world.path("out/journal.jsonl").exists());
        world.arena(&["run", "--resume", "out", "-q"])?.code(0)?.says("4000 passed")?;
        assert_eq!(world.records("out")?, records);
        return Ok(());
    }
    anyhow::bail!("finalizing was done before it could be held, 20 times")
}

#[test]
fn nothing_is_written_into_the_folder_of_a_finished_run() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.says("m", "fine")?.checks("s", json!([{"type": "contains", "params": {"patterns": ["fine"]}}]));
    world.run(&[])?;
    fs::write(world.path("outputs.jsonl"), "{\"scenario\": \"s\", \"answer\": \"fine\"}\n")?;
    let before = fs::read(world.path("out/summary.json"))?;
    for arguments in [
        &["results", "export", "out", "--out", "out/summary.json"][..],
        &["results", "export", "out", "--format", "markdown", "--out", "out/new.md"],
        &["rescore", "out", "--out", "out/again"],
        &["run", "bundle", "--out", "out/deep/new"],
        &["run", "bundle", "--out", "new", "--junit-file", "out/junit.xml"],
        &["run", "bundle", "--out", "new", "--markdown-file", "out/report.html"],
        &["run", "--rerun", "out", "--only", "passed", "--out", "out/more"],
        &["score", "bundle", "--outputs", "outputs.jsonl", "--out", "out/scored"],
    ] {
        world.arena(arguments)?.code(2)?.says("error[OutputInsideRun]")?;
    }
    assert_eq!(fs::read(world.path("out/summary.json"))?, before);
    assert!(!world.path("new").exists());
    world.arena(&["verify", "out"])?.code(0)?;
    Ok(())
}
