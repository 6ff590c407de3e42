//! What of the page speaks of all cases: the summary, the names, the matrix and the distributions.

use std::collections::{BTreeMap, HashSet};
use std::io;

use arena_model::{Counts, Manifest, Summary};
use serde_json::{Map, Value, json};

use super::names::{Names, short};
use crate::sketch::Sketch;

/// Entries of a list or table, rows of the matrix, columns of the matrix.
const MAX_ENTRIES: usize = 200;
const MAX_SCENARIOS: usize = 500;
const MAX_PROVIDERS: usize = 40;
/// Bytes of the effective config; a longer one is left out.
const MAX_CONFIG: usize = 256 << 10;
/// Parts into which the range of scores is cut.
const SCORE_BINS: usize = 20;

/// Counts by the numbers of scenario and provider.
pub(super) type Matrix = BTreeMap<(u32, u32), Counts>;

/// How scores are spread, by check type.
#[derive(Default)]
pub(super) struct Scores(Vec<[u64; SCORE_BINS]>);

impl Scores {
    /// Takes the score of a check, if it gave one, of a type among the first that occur.
    pub(super) fn add(&mut self, kind: u32, score: Option<f64>) {
        let kind = kind as usize;
        let Some(score) = score.filter(|_| kind < MAX_ENTRIES) else { return };
        if self.0.len() <= kind {
            self.0.resize(kind + 1, [0; SCORE_BINS]);
        }
        // A score of 1 belongs to the last part.
        let bin = ((score.clamp(0.0, 1.0) * SCORE_BINS as f64) as usize).min(SCORE_BINS - 1);
        self.0[kind][bin] += 1;
    }
}

/// A value whose texts and lists are short enough for a page; a longer list ends early.
fn bounded(value: Value) -> Value {
    match value {
        Value::String(text) => match short(&text) {
            std::borrow::Cow::Borrowed(_) => Value::String(text),
            std::borrow::Cow::Owned(short) => Value::String(short),
        },
        Value::Array(list) => list.into_iter().take(MAX_ENTRIES).map(bounded).collect(),
        Value::Object(map) => {
            let entries = map.into_iter().take(MAX_ENTRIES);
            Value::Object(
                entries.map(|(name, value)| (short(&name).into_owned(), bounded(value))).collect::<Map<_, _>>(),
            )
        }
        other => other,
    }
}

/// All of it. `names` are those of scenarios, providers, check types and labels.
pub(super) fn head(
    names: &[&Names; 4],
    labels_of: &[Vec<u32>],
    matrix: &Matrix,
    scores: &Scores,
    (manifest, summary, latency): (&Manifest, &Summary, &Sketch),
) -> io::Result<Value> {
    let [scenarios, providers, types, labels] = names;
    // Names are numbered by first appearance; a matrix too large for a page keeps the scenarios that do worst.
    let mut worst: Vec<(u64, u32)> = (0..scenarios.len() as u32).map(|number| (0, number)).collect();
    for ((scenario, _), counts) in matrix {
        worst[*scenario as usize].0 += counts.failed + counts.error;
    }
    worst.sort_by_key(|(bad, number)| (std::cmp::Reverse(*bad), *number));
    worst.truncate(MAX_SCENARIOS);
    let kept: HashSet<u32> = worst.into_iter().map(|(_, number)| number).collect();
    let cells: Vec<_> = matrix
        .iter()
        .filter(|((scenario, provider), _)| kept.contains(scenario) && (*provider as usize) < MAX_PROVIDERS)
        .map(|((scenario, provider), counts)| (scenario, provider, counts))
        .collect();
    let work = &manifest.work;
    let shown = scenarios.shown(|number| kept.contains(&number));
    let labels_of: Vec<&[u32]> =
        labels_of.iter().zip(&shown).map(|(labels, name)| if name.is_some() { &labels[..] } else { &[] }).collect();
    let config = serde_json::to_string_pretty(&work.config)?;
    let config = (config.len() <= MAX_CONFIG).then_some(config);
    let first = |number: u32| (number as usize) < MAX_ENTRIES;
    Ok(json!({
        "work": {
            "bundle": work.bundle, "entry": short(&work.entry), "seed": work.seed,
            "plan": work.plan.digest, "epoch": work.epoch,
        },
        "evaluators": bounded(serde_json::to_value(&work.evaluators)?),
        "models": bounded(serde_json::to_value(&work.models)?),
        "config": config,
        "summary": bounded(serde_json::to_value(summary)?),
        "scenarios": shown,
        "providers": providers.shown(|number| (number as usize) < MAX_PROVIDERS),
        "types": types.shown(first),
        "labels": labels.shown(|_| false),
        "labelsOf": labels_of,
        "matrix": cells,
        "matrixLeftOut": {
            "scenarios": scenarios.len().saturating_sub(MAX_SCENARIOS),
            "providers": providers.len().saturating_sub(MAX_PROVIDERS),
        },
        "latency": latency.buckets().collect::<Vec<_>>(),
        "scores": scores.0.iter().map(|bins| &bins[..]).collect::<Vec<_>>(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_ends_early() {
        let map: Map<String, Value> = (0..300).map(|at| (format!("{at:03}"), json!("x".repeat(at)))).collect();
        let bounded = bounded(Value::Object(map));
        let map = bounded.as_object().unwrap();
        assert_eq!(map.len(), MAX_ENTRIES);
        assert!(map.values().all(|text| text.as_str().unwrap().len() < 250));
    }

    #[test]
    fn scores_fall_into_their_parts() {
        let mut scores = Scores::default();
        for score in [Some(0.0), Some(0.049), Some(0.05), Some(1.0), Some(7.0), None] {
            scores.add(1, score);
        }
        scores.add(MAX_ENTRIES as u32, Some(0.5));
        assert_eq!((scores.0.len(), scores.0[1][0], scores.0[1][1], scores.0[1][19]), (2, 2, 1, 2));
    }
}
