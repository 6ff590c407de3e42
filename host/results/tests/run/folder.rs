use std::fs;
use std::io;

use arena_model::{Class, Fault};
use arena_results::{Journal, ResultsError, RunDir, State};

use crate::sample::{create, manifest};

#[test]
fn a_new_run_appears_whole_and_opens_again() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("out/run");
    let run = create(&dir, 3);
    assert_eq!((run.state(), run.path()), (State::Running, dir.as_path()));
    drop(run);
    let run = RunDir::open(&dir).unwrap();
    assert_eq!(*run.manifest(), manifest(3));
    assert_eq!(fs::read_to_string(run.bundle().join("deep/arena.yaml")).unwrap(), "kind: Arena");
    let names: Vec<_> = fs::read_dir(dir.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["run"], "nothing is left beside it");
}

#[test]
fn an_existing_folder_is_used_only_if_empty() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("run");
    fs::create_dir(&dir).unwrap();
    drop(create(&dir, 1));
    let error = RunDir::create(&dir, &manifest(1), |_| unreachable!()).unwrap_err();
    assert_eq!((error.reason(), error.class()), ("RunDirExists", Class::Input));
    assert!(error.to_string().contains("--resume") && error.to_string().contains("--out"));
    let file = temp.path().join("file");
    fs::write(&file, "").unwrap();
    assert_eq!(RunDir::create(&file, &manifest(1), |_| Ok(())).unwrap_err().reason(), "RunDirExists");
}

#[test]
fn a_killed_or_failed_create_leaves_no_run_and_is_cleaned_up() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("run");
    let failed = RunDir::create(&dir, &manifest(1), |bundle| {
        fs::create_dir(bundle)?;
        fs::write(bundle.join("half"), "")?;
        Err(io::Error::other("disk on fire"))
    });
    assert_eq!(failed.unwrap_err().reason(), "ResultsIo");
    assert!(!dir.exists());
    assert!(temp.path().join(".run.creating/bundle/half").exists());
    let run = create(&dir, 1);
    assert!(!run.bundle().join("half").exists());
    assert!(!temp.path().join(".run.creating").exists());
}

#[test]
fn creating_twice_at_once_is_refused() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("run");
    let run = RunDir::create(&dir, &manifest(1), |bundle| {
        let second = RunDir::create(&dir, &manifest(1), |_| unreachable!()).unwrap_err();
        assert!(matches!(second, ResultsError::RunLocked { .. }));
        fs::create_dir(bundle)
    });
    assert!(run.is_ok());
}

#[test]
fn a_second_process_is_refused_until_the_first_ends() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("run");
    let run = create(&dir, 1);
    let error = RunDir::open(&dir).unwrap_err();
    assert_eq!((error.reason(), error.class()), ("RunLocked", Class::Retryable));
    drop(run);
    let run = RunDir::open(&dir).unwrap();
    assert_eq!(RunDir::open(&dir).unwrap_err().reason(), "RunLocked");
    drop(run);
    assert!(RunDir::open(&dir).is_ok());
}

#[test]
fn what_is_no_run_or_was_changed_is_refused() {
    let temp = tempfile::tempdir().unwrap();
    assert_eq!(RunDir::open(&temp.path().join("nowhere")).unwrap_err().reason(), "NotARun");
    assert_eq!(RunDir::open(temp.path()).unwrap_err().reason(), "NotARun");
    assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 0, "looking leaves nothing behind");
    let dir = temp.path().join("run");
    drop(create(&dir, 3));
    let path = dir.join("manifest.json");
    let good = fs::read_to_string(&path).unwrap();
    for bad in [good.replace("\"seed\": 7", "\"seed\": 8"), good.replace("\"v\": 1", "\"v\": 2"), good[..40].to_owned()]
    {
        assert_ne!(bad, good);
        fs::write(&path, bad).unwrap();
        assert_eq!(RunDir::open(&dir).unwrap_err().reason(), "ManifestCorrupt");
    }
    fs::write(&path, good.replace("here", "elsewhere")).unwrap();
    assert_eq!(RunDir::open(&dir).unwrap().manifest().origin.source, "elsewhere", "origin changes no work");
}

#[test]
fn one_journal_at_a_time() {
    let temp = tempfile::tempdir().unwrap();
    let run = create(&temp.path().join("run"), 1);
    let first = Journal::open(&run).unwrap();
    assert_eq!(Journal::open(&run).unwrap_err().reason(), "JournalOpen");
    drop(first);
    assert!(Journal::open(&run).is_ok());
}
