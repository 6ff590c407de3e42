//! `memory` of an arena and `seed_memories` of a scenario: what a model remembers by tools.

use serde_json::Value;

use crate::report::Report;
use crate::yaml::{Cursor, Data};

/// Most seeds of a scenario.
const MOST_SEEDS: usize = 1000;
/// Keys of `memory` that tune stores which are not here.
const KNOWN: &str = "enabled";

/// Something to remember.
#[derive(Clone, Debug, PartialEq)]
pub struct Memory {
    /// In words; not empty.
    pub content: String,
    /// `general` unless given.
    pub kind: String,
    /// 0 to 1; 0.8 unless given.
    pub confidence: f64,
    /// A JSON object; none if not given.
    pub metadata: Option<Value>,
}

impl Memory {
    /// `type` of what has none.
    pub const KIND: &str = "general";
    /// `confidence` of what has none.
    pub const CONFIDENCE: f64 = 0.8;

    /// Whether the arena has a memory: `memory` is there and not switched off.
    pub(crate) fn enabled(spec: &Cursor<'_>, report: &mut Report) -> bool {
        let Some(memory) = spec.get("memory").filter(|memory| memory.node.data != Data::Null) else { return false };
        for (key, value) in memory.entries().filter(|(key, _)| *key != KNOWN) {
            let message = format!("`{key}` has no effect: each case has a memory of its own, which ends with it");
            report.push(value.error("FeatureUnsupported", message).warning());
        }
        match memory.node.data {
            Data::Bool(on) => on,
            _ => memory.boolean(KNOWN) != Some(false),
        }
    }

    /// The seeds of a scenario; what is no memory is reported.
    pub(crate) fn seeds(spec: &Cursor<'_>, on: bool, report: &mut Report) -> Vec<Self> {
        let Some(list) = spec.get("seed_memories").filter(|list| !list.node.items().is_empty()) else {
            return Vec::new();
        };
        if !on {
            let problem = list.error("MemoryMissing", "the arena has no memory, so nobody can recall this").warning();
            report.push(problem.hint("add `memory: {enabled: true}` to the arena"));
        }
        if list.node.items().len() > MOST_SEEDS {
            let message = format!("a scenario has at most {MOST_SEEDS} seeds");
            report.push(list.error("ValueOutOfRange", message));
            return Vec::new();
        }
        list.items().filter_map(|seed| Self::decode(&seed, report)).collect()
    }

    fn decode(seed: &Cursor<'_>, report: &mut Report) -> Option<Self> {
        let content = seed.text("content").filter(|content| !content.is_empty());
        if content.is_none() && seed.get("content").is_some() {
            report.push(seed.error("MissingKey", "a memory needs `content`"));
        }
        let confidence = seed.number_in("confidence", 0.0, 1.0, report).filter(|confidence| *confidence > 0.0);
        Some(Self {
            content: content?,
            kind: seed.text("type").filter(|kind| !kind.is_empty()).unwrap_or_else(|| Self::KIND.to_owned()),
            confidence: confidence.unwrap_or(Self::CONFIDENCE),
            metadata: seed.json("metadata"),
        })
    }
}
