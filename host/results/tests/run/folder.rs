use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

use arena_model::{Class, Digest, Fault};
use arena_results::{RunDir, RunView, State, refuse_inside_run};

use crate::sample::{append, copy, create, finish, finished, manifest, open, standard};

#[test]
fn a_new_run_appears_whole_and_opens_again() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("out/run");
    let run = create(&dir, 3);
    assert_eq!((run.state().unwrap(), run.path()), (State::Running, dir.as_path()));
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
}

#[test]
fn what_stands_in_the_way_is_named() {
    let temp = tempfile::tempdir().unwrap();
    let (file, link) = (temp.path().join("file"), temp.path().join("link"));
    fs::write(&file, "").unwrap();
    symlink(temp.path(), &link).unwrap();
    for (dir, by, what) in [
        (file.clone(), &file, "a file"),
        (file.join("below"), &file, "a file"),
        (file.join("far/below"), &file, "a file"),
        (link.clone(), &link, "a symbolic link"),
    ] {
        let error = RunDir::create(&dir, &manifest(1), |_| unreachable!()).unwrap_err();
        assert_eq!((error.reason(), error.class()), ("RunDirBlocked", Class::Input));
        let text = error.to_string();
        assert!(text.contains(&format!("{} is {what}, not a folder", by.display())), "{text}");
    }
    drop(create(&link.join("run"), 1));
    assert!(temp.path().join("run/manifest.json").exists(), "a link on the way there is the user's own");
}

fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

#[test]
fn a_failed_create_leaves_nothing() {
    let temp = tempfile::tempdir().unwrap();
    let failed = RunDir::create(&temp.path().join("run"), &manifest(1), |bundle| {
        fs::create_dir(bundle)?;
        fs::write(bundle.join("half"), "")?;
        Err(io::Error::other("disk on fire"))
    });
    assert_eq!(failed.unwrap_err().reason(), "ResultsIo");
    assert_eq!(names(temp.path()), [""; 0]);
}

#[test]
fn what_a_killed_create_left_is_cleared_and_nothing_else() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("run");
    // The folder of a creator that is at work, and a copy of it as a kill would leave it.
    let run = RunDir::create(&dir, &manifest(1), |bundle| {
        let building = bundle.parent().unwrap();
        copy(building, &temp.path().join(".run.killed.creating"));
        fs::create_dir(bundle)?;
        fs::write(bundle.join("precious"), "")?;
        for (name, lock) in [(".run.others.creating", Some("theirs")), (".run.bare.creating", None)] {
            fs::create_dir(temp.path().join(name))?;
            fs::write(temp.path().join(name).join("precious"), "")?;
            lock.map_or(Ok(()), |text| fs::write(temp.path().join(name).join("lock"), text))?;
        }
        fs::create_dir(temp.path().join("target"))?;
        fs::write(temp.path().join("target/lock"), "arena run folder\n")?;
        symlink("target", temp.path().join(".run.link.creating"))?;
        // The fixed name of old, which anybody could put there.
        symlink("target", temp.path().join(".run.creating"))?;
        // A second creator of the same name clears what is left by the killed one and not what the first is at.
        let second = create(&dir, 1);
        assert!(bundle.join("precious").exists());
        drop(second);
        Ok(())
    });
    assert_eq!(run.unwrap_err().reason(), "RunDirExists", "the second was faster");
    assert_eq!(
        names(temp.path()),
        [".run.bare.creating", ".run.creating", ".run.link.creating", ".run.others.creating", "run", "target"]
    );
    assert_eq!(names(&temp.path().join("target")), ["lock"]);
    assert_eq!(names(&temp.path().join(".run.others.creating")), ["lock", "precious"]);
    assert!(RunDir::open(&dir).is_ok());
}

