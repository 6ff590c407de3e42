//! `arena results`: runs, cases and failures as people and scripts read them.

use std::fs;
use std::time::Duration;

use anyhow::Result;
use arena_e2e::{Signal, World, until};
use arena_harness::{Behaviour, FakeVendor, Reply};
use serde_json::{Value, json};

/// Two scenarios, two providers: `good` passes everywhere, `bad` with one provider only.
fn world() -> Result<World> {
    let mut world = World::new()?;
    world.bundle.says("fine", "a fine day")?.says("poor", "a poor day")?;
    world.bundle.checks("good", json!([{"type": "contains", "params": {"patterns": ["day"]}}]));
    let check = json!({"type": "contains", "params": {"patterns": ["fine"]}, "message": "wants it fine"});
    world.bundle.checks("bad", json!([check]));
    world.arena(&["run", "bundle", "--out", "out/first", "-q"])?.code(1)?;
    Ok(world)
}

#[test]
fn runs_are_listed_with_what_they_came_to() -> Result<()> {
    let world = world()?;
    world.arena(&["run", "bundle", "--out", "out/second", "--scenario", "good", "-q"])?.code(0)?;
    let text = world.arena(&["results", "list"])?.code(0)?.out;
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(lines[0].starts_with("first ") && lines[0].contains("failed") && lines[0].contains("75 %"), "{text}");
    assert!(lines[1].starts_with("second") && lines[1].contains("passed") && lines[1].contains("2 of 2"), "{text}");
    let listed: Value =
        serde_json::from_str(&world.arena(&["results", "list", "out/first", "--format", "json"])?.code(0)?.out)?;
    assert_eq!((&listed[0]["state"], &listed[0]["verdict"]), (&json!("finished"), &json!("failed")));
    assert_eq!((&listed[0]["cases"]["passed"], &listed[0]["passRate"]), (&json!(3), &json!(0.75)));
    world.arena(&["results", "list", "nowhere"])?.code(2)?.says("FileUnreadable")?;
    Ok(())
}

#[test]
fn a_broken_folder_hides_no_other_run() -> Result<()> {
    let world = world()?;
    world.arena(&["run", "bundle", "--out", "out/second", "-q"])?.code(1)?;
    fs::write(world.path("out/first/summary.json"), "{")?;
    fs::create_dir(world.path("out/third"))?;
    fs::write(world.path("out/third/manifest.json"), "no manifest")?;
    let ran = world.arena(&["results", "list"])?.code(3)?;
    assert_eq!(ran.out.lines().count(), 3, "{}", ran.out);
    assert_eq!(ran.out.matches("broken").count(), 2, "{}", ran.out);
    let ran = ran.says("ManifestCorrupt")?.says("SegmentCorrupt")?;
    assert!(ran.out.lines().any(|line| line.starts_with("second") && line.contains("75 %")), "{}", ran.out);
    let listed: Value = serde_json::from_str(&world.arena(&["results", "list", "--format", "json"])?.code(3)?.out)?;
    let broken = listed.as_array().unwrap().iter().filter(|run| run["state"] == "broken");
    assert!(broken.clone().count() == 2 && broken.clone().all(|run| run["error"].is_string()), "{listed}");
    Ok(())
}

#[test]
fn names_that_are_printed_name_a_case() -> Result<()> {
    let mut world = World::new()?;
    world.bundle.says("m", "x")?;
    world.bundle.checks("s", json!([{"type": "contains", "params": {"patterns": ["y"]}}]));
    world.bundle.spec["scenario_specs"]["s"]["trials"] = json!(3);
    let printed = world.arena(&["run", "bundle", "--out", "out"])?.code(1)?.out;
    let line = printed.lines().find(|line| line.contains("trial 2 of 3")).unwrap().trim();
    let name = line.strip_prefix("failed ").and_then(|rest| rest.split_once(": ")).unwrap().0;
    assert_eq!(name, "s / m trial 2 of 3");
    for by in [name, "s / m trial 2", "s/m/trial 2"] {
        world.arena(&["results", "show", "out", by])?.code(0)?.says("failed s/m/trial 2\n")?;
    }
    world.arena(&["results", "show", "out", "s / m"])?.code(2)?.says("error[CaseAmbiguous]")?;
    world.arena(&["results", "show", "out", "s / m trial 4"])?.code(2)?.says("error[CaseNotFound]")?;
    world.arena(&["results", "show", "out", "abc"])?.code(2)?.says("4 characters or more")?;
    Ok(())
}

