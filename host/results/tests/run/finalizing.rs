use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use arena_model::{Fault, Outcome, Usage};
use arena_results::{
    Merkle, RunDir, RunView, Settings, State, Strip, export_jsonl, finalize, records, strips, verify_checksums,
};

use crate::sample::{OUTCOMES, append, check, copy, create, finish, finished, labels, open, put, record, standard};

#[test]
fn the_summary_adds_up_and_the_folder_is_sealed() {
    let temp = tempfile::tempdir().unwrap();
    let run = create(&temp.path().join("run"), 8);
    let (done, not_run) = standard();
    append(&run, &done);
    let summary = finish(&run, not_run).unwrap();
    let c = summary.cases;
    assert_eq!((c.planned, c.passed, c.failed, c.error, c.skipped, c.not_run), (8, 3, 1, 1, 1, 2));
    assert_eq!(summary.pass_rate, Some(0.6));
    assert_eq!(summary.usage, Usage { input: 50, output: 25, cached: 5, ..Usage::default() });
    assert_eq!(summary.cost_usd_micro, None, "the skipped case has no known price");
    for slices in [&summary.scenarios, &summary.providers, &summary.labels] {
        assert_eq!(slices.values().map(|tally| tally.counts.planned).sum::<u64>(), 8);
    }
    assert_eq!(summary.scenarios["s0"].cost_usd_micro, Some(80));
    assert_eq!(summary.labels["team=red"].counts, summary.scenarios["s0"].counts);
    assert_eq!(summary.labels["team=blue"].counts.not_run, 2);
    let checks = &summary.evaluators["contains"];
    assert_eq!((checks.counts.planned, checks.counts.passed, checks.cost_usd_micro), (5, 3, Some(0)));
    assert_eq!(summary.errors, BTreeMap::from([("ProviderTimeout".to_owned(), 1)]));
    assert_eq!(summary.most_frequent_error(), Some(("ProviderTimeout", 1)));
    let m = &summary.measured;
    assert_eq!((m.started.as_str(), m.finished.as_str()), ("2026-01-05T09:30:00.000Z", "2026-01-05T09:30:06.106Z"));
    assert_eq!((m.wall_ms, m.latency_ms["max"]), (6106.0, 106.0));
    assert!((m.latency_ms["p50"] - 102.0).abs() <= 1.02, "{:?}", m.latency_ms);
    assert_eq!(m.latency_ms_by_provider["p1"].len(), 4);
    assert_eq!(run.state().unwrap(), State::Sealed);
    assert!(!run.path().join("journal.jsonl").exists());
    let stored = fs::read(run.path().join("summary.json")).unwrap();
    assert_eq!(serde_json::from_slice::<arena_model::Summary>(&stored).unwrap(), summary);
    assert_eq!(verify_checksums(&run).unwrap(), [""; 0]);
}

#[test]
fn a_time_past_the_calendar_ends_no_run() {
    let temp = tempfile::tempdir().unwrap();
    for latency_ms in [9e15, 1e300] {
        let run = create(&temp.path().join(format!("{latency_ms:e}")), 1);
        let mut long = record(0, Outcome::Passed);
        long.measured.latency_ms = latency_ms;
        append(&run, &[long]);
        assert_eq!(finish(&run, vec![]).unwrap().measured.finished, "");
    }
}

#[test]
fn records_come_in_plan_order_and_give_the_merkle_root() {
    let temp = tempfile::tempdir().unwrap();
    let run = finished(&temp.path().join("run"));
    let found: Vec<_> = records(&run).unwrap().map(|record| record.unwrap()).collect();
    let wanted: Vec<_> = (0..8).map(|index| record(index, OUTCOMES[index as usize])).collect();
    assert_eq!(found, wanted);
    let mut merkle = Merkle::default();
    for record in wanted {
        let line = serde_json::to_string(&record).unwrap();
        let (kept, _) = line.split_once(",\"measured\":").unwrap();
        merkle.push_leaf(format!("{kept}}}").as_bytes());
    }
    let summary: arena_model::Summary =
        serde_json::from_slice(&fs::read(run.path().join("summary.json")).unwrap()).unwrap();
    assert_eq!(merkle.root(), summary.merkle_root, "time takes no part");

    let mut exported = Vec::new();
    export_jsonl(&run, &mut exported).unwrap();
    let lines: Vec<_> = exported.split(|byte| *byte == b'\n').collect();
    assert_eq!(lines.len(), 9);
    assert!(std::str::from_utf8(lines[1]).unwrap().contains("0.30000000000000004"), "scores keep their last bit");

    let found: Vec<_> = strips(&run).unwrap().map(|strip| strip.unwrap()).collect();
    for (index, (place, strip)) in (0..8).zip(&found) {
        let Strip { outcome, cost_usd_micro, input, output, latency_us, .. } = *strip;
        let record = record(index, OUTCOMES[index as usize]);
        assert_eq!((*place, outcome, cost_usd_micro), (index, record.outcome, record.cost_usd_micro));
        assert_eq!((input, output), (record.usage.input, record.usage.output));
        assert_eq!(latency_us as f64, record.measured.latency_ms * 1000.0);
    }
    assert_eq!((found[0].1.score_nano, found[0].1.scored, found[4].1.scored), (300_000_000, 1, 0));
}

