//! Which files an eval is about: a path, a pattern, and what they are relative to.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::path::Path;

use arena_bundle::{Bundle, Limits, Problems, Scenario, load};
use tempfile::TempDir;

const HEAD: &str = "apiVersion: promptkit.altairalabs.ai/v1alpha1\n";

/// A bundle with an eval in `evals/e.yaml` about `path`, and recordings at `files` that say where they lie.
fn bundle(path: &str, files: &[&str]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let arena =
        "spec: {providers: [], provider_specs: {m: {type: mock}}, evals: [{file: evals/e.yaml}], defaults: {}}\n";
    let eval = format!("spec: {{description: d, recording: {{path: {path:?}}}}}\n");
    write(dir.path(), "config.arena.yaml", &format!("{HEAD}kind: Arena\nmetadata: {{name: a}}\n{arena}"));
    write(dir.path(), "evals/e.yaml", &format!("{HEAD}kind: Eval\nmetadata: {{name: e, labels: {{k: v}}}}\n{eval}"));
    for file in files {
        write(
            dir.path(),
            file,
            &format!("messages: [{{role: user, content: '{file}'}}, {{role: assistant, content: x}}]"),
        );
    }
    dir
}

fn write(dir: &Path, name: &str, text: &str) {
    let path = dir.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn loaded(dir: &Path) -> Bundle {
    load(dir, &Limits::default()).unwrap_or_else(|problems| panic!("{problems}"))
}

/// The ids and what is said first in each, or why it is none.
fn found(bundle: &Bundle) -> Vec<(String, String)> {
    let of = |scenario: &Scenario| match scenario.recording.as_ref().unwrap() {
        Ok(recording) => recording.messages[0].content.text().into_owned(),
        Err(why) => why.clone(),
    };
    bundle.scenarios.iter().map(|it| (it.id.clone(), of(it))).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(id, said)| ((*id).to_owned(), (*said).to_owned())).collect()
}

#[test]
fn a_pattern_is_a_scenario_for_each_file_that_matches() {
    let files = ["r/b.json", "r/a.recording.json", "r/c.txt", "r/deep/d.json", "evals/r/beside.json"];
    let of = |path: &str| {
        let dir = bundle(path, &files);
        let bundle = loaded(dir.path());
        assert_eq!(Problems(bundle.warnings.clone()).to_string(), "", "{path}");
        assert!(bundle.scenarios.iter().all(|it| it.labels["k"] == "v" && it.recording.is_some()));
        found(&bundle)
    };
    assert_eq!(of("../r/*.json"), pairs(&[("e/a.recording", "r/a.recording.json"), ("e/b", "r/b.json")]));
    assert_eq!(of("r/*.json"), pairs(&[("e", "evals/r/beside.json")]), "beside the document first, and one is no list");
    assert_eq!(of("r/[bc].*"), pairs(&[("e/b", "r/b.json"), ("e/c", "r/c.txt")]), "then in the bundle");
    let twice = bundle("r/?/x.json", &["r/1/x.json", "r/2/x.json"]);
    let names = pairs(&[("e/r/1/x.json", "r/1/x.json"), ("e/r/2/x.json", "r/2/x.json")]);
    assert_eq!(found(&loaded(twice.path())), names, "names that are not enough");
    let literal = bundle("r/[b].json", &["r/b.json", "r/[b].json"]);
    assert_eq!(found(&loaded(literal.path())), pairs(&[("e", "r/[b].json")]), "a file of that very name");
}

#[test]
fn one_broken_recording_does_not_hide_the_others() {
    let dir = bundle("r/*", &["r/a.json"]);
    write(dir.path(), "r/b.json", "{}");
    let bundle = loaded(dir.path());
    let found = found(&bundle);
    assert_eq!((found[0].1.as_str(), found[1].0.as_str()), ("r/a.json", "e/b"));
    assert!(found[1].1.starts_with("r/b.json: error[RecordingInvalid]"), "{found:?}");
    assert_eq!(bundle.warnings.iter().map(|it| it.reason).collect::<Vec<_>>(), ["RecordingInvalid"]);
}

#[test]
fn what_matches_nothing_is_a_defect() {
    let told = |path: &str| Problems(loaded(bundle(path, &["r/a.json"]).path()).warnings).to_string();
    let at = |path: &str, what: &str| {
        let [reason, message] = what.splitn(2, ' ').collect::<Vec<_>>().try_into().unwrap();
        format!("evals/e.yaml:4:42: error[{reason}] spec.recording.path: {message}")
            .replace("VALUE", &format!("{path:?}"))
    };
    let none = "FileMissing no file of the bundle matches this pattern (value VALUE)";
    assert_eq!(told("r/x*"), at("r/x*", none));
    let hint = "`*` and `?` stand for characters of one name, `[a-z]` for one of these";
    let malformed = format!("PatternInvalid this is no pattern of file names (value VALUE); {hint}");
    assert_eq!(told("r/[a"), at("r/[a", &malformed));
    let missing = "FileMissing there is no such file in the bundle (value VALUE); did you mean `r/a.json`?";
    assert_eq!(told("r/b.json"), at("r/b.json", missing));
    let outside = "PathEscape this leads out of the bundle's folder (value VALUE); put the file into the bundle";
    assert_eq!(told("../../r/*.json"), at("../../r/*.json", outside));
}

/// How the folder is reached from where this test runs.
fn from_here(dir: &Path) -> String {
    let here = std::env::current_dir().unwrap().canonicalize().unwrap();
    let up = "../".repeat(here.components().count() - 1);
    format!("{up}{}", dir.canonicalize().unwrap().strip_prefix("/").unwrap().display())
}

#[cfg(unix)]
#[test]
fn a_path_may_be_relative_to_the_working_folder_within_the_bundle() {
    let dir = bundle("x", &["r/a.json", "r/b.json"]);
    let other = bundle("x", &["r/a.json"]);
    let with = |path: String| {
        let eval = format!(
            "{HEAD}kind: Eval\nmetadata: {{name: e}}\nspec: {{description: d, recording: {{path: {path:?}}}}}\n"
        );
        write(dir.path(), "evals/e.yaml", &eval);
        let bundle = loaded(dir.path());
        let told: Vec<_> = bundle.warnings.iter().map(|it| (it.reason, it.hint.clone().unwrap_or_default())).collect();
        (found(&bundle), told)
    };
    let (is, told) = with(format!("{}/r/a.json", from_here(dir.path())));
    assert_eq!(is, pairs(&[("e", "r/a.json")]));
    assert_eq!(told, [("PathNotPortable", "write `r/a.json`, relative to the bundle".to_owned())]);
    let (is, told) = with(format!("{}/r/../r/*.json", from_here(dir.path())));
    assert_eq!(is, pairs(&[("e/a", "r/a.json"), ("e/b", "r/b.json")]));
    assert_eq!(told, [("PathNotPortable", "write `r/*.json`, relative to the bundle".to_owned())]);
    let reason = |path: String| with(path).1[0].0;
    assert_eq!(reason(format!("{}/r/a.json", from_here(other.path()))), "PathEscape", "another folder");
    assert_eq!(reason(format!("{}/r/none.json", from_here(dir.path()))), "PathEscape");
    assert_eq!(reason(dir.path().join("r/a.json").display().to_string()), "PathEscape", "an absolute path");
}
