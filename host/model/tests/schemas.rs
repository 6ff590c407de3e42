//! The published JSON Schemas are those of the types. `ARENA_DOCS_UPDATE=1 cargo test -p arena-model --test schemas` writes
//! them.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::Path;

use arena_model::{Record, Summary};
use schemars::{JsonSchema, schema_for};

fn published<T: JsonSchema>(name: &str, title: &str) {
    let mut schema = schema_for!(T);
    schema.insert("title".to_owned(), title.into());
    let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference").join(name);
    if std::env::var_os("ARENA_DOCS_UPDATE").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == text,
        "{name} is not that of the type: write it with ARENA_DOCS_UPDATE=1 and look at what changed"
    );
}

#[test]
fn the_schema_of_the_summary_is_published() {
    published::<Summary>("summary.schema.json", "summary.json of Arena Fleet, version 1");
}

#[test]
fn the_schema_of_the_record_is_published() {
    published::<Record>("record.schema.json", "Record of Arena Fleet, version 1");
}