#[test]
fn cases_that_do_not_make_up_the_plan_are_refused_and_nothing_is_sealed() {
    let temp = tempfile::tempdir().unwrap();
    let run = create(&temp.path().join("run"), 8);
    let (done, not_run) = standard();
    append(&run, &done);
    let mut twice = not_run.clone();
    twice.insert(0, record(3, Outcome::NotRun));
    for (wrong, words) in [
        (vec![], "case 5 is neither"),
        (not_run[..1].to_vec(), "7 cases are recorded"),
        (twice, "case 3 is both"),
        ([not_run.clone(), vec![record(8, Outcome::NotRun)]].concat(), "9 cases are recorded"),
    ] {
        let error = finish(&run, wrong).unwrap_err();
        assert_eq!(error.reason(), "CountsDisagree");
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(run.state().unwrap(), State::Running);
        assert!(run.path().join("journal.jsonl").exists());
    }
    let open = open(&run).unwrap();
    assert_eq!(finish(&run, not_run.clone()).unwrap_err().reason(), "JournalOpen");
    drop(open);
    finish(&run, not_run).unwrap();
}

#[test]
fn finalizing_again_gives_the_same_bytes() {
    let temp = tempfile::tempdir().unwrap();
    let run = finished(&temp.path().join("run"));
    let names = ["summary.json", "junit.xml", "report.html", "checksums", "index.json"];
    let before = names.map(|name| fs::read(run.path().join(name)).unwrap());
    fs::write(run.path().join("summary.json"), "lost").unwrap();
    finish(&run, vec![]).unwrap();
    assert_eq!(names.map(|name| fs::read(run.path().join(name)).unwrap()), before);
    assert_eq!(open(&run).unwrap_err().reason(), "RunSealed");
}

/// The bytes of everything a finished run promises.
fn products(dir: &Path) -> BTreeMap<&'static str, Vec<u8>> {
    let names = ["summary.json", "junit.xml", "report.html", "index.json", "segments/00001.jsonl.zst", "checksums"];
    names.into_iter().map(|name| (name, fs::read(dir.join(name)).unwrap())).collect()
}

#[test]
fn a_kill_between_any_two_steps_is_recovered() {
    let temp = tempfile::tempdir().unwrap();
    let (before, after) = (temp.path().join("before"), temp.path().join("after"));
    let run = create(&after, 8);
    append(&run, &standard().0);
    copy(&after, &before);
    finish(&run, standard().1).unwrap();
    drop(run);
    let wanted = products(&after);

    // The files in the order finalizing makes them; the index is the moment of sealing.
    let steps = [
        "segments/.00001.jsonl.zst.tmp",
        "summary.json",
        ".report.html.tmp",
        "report.html",
        ".junit.cases.tmp",
        "junit.xml",
        "segments/00001.jsonl.zst",
        "segments/00001.strips",
        ".index.json.tmp",
        "index.json",
    ];
    for killed_after in 0..=steps.len() {
        let dir = temp.path().join(format!("killed{killed_after}"));
        copy(&before, &dir);
        fs::create_dir(dir.join("segments")).unwrap();
        for name in &steps[..killed_after] {
            match fs::copy(after.join(name), dir.join(name)) {
                Ok(_) => {}
                Err(_) => fs::write(dir.join(name), "half").unwrap(),
            }
        }
        let run = RunDir::open(&dir).unwrap();
        if killed_after < steps.len() {
            assert_eq!(run.state().unwrap(), State::Running);
            assert!(!dir.join("summary.json").exists(), "a running folder shows no summary");
            assert_eq!(open(&run).unwrap().1.done.len(), 6);
            finish(&run, standard().1).unwrap();
        } else {
            assert_eq!(run.state().unwrap(), State::Sealed);
            assert!(!dir.join("journal.jsonl").exists(), "opening finishes the deletion");
        }
        assert_eq!(products(&dir), wanted, "killed after {killed_after}");
        assert_eq!(verify_checksums(&run).unwrap(), [""; 0]);
    }
}