#[test]
fn a_case_is_shown_by_index_key_and_name() -> Result<()> {
    let world = world()?;
    let records = world.records("out/first")?;
    let failed = records.iter().find(|record| record.reason.is_some()).unwrap();
    let index = failed.index.to_string();
    let shown = world.arena(&["results", "show", "out/first", &index])?.code(0)?.out;
    for text in
        ["failed bad/poor", "wants it fine", "\"patterns\":[\"fine\"]", "assistant a poor day", "user hello", "fuel"]
    {
        assert!(shown.contains(text), "{text}: {shown}");
    }
    for by in [&failed.key.0, &failed.key.0[..8], "bad/poor"] {
        assert_eq!(world.arena(&["results", "show", "out/first", by])?.code(0)?.out, shown, "{by}");
    }
    let json: Value = serde_json::from_str(&world.arena(&["results", "show", "out/first", &index, "--json"])?.out)?;
    assert_eq!(json, serde_json::to_value(failed)?);
    world.arena(&["results", "show", "out/first", "99"])?.code(2)?.says("error[CaseNotFound]")?;
    Ok(())
}

#[test]
fn failures_are_told_and_feed_a_new_run() -> Result<()> {
    let world = world()?;
    let told = world.arena(&["results", "failures", "out/first"])?.code(0)?.out;
    for text in ["failed bad/poor", "expected", "answer a poor day", "1 case failed"] {
        assert!(told.contains(text), "{text}: {told}");
    }
    assert!(!told.contains("good/"), "{told}");
    let full = world.arena(&["results", "failures", "out/first", "--full"])?.code(0)?.out;
    assert!(full.contains("user hello") && !told.contains("user hello"), "{full}");
    let ids = world.arena(&["results", "failures", "out/first", "--ids"])?.code(0)?.out;
    fs::write(world.path("keys"), &ids)?;
    world.arena(&["run", "bundle", "--out", "again", "--cases", "keys", "-q"])?.code(1)?.says("1 case =")?;
    assert_eq!(world.records("again")?[0].key.0, ids.trim());
    fs::write(world.path("keys"), "nonsense\n")?;
    world.arena(&["run", "bundle", "--out", "b", "--cases", "keys"])?.code(2)?.says("error[CaseKeyInvalid]")?;
    world.arena(&["results", "failures", "out/first", "--scenario", "good"])?.code(0)?.says("0 cases failed")?;
    world.arena(&["results", "failures", "out/first", "--provider", "x*"])?.code(2)?.says("error[NothingSelected]")?;
    world.arena(&["results", "tail", "out/first", "--provider", "x*"])?.code(2)?.says("error[NothingSelected]")?;
    world.arena(&["results", "tail", "out/first", "--provider", "fine"])?.code(0)?;
    let good = world.arena(&["results", "failures", "out/first", "--outcome", "failed,passed"])?.code(2)?;
    good.says("error[FilterUnusable]")?.says("none is passed")?;
    Ok(())
}