#[test]
fn links_are_not_followed_by_who_works_in_the_folder() {
    let temp = tempfile::tempdir().unwrap();
    let outside = temp.path().join("outside");
    for name in ["journal.jsonl", "lock"] {
        fs::write(&outside, "torn").unwrap();
        let dir = temp.path().join(name);
        drop(create(&dir, 1));
        let _ = fs::remove_file(dir.join(name));
        symlink(&outside, dir.join(name)).unwrap();
        let error = RunDir::open(&dir).and_then(|run| open(&run).map(drop)).unwrap_err();
        assert_eq!(error.reason(), "ResultsIo", "{name}");
        assert!(error.to_string().contains(name), "{error}");
        assert_eq!(fs::read_to_string(&outside).unwrap(), "torn");
    }
    let run = create(&temp.path().join("run"), 8);
    append(&run, &standard().0);
    symlink(&outside, run.path().join(".summary.json.tmp")).unwrap();
    finish(&run, standard().1).unwrap();
    assert_eq!(fs::read_to_string(&outside).unwrap(), "torn");
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
    let first = open(&run).unwrap();
    assert_eq!(open(&run).unwrap_err().reason(), "JournalOpen");
    drop(first);
    assert!(open(&run).is_ok());
}

#[test]
fn a_pipe_in_the_folder_is_refused_and_not_waited_for() {
    let parent = tempfile::tempdir().unwrap();
    for name in ["manifest.json", "lock", "segments/00001.jsonl.zst", "segments/00001.strips"] {
        let dir = parent.path().join(name.replace('/', "-"));
        drop(finished(&dir));
        fs::remove_file(dir.join(name)).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(dir.join(name)).status().unwrap().success());
        let opened = RunDir::open(&dir);
        let read = opened.and_then(|run| {
            for strip in arena_results::strips(&run)? {
                strip?;
            }
            arena_results::records(&run)?.try_for_each(|record| record.map(drop))
        });
        assert!(read.is_err(), "{name}");
    }
}

#[test]
fn nothing_is_put_into_the_folder_of_a_run() {
    let temp = tempfile::tempdir().unwrap();
    let (dir, plain) = (temp.path().join("run"), temp.path().join("plain"));
    drop(finished(&dir));
    symlink(&dir, temp.path().join("link")).unwrap();
    fs::create_dir(&plain).unwrap();
    // Others have files of this name, too.
    fs::write(plain.join("manifest.json"), "{}").unwrap();
    for inside in [
        dir.join("new"),
        dir.join("bundle/deep/new"),
        temp.path().join("link/new"),
        dir.join("no/such/new"),
        temp.path().join("none/../run/new"),
    ] {
        let error = RunDir::create(&inside, &manifest(1), |_| unreachable!()).unwrap_err();
        assert_eq!((error.reason(), error.class()), ("OutputInsideRun", Class::Input), "{}", inside.display());
        assert!(error.to_string().contains(&dir.display().to_string()), "{error}");
    }
    assert_eq!(refuse_inside_run(&dir.join("summary.json")).unwrap_err().reason(), "OutputInsideRun");
    for beside in [dir.clone(), temp.path().join("run.csv"), plain.join("file"), temp.path().join("no/such/file")] {
        refuse_inside_run(&beside).unwrap();
    }
    // One that was damaged is one still.
    fs::write(dir.join("manifest.json"), "{}").unwrap();
    assert!(refuse_inside_run(&dir.join("summary.json")).is_err());
}

#[test]
fn an_entry_that_leads_out_of_the_bundle_is_refused() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("run");
    drop(finished(&dir));
    for (entry, refused) in
        [("/etc/passwd", true), ("../manifest.json", true), ("a/../../b", true), ("", true), ("a/b", false)]
    {
        let mut forged = manifest(8);
        forged.work.entry = entry.to_owned();
        forged.work_digest = Digest::of_json(&forged.work).unwrap();
        fs::write(dir.join("manifest.json"), serde_json::to_vec(&forged).unwrap()).unwrap();
        let opened = RunView::open(&dir);
        assert_eq!(opened.is_err(), refused, "{entry}");
        if let Err(error) = opened {
            assert!(error.reason() == "ManifestCorrupt" && error.to_string().contains("work.entry"), "{error}");
        }
    }
}
