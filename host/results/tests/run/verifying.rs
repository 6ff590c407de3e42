//! A finished folder is what it was, or what is wrong with it is found.

use std::fs;
use std::path::{Path, PathBuf};

use arena_gate::Gate;
use arena_model::{CaseKey, Digest, Outcome, Record};
use arena_results::{Known, ResultsError, RunGate, RunView, Settings, Told, Verified, finalize, verify};
use serde_json::{Value, json};

use crate::sample::{append, copy, create, finish, finished, labels, record, standard};

/// Version that the sample's manifest names.
const ENGINE: &str = "0.1.0";

/// The bundle of the sample: what it says of the plan, and the gates that it has.
struct Bundle(Vec<Gate>);

impl Known for Bundle {
    fn scenario(&self, id: &str) -> Told {
        Told { labels: labels(id), ..Told::default() }
    }

    fn key(&self, index: u64) -> Option<CaseKey> {
        Some(record(index, Outcome::Passed).key)
    }

    fn has_plan(&self) -> bool {
        true
    }

    fn gates(&self) -> Vec<Gate> {
        self.0.clone()
    }
}

fn check(dir: &Path) -> Verified {
    check_by(dir, &Bundle(Vec::new()), ENGINE)
}

fn check_by(dir: &Path, bundle: &Bundle, engine: &str) -> Verified {
    match RunView::open(dir) {
        Ok(run) => verify(&run, || Ok(Some(bundle as &dyn Known)), engine).unwrap(),
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
    fs::rename(temp.path().join("index.json"), dir.join("index.json")).unwrap();
    fs::create_dir_all(dir.join("bundle/deep/empty/more")).unwrap();
    assert_eq!(
        check(&dir).found,
        [
            "bundle/deep/empty/: new, and there is no file in it",
            "bundle/deep/empty/more/: new, and there is no file in it"
        ]
    );
    fs::remove_dir_all(dir.join("bundle/deep/empty")).unwrap();
    // The manifest is read before all else.
    fs::rename(dir.join("manifest.json"), temp.path().join("manifest.json")).unwrap();
    std::os::unix::fs::symlink(temp.path().join("manifest.json"), dir.join("manifest.json")).unwrap();
    assert!(check(&dir).found[0].contains("manifest.json"), "{:?}", check(&dir).found);
}

/// A run whose records are the standard ones but for what `change` does to case 0, with all totals of it.
fn with_record(dir: &Path, change: impl Fn(&mut Record)) {
    let run = create(dir, 8);
    let (mut done, not_run) = standard();
    done.iter_mut().filter(|record| record.index == 0).for_each(&change);
    // A key that no plan has is not taken into a journal, and so is put into the segment's place of it here.
    let text: String = done.iter().map(|record| serde_json::to_string(record).unwrap() + "\n").collect();
    fs::write(dir.join("journal.jsonl"), text).unwrap();
    finish(&run, not_run).unwrap();
}

#[test]
fn a_record_that_contradicts_itself_is_found_though_all_totals_follow_from_it() {
    let temp = tempfile::tempdir().unwrap();
    type Forgery = fn(&mut Record);
    let forgeries: [(Forgery, &str); 13] = [
        (|record| record.scenario = "s9".into(), "its key is not that of its scenario"),
        (|record| record.provider = "p1".into(), "its key is not that of its scenario"),
        (|record| record.trial = 1, "its key is not that of its scenario"),
        (|record| record.row = Some("r".into()), "its key is not that of its scenario"),
        (|record| (record.provider, record.key) = ("p1".into(), self::record(2, Outcome::Passed).key), "another case"),
        (
            |record| record.checks[0].outcome = Outcome::Failed,
            "outcome is passed, and its messages and checks come to failed",
        ),
        (|record| record.messages.truncate(1), "come to skipped"),
        (|record| record.error = Some("Boom".into()), "it names the error Boom"),
        (|record| record.checks[0].score = Some(5.0), "the score 5, and scores are from 0 to 1"),
        (|record| record.usage.input = 1, "its usage is not the sum"),
        (|record| record.usage.output = 500, "its usage is not the sum"),
        (|record| record.cost_usd_micro = Some(1), "its cost is not the sum"),
        (|record| record.measured.latency_ms = -5.0, "one of its times is less than nothing"),
    ];
    for (at, (forgery, wanted)) in forgeries.into_iter().enumerate() {
        let dir = temp.path().join(at.to_string());
        with_record(&dir, forgery);
        let found = check(&dir).found.join("\n");
        assert!(found.contains(wanted), "{wanted}: {found}");
    }
    let dir = temp.path().join("none");
    with_record(&dir, |_| {});
    assert_eq!(check(&dir).found, Vec::<String>::new());
}

#[test]
fn gates_are_decided_again() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("run");
    let texts = ["pass_rate >= 0.9", "p95 < 10s", "regression vs gone at 95 %"];
    let gates: Vec<Gate> = texts.iter().map(|text| Gate::parse(text).unwrap()).collect();
    let run = create(&dir, 8);
    let (done, not_run) = standard();
    append(&run, &done);
    let settings = Settings {
        gates: gates.iter().map(|gate| RunGate { gate: gate.clone(), baseline: None }).collect(),
        ..Settings::default()
    };
    finalize(&run, 8, not_run.into_iter(), labels, settings, || false).unwrap();
    drop(run);
    let bundle = Bundle(gates);
    let verified = check_by(&dir, &bundle, ENGINE);
    assert_eq!(verified.found, Vec::<String>::new());
    assert!(verified.notes[0].contains("`regression vs gone at 95 %` was not decided again"), "{:?}", verified.notes);
    for (name, at, value, wanted) in [
        ("held", "/gates/0/passed", json!(true), "gates[0].passed: true and false"),
        ("value", "/gates/0/actual", json!(0.95), "gates[0].actual: 0.95 and 0.6"),
        ("timed", "/measured/gates/0/passed", json!(false), "measured.gates[0].passed"),
        ("gone", "/gates", json!([]), "gates: 0 and 2 entries"),
        ("regression", "/gates/1/passed", json!(true), "gates[1].passed: true and false"),
    ] {
        let to = temp.path().join(name);
        copy(&dir, &to);
        change(&to, "summary.json", |it| {
            *it.pointer_mut(at).unwrap() = value.clone();
        });
        forge(&to);
        let found = check_by(&to, &bundle, ENGINE).found.join("\n");
        assert!(found.contains(wanted), "{name}: {found}");
    }
}