#[test]
fn exports_are_made_whole_and_filtered() -> Result<()> {
    let world = world()?;
    for (format, file) in [("csv", "a.csv"), ("parquet", "a.parquet"), ("jsonl.zst", "deep/a.zst"), ("junit", "a.xml")]
    {
        world
            .arena(&["results", "export", "out/first", "--format", format, "--out", file])?
            .code(0)?
            .says("4 cases to")?;
        assert!(fs::metadata(world.path(file))?.len() > 100, "{file}");
    }
    let csv =
        world.arena(&["results", "export", "out/first", "--format", "csv", "--outcome", "failed,error"])?.code(0)?;
    assert_eq!(csv.out.lines().count(), 2, "{}", csv.out);
    let lines = world.arena(&["results", "export", "out/first", "--provider", "fi*"])?.code(0)?.out;
    assert_eq!(lines.lines().count(), 2, "{lines}");
    let markdown = world.arena(&["results", "export", "out/first", "--format", "markdown"])?.code(0)?.out;
    assert!(markdown.starts_with("# Arena: failed\n"), "{markdown}");
    assert!(markdown.find("| Scenario |") < markdown.find("<details>"), "{markdown}");
    world
        .arena(&["results", "export", "out/first", "--format", "markdown", "--outcome", "failed"])?
        .code(2)?
        .says("error[FilterUnusable]")?;
    // Beside the folder, which stays as it was.
    world.arena(&["run", "bundle", "--out", "new", "--formats", "jsonl,csv,parquet,junit,json,html", "-q"])?.code(1)?;
    assert_eq!(fs::read_to_string(world.path("new.jsonl"))?.lines().count(), 4);
    assert!(world.path("new.csv").exists() && world.path("new.parquet").exists());
    world.arena(&["verify", "new"])?.code(0)?;
    Ok(())
}

#[test]
fn a_run_is_followed_from_another_shell_and_tells_how_far_it_came() -> Result<()> {
    let vendor = FakeVendor::start(Behaviour {
        reply: Reply::Echo,
        latency: Duration::from_millis(20),
        ..Behaviour::default()
    })?;
    let mut world = World::new()?;
    world.bundle.openai("m", &vendor.url());
    world.bundle.checks("s", json!([{"type": "contains", "params": {"patterns": ["hello"]}}]));
    world.bundle.spec["scenario_specs"]["s"]["trials"] = json!(40);
    let gate = ["--gate", "pass_rate >= 0.5"];
    let running = world.start(&[&["run", "bundle", "--out", "out/r", "-q", "-j", "2"][..], &gate].concat())?;
    until("some calls", || vendor.calls() >= 6)?;
    let seen = world.command(&["results", "tail", "out/r", "-n", "3"])?.output()?;
    let seen = String::from_utf8(seen.stdout)?;
    assert!(seen.lines().count() >= 1 && seen.lines().all(|line| line.starts_with("passed s/m")), "{seen}");
    running.signal(Signal::INT)?;
    running.end()?.code(130)?.says("partial report")?;
    // It has a report of its own until it goes on.
    let partial: Value = serde_json::from_slice(&fs::read(world.path("out/r/partial/summary.json"))?)?;
    let ran = world.records("out/r")?.len() as u64;
    assert_eq!((&partial["partial"], &partial["cases"]["planned"]), (&json!(true), &json!(40)));
    assert_eq!(partial["cases"]["not_run"], json!(40 - ran));
    for file in ["report.html", "junit.xml"] {
        assert!(world.path("out/r/partial").join(file).exists());
    }
    assert_eq!(partial["gates"][0]["passed"], json!(true));
    let told = world.arena(&["results", "export", "out/r", "--format", "markdown"])?.code(0)?;
    told.says("# Arena: no verdict (partial: the run was stopped)")?.says("holds: it is 100 %")?;
    let listed = world.arena(&["results", "list"])?.code(0)?.out;
    assert!(listed.contains("unfinished") && listed.contains("of 40 passed"), "{listed}");
    let follow = world.start(&["results", "tail", "out/r", "-f", "-n", "0"])?;
    world.arena(&["run", "--resume", "out/r", "-q"])?.code(0)?;
    assert!(!world.path("out/r/partial").exists());
    follow.end()?.code(0)?;
    let all = world.arena(&["results", "tail", "out/r", "-n", "100", "--format", "jsonl"])?.code(0)?.out;
    assert_eq!(all.lines().count(), 40);
    Ok(())
}
