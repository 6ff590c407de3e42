//! Each CEL rule, kept and broken, in the evaluator that `kube-core` brings. What an API server says to the same
//! objects is another test's matter; this one needs none.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod table;

use arena_crd::{ArenaConfigSpec, ArenaJobSpec, ArenaSourceSpec, ProviderSpec};
use kube_core::cel::validate_cel_schema;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use table::Table;

/// What the rules of `T` say to a spec with its defaults filled in.
fn judge<T: JsonSchema + Serialize + DeserializeOwned>(spec: &Value, old: Option<&Value>) -> Result<(), String> {
    let filled = |spec: &Value| serde_json::to_value(serde_json::from_value::<T>(spec.clone()).unwrap()).unwrap();
    let old = old.map(filled);
    validate_cel_schema::<T>(&filled(spec), old.as_ref()).map_err(|errors| errors.to_string())
}

fn check(case: &str, result: Result<(), String>, message: &str) {
    match (result, message.is_empty()) {
        (Ok(()), true) => {}
        (Err(text), false) if text.contains(message) => {}
        (result, _) => panic!("{case}: wanted {message:?}, got {result:?}"),
    }
}

fn all<T: JsonSchema + Serialize + DeserializeOwned>(table: &Table) {
    for (change, message) in &table.cases {
        check(&format!("{} {change}", table.kind), judge::<T>(&table.spec(change), None), message);
    }
}

#[test]
fn sources() {
    all::<ArenaSourceSpec>(&table::sources());
}

#[test]
fn providers() {
    all::<ProviderSpec>(&table::providers());
}

#[test]
fn configs() {
    all::<ArenaConfigSpec>(&table::configs());
}

#[test]
fn jobs() {
    let table = table::jobs();
    all::<ArenaJobSpec>(&table);
    for (old, new, message) in table::job_updates() {
        let result = judge::<ArenaJobSpec>(&table.spec(&new), Some(&table.spec(&old)));
        check(&format!("{old} to {new}"), result, message);
    }
}
