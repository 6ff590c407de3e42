//! Reports of a run that was stopped and can go on.

use std::fs;

use arena_model::{Outcome, Summary};
use arena_results::{Next, ResultsError, RunDir, RunView, Settings, Tail, finalize_partial, read_partial};

use crate::sample::{append, create, finish, finished, labels, open, put, record, standard};

#[test]
fn a_stopped_run_tells_how_far_it_came_and_goes_on() {
    let temp = tempfile::tempdir().unwrap();
    let run = create(&temp.path().join("run"), 8);
    let (done, not_run) = standard();
    append(&run, &done[..3]);
    let missing = |index| Some(record(index, Outcome::NotRun));
    let summary = finalize_partial(&run, missing, labels, Settings::default(), || false).unwrap();
    assert!(summary.partial);
    assert_eq!((summary.cases.planned, summary.cases.not_run), (8, 5));
    assert_eq!(read_partial(&run).unwrap().as_ref(), Some(&summary));
    let partial = run.path().join("partial");
    let text = fs::read(partial.join("summary.json")).unwrap();
    assert_eq!(serde_json::from_slice::<Summary>(&text).unwrap(), summary);
    for name in ["junit.xml", "report.html"] {
        assert!(partial.join(name).exists(), "{name}");
    }
    for name in ["summary.json", "index.json", "checksums"] {
        assert!(!run.path().join(name).exists(), "{name} is of finished runs");
    }
    // Whoever goes on takes them away, and ends with all.
    let path = run.path().to_owned();
    drop(run);
    let run = RunDir::open(&path).unwrap();
    assert!(!partial.exists());
    append(&run, &done[3..]);
    let summary = finish(&run, not_run).unwrap();
    assert!(!summary.partial);
    assert!(!fs::read_to_string(path.join("summary.json")).unwrap().contains("partial"));
}

#[test]
fn a_finished_run_has_no_partial_report() {
    let temp = tempfile::tempdir().unwrap();
    let run = finished(&temp.path().join("run"));
    let error = finalize_partial(&run, |_| None, labels, Settings::default(), || false).unwrap_err();
    assert!(matches!(error, ResultsError::RunSealed { .. }));
    assert_eq!(read_partial(&run).unwrap(), None);
}

#[test]
fn a_tail_sees_records_as_they_are_stored_and_the_end() {
    let temp = tempfile::tempdir().unwrap();
    let run = create(&temp.path().join("run"), 8);
    let mut tail = Tail::of(&RunView::watch(run.path()).unwrap());
    assert!(matches!(tail.poll().unwrap(), Next::Waiting));
    let (done, not_run) = standard();
    let (mut journal, _) = open(&run).unwrap();
    for record in &done {
        put(&mut journal, record).unwrap();
        let Next::Record(seen) = tail.poll().unwrap() else { panic!("no record") };
        assert_eq!(*seen, *record);
        assert!(matches!(tail.poll().unwrap(), Next::Waiting));
    }
    drop(journal);
    finish(&run, not_run).unwrap();
    assert!(matches!(tail.poll().unwrap(), Next::Finished));
    assert!(matches!(Tail::of(&run).poll().unwrap(), Next::Finished));
}

#[test]
fn a_tail_waits_for_the_rest_of_a_line() {
    let temp = tempfile::tempdir().unwrap();
    let run = create(&temp.path().join("run"), 8);
    let line = serde_json::to_string(&record(0, Outcome::Passed)).unwrap();
    let (begin, end) = line.split_at(100);
    let path = run.path().join("journal.jsonl");
    let mut tail = Tail::of(&run);
    fs::write(&path, begin).unwrap();
    assert!(matches!(tail.poll().unwrap(), Next::Waiting));
    let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
    std::io::Write::write_all(&mut file, format!("{end}\n{{}}\n").as_bytes()).unwrap();
    assert!(matches!(tail.poll().unwrap(), Next::Record(_)));
    assert!(matches!(tail.poll().unwrap_err(), ResultsError::JournalCorrupt { .. }));
}

#[test]
fn a_partial_report_is_there_whole_or_not_at_all() {
    let temp = tempfile::tempdir().unwrap();
    let run = create(&temp.path().join("run"), 8);
    append(&run, &standard().0[..3]);
    let missing = |index| Some(record(index, Outcome::NotRun));
    let stopped = finalize_partial(&run, missing, labels, Settings::default(), || true).unwrap_err();
    assert!(matches!(stopped, ResultsError::FinalizeStopped { .. }));
    let left = fs::read_dir(run.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(left.into_iter().all(|name| !name.contains("partial")));
    // What a kill leaves goes when the run is opened.
    fs::create_dir(run.path().join(".partial.tmp")).unwrap();
    let path = run.path().to_owned();
    drop(run);
    drop(RunDir::open(&path).unwrap());
    assert!(!path.join(".partial.tmp").exists());
}
