//! What is generated from the types equals what is in the tree. `ARENA_CRD_UPDATE=1 cargo test -p arena-crd` writes it.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod page;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn kind(definition: &Value) -> &str {
    definition["spec"]["names"]["kind"].as_str().unwrap()
}

/// Compares, or writes where the environment asks for it.
fn keep(path: &str, text: &str) {
    let file = root().join(path);
    if std::env::var_os("ARENA_CRD_UPDATE").is_some() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
    }
    let there = fs::read_to_string(&file).unwrap_or_default();
    assert!(there == text, "{path} is not what the types say; ARENA_CRD_UPDATE=1 cargo test -p arena-crd writes it");
}

#[test]
fn definitions_are_up_to_date() {
    for definition in arena_crd::definitions().unwrap() {
        let name = kind(&definition).to_lowercase();
        let yaml = serde_saphyr::to_string(&definition).unwrap();
        let text = format!("# Generated from crd/src; see crd/tests/generated.rs.\n{yaml}");
        keep(&format!("crd/generated/{name}.yaml"), &text);
        assert_eq!(serde_saphyr::from_str::<Value>(&text).unwrap(), definition, "{name}");
        // Helm's templates: the same object, installed and kept by switches.
        keep(&format!("charts/arena-fleet/templates/crds/{name}.yaml"), &page::template(&yaml));
    }
}

#[test]
fn reference_pages_are_up_to_date() {
    for definition in arena_crd::definitions().unwrap() {
        let name = kind(&definition).to_lowercase();
        keep(&format!("docs/reference/{name}.md"), &page::reference(&definition));
    }
}

/// Calls `see` with the path of every schema in a definition.
fn walk(path: &str, schema: &Value, see: &mut impl FnMut(&str, &Value)) {
    see(path, schema);
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        walk(&format!("{path}.{name}"), property, see);
    }
    for (key, mark) in [("items", "[]"), ("additionalProperties", "{}")] {
        if schema[key].is_object() {
            walk(&format!("{path}{mark}"), &schema[key], see);
        }
    }
}

#[test]
fn every_field_is_described_and_bounded() {
    for definition in arena_crd::definitions().unwrap() {
        let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        walk(kind(&definition), schema, &mut |path, schema| {
            let has = |key: &str| !schema[key].is_null();
            let element = path.ends_with("[]") || path.ends_with("{}");
            assert!(
                element || schema["description"].as_str().is_some_and(|text| text.len() > 10),
                "{path}: describe it"
            );
            assert!(has("type"), "{path}: has no type");
            assert!(
                !has("x-kubernetes-preserve-unknown-fields") && !has("nullable") && !has("anyOf"),
                "{path}: {schema}"
            );
            match schema["type"].as_str().unwrap() {
                "array" => assert!(has("maxItems"), "{path}: a list without a bound"),
                "object" if has("additionalProperties") => {
                    assert!(has("maxProperties"), "{path}: a map without a bound")
                }
                "string" => {
                    let bounded = has("maxLength") || has("enum") || schema["format"] == "date-time";
                    assert!(
                        bounded || path == format!("{}.kind", kind(&definition)) || path.ends_with(".apiVersion"),
                        "{path}: text without a bound"
                    );
                }
                "number" | "integer" if path.contains(".spec.") => {
                    assert!(has("minimum") && has("maximum"), "{path}: a number without bounds");
                }
                _ => {}
            }
        });
    }
}

/// Every number written as large as it may be.
#[test]
fn a_status_fits_into_20_kb() {
    let text = |bytes: usize| "x".repeat(bytes);
    let condition = |n: usize| {
        serde_json::json!({
        "type": format!("Type{n:02}"), "status": "Unknown", "observedGeneration": i64::MAX, "reason": text(32),
        "lastTransitionTime": "2026-01-01T00:00:00Z", "message": text(arena_crd::Condition::MESSAGE_BYTES)})
    };
    let gate = serde_json::json!({"metric": "latencyP95", "operator": ">=", "value": 1.0 / 3.0, "actual": 1.0 / 7.0, "passed": false});
    let status = serde_json::json!({
        "conditions": (0..8).map(condition).collect::<Vec<_>>(), "gates": vec![gate; 20],
        "source": {"name": text(253), "revision": text(512), "digest": text(80)},
        "result": {"url": text(2048), "digest": text(80)}, "lastJob": text(253)});
    let status: arena_crd::ArenaJobStatus = serde_json::from_value(status).unwrap();
    assert!(serde_json::to_vec(&status).unwrap().len() < 20_000);
}
