//! What is kept of each case of the baseline.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::PathBuf;

use arena_model::{CaseKey, Counts, Manifest, Outcome, Scope};
use arena_statistics::item_key;

use crate::reader::lines;
use crate::row::{Check, Row};
use crate::slice::is_verdict;
use crate::{Result, ResultsError, RunView};

/// One case: what a pair is judged by.
#[derive(Clone, Copy)]
pub(super) struct Strip {
    pub index: u64,
    /// Half of the digest of the rendered inputs.
    pub input: u64,
    /// Hash of where and what its checks are.
    pub checks: u64,
    /// Where its scores begin, and how many they are.
    pub scores: (u64, u16),
    pub outcome: Outcome,
}

/// The runs that others are compared with, held in about 80 bytes a case and 8 a check type of it.
pub struct Baseline {
    pub(super) path: PathBuf,
    pub(super) manifest: Manifest,
    pub(super) counts: Counts,
    pub(super) cost: Option<u64>,
    pub(super) cases: HashMap<u128, Strip>,
    /// Numbers of check types with the mean score in units of 1e-9.
    pub(super) scores: Vec<(u16, u32)>,
    pub(super) kinds: Vec<String>,
}

/// The name that a check's score goes under.
fn kind(check: &Check<'_>) -> String {
    match check.id.as_ref().filter(|_| check.scope == Scope::Eval) {
        Some(id) => format!("eval:{}", &**id),
        None => check.kind.to_string(),
    }
}

/// The number of a name; none beyond 65,535 names.
fn number(kinds: &mut Vec<String>, name: String) -> Option<u16> {
    let place = match kinds.iter().position(|other| *other == name) {
        Some(place) => place,
        None => {
            kinds.push(name);
            kinds.len() - 1
        }
    };
    u16::try_from(place).ok()
}

/// Mean scores by number of the check type, rising.
pub(super) fn scores(row: &Row<'_>, kinds: &mut Vec<String>) -> Vec<(u16, u32)> {
    let mut sums: Vec<(u16, u64, u64)> = Vec::new();
    for check in &row.checks {
        let Some(score) = check.score.filter(|_| matches!(check.outcome, Outcome::Passed | Outcome::Failed)) else {
            continue;
        };
        let Some(kind) = number(kinds, kind(check)) else { continue };
        let nano = (score.clamp(0.0, 1.0) * 1e9).round() as u64;
        match sums.iter_mut().find(|(other, ..)| *other == kind) {
            Some((_, sum, count)) => (*sum, *count) = (*sum + nano, *count + 1),
            None => sums.push((kind, nano, 1)),
        }
    }
    sums.sort_unstable();
    sums.into_iter().map(|(kind, sum, count)| (kind, ((sum + count / 2) / count) as u32)).collect()
}

/// Hash of the set of a case's checks. A check that is judged several times counts once.
pub(super) fn checks(row: &Row<'_>) -> u64 {
    let mut keys: Vec<u64> = row
        .checks
        .iter()
        .map(|check| {
            let place = format!("{:?} {:?} {}", check.scope, check.turn, check.index);
            let id = check.id.as_deref().unwrap_or_default();
            item_key([place.as_str(), id, &*check.kind, check.params.map_or("", |params| params.get())])
        })
        .collect();
    keys.sort_unstable();
    keys.dedup();
    keys.iter().fold(keys.len() as u64, |hash, key| hash.rotate_left(5) ^ key)
}

/// The case key as a number; none if it is no key.
pub(super) fn key(row: &Row<'_>) -> Option<u128> {
    u128::from_str_radix(&row.key, 16).ok()
}

/// Half of a digest.
pub(super) fn half(digest: &str) -> u64 {
    let hex = digest.rsplit(':').next().unwrap_or_default();
    u64::from_str_radix(hex.get(..16).unwrap_or_default(), 16).unwrap_or_default()
}

impl Baseline {
    /// Reads a run.
    ///
    /// Errors: `SegmentCorrupt`, also if two cases have one key.
    pub fn read(run: &RunView) -> Result<Self> {
        let mut baseline = Self {
            path: run.path().to_owned(),
            manifest: run.manifest().clone(),
            counts: Counts::default(),
            cost: Some(0),
            cases: HashMap::new(),
            scores: Vec::new(),
            kinds: Vec::new(),
        };
        for line in lines(run)? {
            let (_, line) = line?;
            let unreadable = |detail| ResultsError::SegmentCorrupt { path: run.path().to_owned(), detail };
            let row = Row::read(&line).map_err(unreadable)?;
            let key = key(&row).ok_or_else(|| unreadable(format!("case {} has no key", row.index)))?;
            baseline.counts.add(row.outcome);
            let cost = if row.outcome == Outcome::NotRun { Some(0) } else { row.cost_usd_micro };
            baseline.cost = baseline.cost.zip(cost).map(|(sum, cost)| sum.saturating_add(cost));
            let scores = scores(&row, &mut baseline.kinds);
            let strip = Strip {
                index: row.index,
                input: half(&row.input),
                checks: checks(&row),
                scores: (baseline.scores.len() as u64, scores.len() as u16),
                outcome: row.outcome,
            };
            baseline.scores.extend(scores);
            match baseline.cases.entry(key) {
                Entry::Vacant(place) => place.insert(strip),
                Entry::Occupied(_) => return Err(unreadable(format!("two cases have the key {}", &*row.key))),
            };
        }
        Ok(baseline)
    }

    /// Whether it has a case with this key that came to a verdict.
    pub fn judged(&self, key: &CaseKey) -> bool {
        let case = u128::from_str_radix(&key.0, 16).ok().and_then(|key| self.cases.get(&key));
        case.is_some_and(|case| is_verdict(case.outcome))
    }

    /// Its folder.
    pub fn path(&self) -> &std::path::Path {
        &self.path
    }
}
