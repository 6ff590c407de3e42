//! The samples are objects of the API: nothing in them is unknown to the types.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::Path;

use arena_crd::{ArenaConfig, ArenaJob, ArenaSource, Provider};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Whether all of `given` comes back from the types.
fn within(given: &Value, typed: &Value) -> bool {
    match (given, typed) {
        (Value::Object(given), Value::Object(typed)) => {
            given.iter().all(|(key, value)| typed.get(key).is_some_and(|typed| within(value, typed)))
        }
        (Value::Array(given), Value::Array(typed)) => {
            given.len() == typed.len() && given.iter().zip(typed).all(|(given, typed)| within(given, typed))
        }
        (given, typed) => given == typed || given.as_f64().is_some() && given.as_f64() == typed.as_f64(),
    }
}

fn check<T: Serialize + DeserializeOwned>(document: &Value) {
    let typed: T = serde_json::from_value(document.clone()).unwrap();
    let back = serde_json::to_value(&typed).unwrap();
    assert!(within(document, &back), "{document} came back as {back}");
}

#[test]
fn samples_are_objects_of_the_api() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    let mut seen = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        for document in serde_saphyr::from_multiple::<Value>(&text).unwrap() {
            assert_eq!(document["apiVersion"], format!("{}/{}", arena_crd::GROUP, arena_crd::VERSION));
            match document["kind"].as_str().unwrap() {
                "ArenaSource" => check::<ArenaSource>(&document),
                "ArenaConfig" => check::<ArenaConfig>(&document),
                "ArenaJob" => check::<ArenaJob>(&document),
                "Provider" => check::<Provider>(&document),
                other => panic!("{other}"),
            }
            seen += 1;
        }
    }
    assert_eq!(seen, 9);
}
