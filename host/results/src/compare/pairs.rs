//! Pairs while the candidate's records pass by, gathered by test item.

use std::collections::BTreeMap;
use std::path::Path;

use arena_model::{Counts, Manifest, Outcome};
use arena_statistics::item_key;

use super::metric::{self, Samples};
use super::strips::{Baseline, Strip, checks, half, key, scores};
use super::{Comparison, FlipCounts, Pairing, Question, Side, differs, verdict};
use crate::row::Row;
use crate::slice::is_verdict;
use crate::{Result, ResultsError};

/// Names of cases that an error shows.
const NAMED: usize = 3;

/// A flip and where its records stand.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FoundFlip {
    pub(super) changed_input: bool,
    pub(super) better: bool,
    pub(super) candidate: u64,
    pub(super) baseline: u64,
    pub(super) case: String,
}

/// The first flips of each kind.
#[derive(Debug, Default)]
pub(crate) struct Found {
    by_kind: BTreeMap<(bool, bool), Vec<FoundFlip>>,
}

impl Found {
    fn push(&mut self, flip: FoundFlip, most: usize) {
        let list = self.by_kind.entry((flip.changed_input, flip.better)).or_default();
        if list.len() < most {
            list.push(flip);
        }
    }

    /// Worse ones with the same inputs first.
    pub(super) fn in_order(&self) -> Vec<FoundFlip> {
        self.by_kind.values().flatten().cloned().collect()
    }
}

/// Takes the candidate's records and pairs them with a baseline. Memory grows with test items and metrics.
pub struct Comparator<'a> {
    baseline: &'a Baseline,
    question: Question,
    met: Vec<u128>,
    counts: Counts,
    cost: Option<u64>,
    pairing: Pairing,
    passes: Samples,
    /// By check type.
    scores: BTreeMap<String, Samples>,
    kinds: Vec<String>,
    flips: [FlipCounts; 2],
    found: Found,
    different: Vec<String>,
}

impl<'a> Comparator<'a> {
    /// Nothing is paired yet.
    pub fn new(baseline: &'a Baseline, question: &Question) -> Self {
        Self {
            baseline,
            question: question.clone(),
            met: Vec::new(),
            counts: Counts::default(),
            cost: Some(0),
            pairing: Pairing::default(),
            passes: Samples::default(),
            scores: BTreeMap::new(),
            kinds: Vec::new(),
            flips: [FlipCounts::default(); 2],
            found: Found::default(),
            different: Vec::new(),
        }
    }

    /// The candidate's next record.
    pub(crate) fn push(&mut self, row: &Row<'_>) {
        self.counts.add(row.outcome);
        let cost = if row.outcome == Outcome::NotRun { Some(0) } else { row.cost_usd_micro };
        self.cost = self.cost.zip(cost).map(|(sum, cost)| sum.saturating_add(cost));
        let Some((key, before)) = key(row).and_then(|key| Some((key, self.baseline.cases.get(&key)?))) else {
            self.pairing.only_candidate += 1;
            return;
        };
        self.met.push(key);
        // Two errors are no agreement: nobody was judged.
        let errors = before.outcome == Outcome::Error && row.outcome == Outcome::Error;
        if errors || !is_verdict(before.outcome) || !is_verdict(row.outcome) {
            self.pairing.without_verdict += 1;
            return;
        }
        self.pair(row, before);
    }

    fn pair(&mut self, row: &Row<'_>, before: &Strip) {
        let pairing = &mut self.pairing;
        pairing.pairs += 1;
        pairing.errors.0 += u64::from(before.outcome == Outcome::Error);
        pairing.errors.1 += u64::from(row.outcome == Outcome::Error);
        let changed_input = half(&row.input) != before.input;
        pairing.changed_inputs += u64::from(changed_input);
        // An error ends a case before its checks are known.
        let is_error = before.outcome == Outcome::Error || row.outcome == Outcome::Error;
        if !is_error && checks(row) != before.checks {
            pairing.different_checks += 1;
            if self.different.len() < NAMED {
                self.different.push(row.ids().name());
            }
        }
        let item = item_key([&*row.scenario, row.row.as_deref().unwrap_or_default()]);
        // Should all be of one item, the single pairs are what varies.
        let single = self.met.len() as u64;
        let [was, is] =
            [before.outcome, row.outcome].map(|outcome| i64::from(outcome == Outcome::Passed) * metric::NANO);
        self.passes.add(item, single, was, is);
        if was != is {
            let better = is > was;
            let flips = &mut self.flips[usize::from(changed_input)];
            *if better { &mut flips.better } else { &mut flips.worse } += 1;
            let (candidate, baseline, case) = (row.index, before.index, row.ids().name());
            self.found.push(FoundFlip { changed_input, better, candidate, baseline, case }, self.question.flips);
        }
        let (start, count) = (before.scores.0 as usize, usize::from(before.scores.1));
        let old = self.baseline.scores.get(start..start + count).unwrap_or_default();
        for (kind, is) in scores(row, &mut self.kinds) {
            let Some(name) = self.kinds.get(usize::from(kind)) else { continue };
            let same = |place: &&(u16, u32)| self.baseline.kinds.get(usize::from(place.0)) == Some(name);
            let Some((_, was)) = old.iter().find(same) else { continue };
            let samples = match self.scores.get_mut(name) {
                Some(samples) => samples,
                None => self.scores.entry(name.clone()).or_default(),
            };
            samples.add(item, single, i64::from(*was), i64::from(is));
        }
    }

    /// What was found; the listed flips are still without their records.
    ///
    /// Errors: `ChecksDiffer`, `NothingPairs`.
    pub(crate) fn finish(mut self, candidate: &Manifest, path: &Path) -> Result<(Comparison, Found)> {
        self.met.sort_unstable();
        self.met.dedup();
        self.pairing.only_baseline = (self.baseline.cases.len() - self.met.len()) as u64;
        let (baseline, path) = (self.baseline.path.clone(), path.to_owned());
        if self.met.is_empty() {
            return Err(ResultsError::NothingPairs { baseline, candidate: path });
        }
        if self.pairing.different_checks > 0 && !self.question.allow_different_checks {
            let cases = self.different.join(", ");
            let (different, pairs) = (self.pairing.different_checks, self.pairing.pairs);
            return Err(ResultsError::ChecksDiffer { baseline, candidate: path, different, pairs, cases });
        }
        let passes = self.passes.differences();
        let mut left_out = Vec::new();
        let mut metrics = vec![("pass_rate".to_owned(), metric::Kind::Passes, self.passes)];
        for (kind, samples) in self.scores {
            let name = format!("score({kind})");
            if samples.differences() == passes {
                left_out.push(name)
            } else {
                metrics.push((name, metric::Kind::Scores, samples))
            }
        }
        let metrics = metric::judge(metrics, &self.question);
        let (verdict, because) = verdict::of(&metrics, &self.question, &self.pairing);
        let side = |manifest: &Manifest, cases, cost_usd_micro| Side {
            work_digest: manifest.work_digest.clone(),
            cases,
            cost_usd_micro,
        };
        let comparison = Comparison {
            v: 1,
            verdict,
            because,
            question: self.question,
            baseline: side(&self.baseline.manifest, self.baseline.counts, self.baseline.cost),
            candidate: side(candidate, self.counts, self.cost),
            differs: differs(&self.baseline.manifest, candidate),
            pairing: self.pairing,
            metrics,
            left_out,
            flips: self.flips[0],
            flips_of_changed_inputs: self.flips[1],
            listed: Vec::new(),
        };
        Ok((comparison, self.found))
    }
}
