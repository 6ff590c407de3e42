//! A finished folder is what it was, or what is wrong with it is found.

use std::fs;
use std::path::{Path, PathBuf};

use arena_model::Digest;
use arena_results::{ResultsError, RunView, Verified, verify};
use serde_json::{Value, json};

use crate::sample::{append, copy, create, finished, labels, standard};

/// Version that the sample's manifest names.
const ENGINE: &str = "0.1.0";

fn check(dir: &Path) -> Verified {
    match RunView::open(dir) {
        Ok(run) => verify(&run, Some(&labels), ENGINE).unwrap(),
        Err(error) => {
            assert!(error.is_damage(), "{error}");
            Verified { found: vec![error.to_string()], ..Verified::default() }
        }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() { found.extend(files(&entry)) } else { found.push(entry) }
    }
    found.sort();
    found
}

/// Makes the list fit the files again, as one who forges results would.
fn forge(dir: &Path) {
    let mut text = String::new();
    for path in files(dir) {
        let name = path.strip_prefix(dir).unwrap().display().to_string();
        if name != "lock" && name != "checksums" {
            text.push_str(&format!("{}  {name}\n", Digest::of(&fs::read(&path).unwrap()).hex()));
        }
    }
    let total = Digest::of(text.as_bytes());
    fs::write(dir.join("checksums"), format!("{text}# {total}\n")).unwrap();
}

fn change(dir: &Path, name: &str, change: impl FnOnce(&mut Value)) {
    let path = dir.join(name);
    let mut value: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut value);
    fs::write(path, serde_json::to_vec_pretty(&value).unwrap()).unwrap();
}

#[test]
fn an_untouched_run_is_sound() {
    let temp = tempfile::tempdir().unwrap();
    let run = finished(&temp.path().join("run"));
    let dir = run.path().to_owned();
    drop(run);
    let verified = check(&dir);
    assert_eq!((&verified.found, &verified.notes), (&vec![], &vec![]));
    assert_eq!((verified.records, verified.files), (8, 10));
    assert_eq!(verified.summary.unwrap().cases.planned, 8);
    // A copy without a lock, as it comes from a fleet, is as good.
    fs::remove_file(dir.join("lock")).unwrap();
    assert_eq!(check(&dir).found, Vec::<String>::new());
}

#[test]
fn every_flipped_bit_is_found() {
    let temp = tempfile::tempdir().unwrap();
    let run = finished(&temp.path().join("run"));
    let dir = run.path().to_owned();
    drop(run);
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for path in files(&dir) {
        let good = fs::read(&path).unwrap();
        // First and last byte of each file, and some between.
        let places = [0, good.len() - 1].into_iter().chain((0..10).map(|_| next() as usize % good.len()));
        for place in places.collect::<Vec<_>>() {
            let mut bad = good.clone();
            bad[place] ^= 1 << (next() % 8);
            fs::write(&path, bad).unwrap();
            assert_ne!(check(&dir).found, Vec::<String>::new(), "byte {place} of {}", path.display());
        }
        fs::write(&path, good).unwrap();
    }
    assert_eq!(check(&dir).found, Vec::<String>::new());
}

#[test]
fn totals_that_do_not_follow_from_the_rows_are_found_though_the_checksums_fit() {
    let temp = tempfile::tempdir().unwrap();
    let run = finished(&temp.path().join("run"));
    let dir = run.path().to_owned();
    drop(run);
    let forged = |name: &str, forgery: &dyn Fn(&Path)| {
        let to = temp.path().join(name);
        copy(&dir, &to);
        forgery(&to);
        forge(&to);
        check(&to).found.join("\n")
    };
    for (name, field, value, wanted) in [
        ("a", "/cases/passed", json!(8), "summary.json.cases.passed: 8 and 3"),
        ("b", "/merkleRoot", json!(Digest::of(b"x")), "summary.json.merkleRoot"),
        ("c", "/labels/team=red/counts/failed", json!(0), "team=red.counts.failed: 0 and 1"),
        ("d", "/measured/latency_ms/p95", json!(1.0), "measured.latency_ms.p95"),
        ("e", "/provenance/seed", json!(8), "provenance.seed: 8 and 7"),
        ("f", "/origin/source", json!("elsewhere"), "origin.source"),
    ] {
        let found =
            forged(name, &|to| change(to, "summary.json", |it| *it.pointer_mut(field).unwrap() = value.clone()));
        assert!(found.contains(wanted), "{found}");
    }
    for name in ["junit.xml", "report.html"] {
        let found = forged(&format!("forged-{name}"), &|to| {
            let text = fs::read_to_string(to.join(name)).unwrap();
            fs::write(to.join(name), text.replacen("s0", "s9", 1)).unwrap();
        });
        assert_eq!(found, format!("{name}: not what this version makes of the records"));
    }
    let strips = forged("strips", &|to| {
        let path = to.join("segments/00001.strips");
        let mut bytes = fs::read(&path).unwrap();
        bytes[20] ^= 1;
        let end = bytes.len() - 32;
        let hash = blake3::hash(&bytes[..end]);
        bytes[end..].copy_from_slice(hash.as_bytes());
        fs::write(path, bytes).unwrap();
    });
    assert!(strips.contains("its strip tells other numbers"), "{strips}");
    let record = forged("record", &|to| {
        let path = to.join("segments/00001.jsonl.zst");
        let text = String::from_utf8(zstd::decode_all(&fs::read(&path).unwrap()[..]).unwrap()).unwrap();
        let bytes = zstd::encode_all(text.replacen("reply 0", "reply X", 1).as_bytes(), 1).unwrap();
        change(to, "index.json", |it| it["segments"][0]["blake3"] = json!(blake3::hash(&bytes).to_hex().as_str()));
        fs::write(path, bytes).unwrap();
    });
    assert!(record.contains("summary.json.merkleRoot"), "{record}");
    let manifest = forged("manifest", &|to| change(to, "manifest.json", |it| it["work"]["seed"] = json!(8)));
    assert!(manifest.contains("workDigest"), "{manifest}");
}

#[test]
fn files_that_do_not_belong_there_are_found() {
    let temp = tempfile::tempdir().unwrap();
    let run = finished(&temp.path().join("run"));
    let dir = run.path().to_owned();
    drop(run);
    fs::write(dir.join("bundle/more"), "").unwrap();
    assert_eq!(check(&dir).found, ["bundle/more: new"]);
    fs::remove_file(dir.join("bundle/more")).unwrap();
    std::os::unix::fs::symlink("manifest.json", dir.join("link")).unwrap();
    assert!(check(&dir).found[0].contains("neither a file nor a folder"), "{:?}", check(&dir).found);
    fs::remove_file(dir.join("link")).unwrap();
    fs::rename(dir.join("index.json"), temp.path().join("index.json")).unwrap();
    assert!(check(&dir).found[0].contains("index.json"));
}

#[test]
fn reports_of_another_version_stand_by_their_checksums() {
    let temp = tempfile::tempdir().unwrap();
    let run = finished(&temp.path().join("run"));
    let verified = verify(&run, None, "0.2.0").unwrap();
    assert_eq!(verified.found, Vec::<String>::new());
    assert_eq!(verified.notes.len(), 2);
    assert!(verified.notes[1].contains("written by `0.1.0`"), "{:?}", verified.notes);
}

#[test]
fn an_unfinished_run_is_refused() {
    let temp = tempfile::tempdir().unwrap();
    let run = create(&temp.path().join("run"), 8);
    append(&run, &standard().0);
    assert!(matches!(verify(&run, None, ENGINE).unwrap_err(), ResultsError::RunUnfinished { .. }));
}