#[test]
fn a_journal_is_not_deleted_for_a_damaged_segment() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("run");
    let run = create(&dir, 8);
    append(&run, &standard().0);
    let journal = fs::read(dir.join("journal.jsonl")).unwrap();
    finish(&run, standard().1).unwrap();
    drop(run);
    fs::write(dir.join("journal.jsonl"), &journal).unwrap();
    fs::write(dir.join("segments/00001.jsonl.zst"), "damage").unwrap();
    assert_eq!(RunDir::open(&dir).unwrap_err().reason(), "SegmentCorrupt");
    assert_eq!(fs::read(dir.join("journal.jsonl")).unwrap(), journal);
}

#[test]
fn damage_at_any_byte_of_a_segment_is_found() {
    let temp = tempfile::tempdir().unwrap();
    let run = finished(&temp.path().join("run"));
    for (name, step) in [("00001.jsonl.zst", 7), ("00001.strips", 3)] {
        let path = run.path().join("segments").join(name);
        let good = fs::read(&path).unwrap();
        for at in (0..good.len()).step_by(step) {
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            fs::write(&path, bad).unwrap();
            let found = if name.ends_with("zst") {
                records(&run).unwrap().any(|record| record.is_err())
            } else {
                strips(&run).is_err()
            };
            assert!(found, "{name} byte {at}");
        }
        fs::write(&path, &good[..good.len() - 1]).unwrap();
        assert!(strips(&run).is_err() || records(&run).unwrap().any(|record| record.is_err()));
        fs::write(&path, good).unwrap();
    }
    assert!(records(&run).unwrap().all(|record| record.is_ok()));
}

#[test]
fn an_unsealed_run_takes_its_missing_cases() {
    let temp = tempfile::tempdir().unwrap();
    let run = finished(&temp.path().join("run"));
    run.unseal().unwrap();
    assert_eq!(run.state().unwrap(), State::Running);
    assert!(["summary.json", "segments", "checksums"].iter().all(|name| !run.path().join(name).exists()));
    let (mut journal, recovered) = open(&run).unwrap();
    assert_eq!(recovered.done.iter().map(|done| done.index).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 6]);
    put(&mut journal, &record(5, Outcome::Passed)).unwrap();
    put(&mut journal, &record(7, Outcome::Passed)).unwrap();
    drop(journal);
    let summary = finish(&run, vec![]).unwrap();
    assert_eq!((summary.cases.passed, summary.cases.not_run), (5, 0));
}

#[test]
fn costs_of_judges_count_for_their_check_type() {
    let temp = tempfile::tempdir().unwrap();
    let run = create(&temp.path().join("run"), 1);
    let mut record = record(0, Outcome::Passed);
    let mut judge = check("llm_judge", Outcome::Passed);
    let usage = Usage { input: 3, output: 2, cached: 0, ..Usage::default() };
    let digest = arena_model::Digest::of(b"request");
    let call = |cost_usd_micro| arena_model::HostCall {
        to: "judge:strict".into(),
        request: digest.clone(),
        reply: "yes".into(),
        usage,
        cost_usd_micro,
        failed: false,
    };
    judge.calls = vec![call(Some(4)), call(Some(5))];
    record.checks.push(judge.clone());
    judge.kind = "other_judge".into();
    judge.calls[1].cost_usd_micro = None;
    record.checks.push(judge);
    append(&run, &[record]);
    let summary = finish(&run, vec![]).unwrap();
    assert_eq!(summary.evaluators["llm_judge"].cost_usd_micro, Some(9));
    assert_eq!(summary.evaluators["llm_judge"].usage, Usage { input: 6, output: 4, cached: 0, ..Usage::default() });
    assert_eq!(summary.evaluators["other_judge"].cost_usd_micro, None);
    assert_eq!(summary.cost_usd_micro, Some(20));
}

