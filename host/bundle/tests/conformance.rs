//! Bundles that nobody here wrote, and a thousand small changes to them: what the original reader loads must load,
//! what it refuses must be refused.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use arena_bundle::yaml::{self, YamlLimits};
use arena_bundle::{Bundle, Limits, load};
use serde_json::Value;

/// The material lies beside the checkout; without it there is nothing to test, which CI must not take for a pass.
fn material() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance");
    if path.is_dir() {
        return Some(path);
    }
    assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "no {}", path.display());
    eprintln!("skipped: no {}", path.display());
    None
}

fn arenas(material: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(material).unwrap().map(|entry| entry.unwrap());
    let names = entries.filter(|entry| entry.path().join("bundle").is_dir());
    let mut names: Vec<String> = names.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn reasons(bundle: &Bundle) -> Vec<&'static str> {
    let mut reasons: Vec<_> = bundle.warnings.iter().map(|problem| problem.reason).collect();
    reasons.dedup();
    reasons
}

#[test]
fn every_bundle_loads() {
    let Some(material) = material() else { return };
    let arenas = arenas(&material);
    assert_eq!(arenas.len(), 13);
    let mut loaded = BTreeMap::new();
    for arena in arenas {
        let bundle = load(&material.join(&arena).join("bundle"), &Limits::default()).unwrap_or_else(|problems| {
            panic!("{arena} does not load:\n{problems}");
        });
        loaded.insert(arena, bundle);
    }
    let cells = |name: &str| (loaded[name].scenarios.len(), loaded[name].providers.len());
    assert_eq!(cells("assertions-test"), (4, 3));
    assert_eq!(cells("customer-support"), (6, 3));
    assert_eq!(cells("multimodal-basics"), (2, 2));
    assert_eq!(cells("eval-test"), (1, 2));

    let basics = &loaded["multimodal-basics"];
    assert_eq!(reasons(basics), Vec::<&str>::new());
    assert_eq!(basics.name, "multimodal-basics");
    assert_eq!(basics.prompts.keys().collect::<Vec<_>>(), ["image-analysis"]);
    let checks: usize = basics.scenarios.iter().flat_map(|it| &it.turns).map(|turn| turn.assertions.len()).sum();
    assert_eq!(checks * basics.providers.len(), 24);

    let judged = &loaded["llm-judge"];
    assert_eq!(judged.judges["mock-judge"], "mock-judge");
    assert_eq!(judged.providers[1].group, "judge");

    let outside = &loaded["eval-test"].warnings;
    assert!(outside.iter().any(|it| it.reason == "PathEscape" && it.path.ends_with("recording")), "{outside:?}");

    let demo = &loaded["variables-demo"];
    assert_eq!(demo.prompts["product-support"].overrides["warranty_period"], "2 years");
    assert_eq!(demo.prompts["product-support"].variables[0].default.as_deref(), Some("TechCo"));
}

/// Refusals that are not this crate's: what only a later station knows.
fn refused_elsewhere(message: &str) -> bool {
    let later = ["unsupported provider type", "failed to generate run plan"];
    later.iter().any(|text| message.contains(text))
}

#[test]
fn every_mutant_is_taken_as_the_original_takes_it() {
    let Some(material) = material() else { return };
    let (mut refused, mut taken, mut wrong) = (0, 0, Vec::new());
    for arena in arenas(&material) {
        let copy = tempfile::tempdir().unwrap();
        copy_folder(&material.join(&arena).join("bundle"), copy.path());
        let list = std::fs::read(material.join("mutants").join(format!("{arena}.json"))).unwrap();
        let list: Vec<Value> = serde_json::from_slice(&list).unwrap();
        for mutant in &list {
            let (patch, verdict) = (&mutant["patch"], &mutant["verdict"]);
            let file = copy.path().join(patch["file"].as_str().unwrap());
            let original = std::fs::read(&file).unwrap();
            std::fs::write(&file, apply(&original, patch)).unwrap();
            let result = load(copy.path(), &Limits::default());
            std::fs::write(&file, original).unwrap();
            let message = verdict["exit_message"].as_str().unwrap_or_default();
            let must_fail = verdict["effect"] == "load-error" && !refused_elsewhere(message);
            match result {
                Err(_) if must_fail => refused += 1,
                Ok(_) if !must_fail => taken += 1,
                Ok(_) => wrong.push(format!("{} loads, but: {message}", patch["id"])),
                Err(problems) => wrong.push(format!("{} is refused: {problems}", patch["id"])),
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {} wrong:\n{}", wrong.len(), wrong.len() + refused + taken, wrong.join("\n"));
    assert!(refused > 100 && taken > 800, "{refused} refused, {taken} taken");
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::write(target, std::fs::read(entry.path()).unwrap()).unwrap();
        }
    }
}

/// Carries out a patch as the material's README says; the result is JSON, which is YAML.
fn apply(original: &[u8], patch: &Value) -> Vec<u8> {
    if patch["op"] == "text-replace" {
        let text = std::str::from_utf8(original).unwrap();
        let (old, new) = (patch["old"].as_str().unwrap(), patch["new"].as_str().unwrap());
        assert_eq!(text.matches(old).count(), 1);
        return text.replace(old, new).into_bytes();
    }
    let mut document = yaml::parse("original", original, &YamlLimits::default()).unwrap().to_json();
    let pointer = patch["pointer"].as_array().unwrap();
    let (last, parents) = pointer.split_last().unwrap();
    let mut place = &mut document;
    for step in parents {
        place = match (place, step.as_u64()) {
            (Value::Array(items), Some(index)) => &mut items[usize::try_from(index).unwrap()],
            (Value::Object(map), _) => map.get_mut(&key(step)).unwrap(),
            (other, _) => panic!("{step} in {other}"),
        };
    }
    let index = last.as_u64().map(|index| usize::try_from(index).unwrap());
    let to = || usize::try_from(patch["to"].as_u64().unwrap()).unwrap();
    match (patch["op"].as_str().unwrap(), place, index) {
        ("set", Value::Array(items), Some(index)) => items[index] = patch["value"].clone(),
        ("set", Value::Object(map), _) => drop(map.insert(key(last), patch["value"].clone())),
        ("remove", Value::Array(items), Some(index)) => drop(items.remove(index)),
        ("remove", Value::Object(map), _) => drop(map.remove(&key(last)).unwrap()),
        ("insert", Value::Array(items), Some(index)) => items.insert(index, patch["value"].clone()),
        ("copy", Value::Array(items), Some(index)) => items.insert(to(), items[index].clone()),
        ("move", Value::Array(items), Some(index)) => {
            let item = items.remove(index);
            items.insert(to(), item);
        }
        other => panic!("{other:?}"),
    }
    serde_json::to_vec_pretty(&document).unwrap()
}

fn key(step: &Value) -> String {
    step.as_str().map_or_else(|| step.to_string(), str::to_owned)
}