#[test]
fn reports_of_another_version_stand_by_their_checksums() {
    let temp = tempfile::tempdir().unwrap();
    let run = finished(&temp.path().join("run"));
    let dir = run.path().to_owned();
    let verified = verify(&run, || Ok(None), "0.2.0").unwrap();
    assert_eq!(verified.found, Vec::<String>::new());
    // JUnit is the same byte for byte and follows from the records, whoever wrote it; the page tells labels.
    assert_eq!(verified.notes.len(), 2, "{:?}", verified.notes);
    let verified = verify(&run, || Ok(None), ENGINE).unwrap();
    assert!(verified.notes[1].starts_with("report.html: it tells labels"), "{:?}", verified.notes);
    assert_eq!((verified.found, verified.notes.len()), (vec![], 2));
    drop(run);
    let later = |forgery: &dyn Fn(&Path)| {
        let to = temp.path().join("later");
        let _ = fs::remove_dir_all(&to);
        copy(&dir, &to);
        forgery(&to);
        forge(&to);
        check_by(&to, &Bundle(Vec::new()), "0.2.0")
    };
    let page = later(&|to| fs::write(to.join("report.html"), "all passed").unwrap());
    assert_eq!(page.found, Vec::<String>::new());
    assert!(page.notes[0].contains("written by `0.1.0`") && page.notes.len() == 1, "{:?}", page.notes);
    let field = later(&|to| change(to, "summary.json", |it| it["passRate"] = json!(null)));
    assert!(field.found[0].contains("passRate"), "{:?}", field.found);
    let field = later(&|to| change(to, "summary.json", |it| drop(it.as_object_mut().unwrap().remove("statistics"))));
    assert!(field.notes.iter().any(|note| note.contains("statistics")), "{:?}", field.notes);
    let slice = later(&|to| {
        change(to, "summary.json", |it| {
            let slice = it["scenarios"]["s0"].clone();
            it["scenarios"] = json!({"forged": slice});
        });
    });
    assert!(slice.found.join("").contains("scenarios.forged"), "{:?}", slice.found);
}

#[test]
fn an_unfinished_run_is_refused() {
    let temp = tempfile::tempdir().unwrap();
    let run = create(&temp.path().join("run"), 8);
    append(&run, &standard().0);
    assert!(matches!(verify(&run, || Ok(None), ENGINE).unwrap_err(), ResultsError::RunUnfinished { .. }));
}