#[test]
fn finalizing_can_be_stopped_and_leaves_a_run_that_goes_on() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("run");
    let run = create(&dir, 8);
    append(&run, &standard().0);
    let asked = std::cell::Cell::new(0);
    let stop = || asked.replace(asked.get() + 1) == 5;
    let stopped = finalize(&run, 8, standard().1.into_iter(), labels, Settings::default(), stop).unwrap_err();
    assert_eq!((stopped.reason(), asked.get()), ("FinalizeStopped", 6));
    assert_eq!(run.state().unwrap(), State::Running);
    drop(run);
    let run = RunDir::open(&dir).unwrap();
    assert_eq!(open(&run).unwrap().1.done.len(), 6);
    finish(&run, standard().1).unwrap();
    let whole = finished(&temp.path().join("whole"));
    assert_eq!(products(run.path()), products(whole.path()));
}

/// Every file below `dir` with its bytes.
fn files(dir: &Path) -> BTreeMap<std::path::PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            found.extend(files(&entry));
        } else {
            found.insert(entry.clone(), fs::read(&entry).unwrap_or_default());
        }
    }
    found
}

#[test]
fn a_sealed_run_without_its_index_is_refused_and_left_as_it_is() {
    let temp = tempfile::tempdir().unwrap();
    for (number, name) in ["segments", "summary.json", "junit.xml"].into_iter().enumerate() {
        let dir = temp.path().join(number.to_string());
        drop(finished(&dir));
        fs::remove_file(dir.join("index.json")).unwrap();
        if number > 0 {
            fs::remove_dir_all(dir.join("segments")).unwrap();
        }
        if number > 1 {
            fs::remove_file(dir.join("summary.json")).unwrap();
        }
        for dangling in [false, true] {
            if dangling {
                std::os::unix::fs::symlink("nowhere", dir.join("index.json")).unwrap();
            }
            let before = files(&dir);
            for error in [RunDir::open(&dir).unwrap_err(), RunView::open(&dir).unwrap_err()] {
                assert_eq!((error.reason(), error.class()), ("IndexMissing", arena_model::Class::Input));
                assert!(error.to_string().contains("restore"), "{error}");
                assert!(dangling || error.to_string().contains(name), "{error}");
            }
            assert_eq!(files(&dir), before);
        }
    }
}

#[test]
fn reading_changes_nothing_and_needs_no_lock_of_a_sealed_run() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("run");
    let run = finished(&dir);
    let exported = |run: &RunView| {
        let mut out = Vec::new();
        export_jsonl(run, &mut out).unwrap();
        out
    };
    let wanted = exported(&run);
    assert_eq!(exported(&RunView::open(&dir).unwrap()), wanted, "while another has it open");
    drop(run);
    // What opening for work would make, clear or write again.
    fs::remove_file(dir.join("lock")).unwrap();
    fs::remove_file(dir.join("checksums")).unwrap();
    fs::write(dir.join(".summary.json.tmp"), "half").unwrap();
    fs::write(dir.join("journal.jsonl"), "").unwrap();
    let before = files(&dir);
    assert_eq!(exported(&RunView::open(&dir).unwrap()), wanted);
    assert_eq!(files(&dir), before);

    let dir = temp.path().join("running");
    let run = create(&dir, 8);
    append(&run, &standard().0);
    assert_eq!(RunView::open(&dir).unwrap_err().reason(), "RunLocked");
    drop(run);
    fs::write(dir.join("summary.json"), "stale").unwrap();
    let before = files(&dir);
    let view = RunView::open(&dir).unwrap();
    assert_eq!(records(&view).unwrap().count(), 6);
    assert_eq!(files(&dir), before);
    assert_eq!(RunDir::open(&dir).unwrap_err().reason(), "RunLocked", "nobody works in it while it is read");
}

#[test]
fn a_record_under_the_index_of_another_is_not_sealed() {
    let temp = tempfile::tempdir().unwrap();
    let run = create(&temp.path().join("run"), 1);
    let (mut journal, _) = open(&run).unwrap();
    journal.append(0, &serde_json::to_vec(&record(3, Outcome::Passed)).unwrap()).unwrap();
    drop(journal);
    let error = finish(&run, vec![]).unwrap_err();
    assert_eq!(error.reason(), "SegmentCorrupt");
    assert!(error.to_string().contains("case 3"), "{error}");
    assert_eq!(run.state().unwrap(), State::Running);
}
