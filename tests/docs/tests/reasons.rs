//! docs/reference/reasons.md lists every stable name in the host's sources, and no other.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::fs;

use arena_docs::{reasons, root};

const PAGE: &str = "docs/reference/reasons.md";

/// The names in the first column of the page's tables.
fn listed() -> BTreeSet<String> {
    let text = fs::read_to_string(root().join(PAGE)).unwrap();
    let cells = text.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`').map(|(name, _)| name));
    let names: Vec<String> = cells.map(str::to_owned).collect();
    let all: BTreeSet<String> = names.iter().cloned().collect();
    assert_eq!(all.len(), names.len(), "{PAGE} lists a name twice");
    all
}

#[test]
fn every_reason_is_listed() {
    let (found, listed) = (reasons(&root()).unwrap(), listed());
    let missing: Vec<_> = found.iter().filter(|(reason, _)| !listed.contains(*reason)).collect();
    assert!(missing.is_empty(), "{PAGE} does not list {missing:#?}");
    assert!(found.len() > 100, "only {} reasons were found: does the search still work?", found.len());
}

#[test]
fn every_listed_reason_exists() {
    let found = reasons(&root()).unwrap();
    let gone: Vec<_> = listed().into_iter().filter(|reason| !found.contains_key(reason)).collect();
    assert!(gone.is_empty(), "{PAGE} lists what no source has: {gone:?}");
}
