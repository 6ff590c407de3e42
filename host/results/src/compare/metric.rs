//! One metric over all pairs: how much it changed, and whether that is chance.

use std::collections::BTreeMap;

use arena_statistics::{
    EXACT_PAIRS, adjusted_paired, benjamini_hochberg, bootstrap_mean, cohen_d_paired, cohen_h, holm, mcnemar_exact,
    minimum_detectable, normal_quantile, odds_ratio, pairs_needed, sign_flip,
};
use serde::Serialize;

use super::{Correction, Question, Verdict};

/// Units of a score.
pub(super) const NANO: i64 = 1_000_000_000;

/// Items from which on a difference is bootstrapped.
const BOOTSTRAP_FROM: usize = 8;

/// Items of which a test says something at any confidence that can be asked for.
const ITEMS_MOST: u64 = 128;

/// What a metric is made of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Passes,
    Scores,
}

/// Sums of one item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sums {
    was: i64,
    is: i64,
    pairs: i64,
}

/// Pairs by item.
#[derive(Debug, Default)]
pub(super) struct Samples {
    items: BTreeMap<u64, Sums>,
    /// The single pairs while there is but one item.
    single: Vec<(u64, i64, i64)>,
}

impl Samples {
    pub(super) fn add(&mut self, item: u64, single: u64, was: i64, is: i64) {
        let sums = self.items.entry(item).or_default();
        (sums.was, sums.is, sums.pairs) = (sums.was + was, sums.is + is, sums.pairs + 1);
        if self.items.len() < 2 {
            self.single.push((single, was, is));
        } else {
            self.single = Vec::new();
        }
    }

    /// Before and after of each item, means in units of 1e-9; of single pairs if all are of one item.
    fn means(&self) -> Vec<(i64, i64)> {
        if self.items.len() < 2 {
            return self.single.iter().map(|(_, was, is)| (*was, *is)).collect();
        }
        // Half a unit rounds away from zero, the same on both sides.
        let mean = |sum: i64, pairs: i64| (sum + pairs / 2) / pairs;
        self.items.values().map(|sums| (mean(sums.was, sums.pairs), mean(sums.is, sums.pairs))).collect()
    }

    pub(super) fn differences(&self) -> Vec<i64> {
        self.means().into_iter().map(|(was, is)| is - was).collect()
    }

    fn pairs(&self) -> u64 {
        self.items.values().map(|sums| sums.pairs as u64).sum()
    }
}

/// How a p-value was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PairedTest {
    /// McNemar's test, exact; on items it is the sign test.
    McnemarExact,
    /// All choices of signs of the items' differences.
    PermutationExact,
    /// Choices of signs drawn from a fixed seed.
    Permutation,
}

impl PairedTest {
    /// What people call it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::McnemarExact => "McNemar, exact",
            Self::PermutationExact => "permutation, exact",
            Self::Permutation => "permutation, drawn",
        }
    }
}

/// What became of one metric.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MetricComparison {
    /// `pass_rate` or `score(TYPE)`.
    pub metric: String,
    /// Better, worse, the same, or not enough data, for this metric.
    pub verdict: Verdict,
    /// Pairs of cases.
    pub pairs: u64,
    /// Test items, each one observation; if there is but one, its single pairs are.
    pub items: u64,
    /// Whether all pairs are of one item, so that nothing is said of others.
    pub one_item: bool,
    /// Mean over items, before.
    pub baseline: f64,
    /// Mean over items, after.
    pub candidate: f64,
    /// After less before.
    pub difference: f64,
    /// Its interval.
    pub low: f64,
    /// Its interval.
    pub high: f64,
    /// Items that got better.
    pub better: u64,
    /// Items that got worse.
    pub worse: u64,
    /// How the p-value was found.
    pub test: PairedTest,
    /// Chance of so uneven a change if nothing changed.
    pub p: f64,
    /// The same after correction for the number of metrics.
    pub p_adjusted: f64,
    /// Cohen's h of the two rates, for pass rates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cohen_h: Option<f64>,
    /// Cohen's d of the paired differences; none without any spread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cohen_d: Option<f64>,
    /// Items that got better to those that got worse; none if none got worse.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub odds_ratio: Option<f64>,
    /// The smallest difference that so many items show with the power asked for; none if not even the largest there is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum_detectable: Option<f64>,
    /// Items that would show a difference as large as the margin with that power.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub items_needed: Option<u64>,
}

/// Fewest items of which a test says anything: below it even if all of them got worse, chance would do as much.
pub fn fewest_items(confidence: f64, metrics: usize) -> u64 {
    // The hardest step of Holm's correction, as all that got worse together would meet it.
    let says = |items: &u64| (metrics.max(1) as f64) * mcnemar_exact(0, *items) < 1.0 - confidence;
    (1..ITEMS_MOST).find(says).unwrap_or(ITEMS_MOST)
}

/// Judges all metrics together.
pub(super) fn judge(metrics: Vec<(String, Kind, Samples)>, question: &Question) -> Vec<MetricComparison> {
    let alpha = 1.0 - question.confidence;
    let all = metrics.iter().filter(|(_, _, samples)| samples.pairs() > 0).count().max(1);
    // The first step of Holm's correction is the hardest: what is found there is found.
    let strict = alpha / all as f64;
    let mut judged: Vec<MetricComparison> =
        metrics.into_iter().filter_map(|(name, kind, samples)| one(name, kind, &samples, question, strict)).collect();
    let p_values: Vec<f64> = judged.iter().map(|metric| metric.p).collect();
    let adjusted = match question.correction {
        Correction::Holm => holm(&p_values),
        Correction::BenjaminiHochberg => benjamini_hochberg(&p_values),
    };
    for (metric, p) in judged.iter_mut().zip(adjusted) {
        metric.p_adjusted = p;
        metric.verdict = match p < alpha {
            true if metric.difference > 0.0 => Verdict::Better,
            true => Verdict::Worse,
            false if metric.low > -question.margin && metric.high < question.margin => Verdict::Same,
            false => Verdict::NotEnoughData,
        };
    }
    judged
}

/// None without pairs.
fn one(name: String, kind: Kind, samples: &Samples, question: &Question, alpha: f64) -> Option<MetricComparison> {
    let means = samples.means();
    let n = means.len() as f64;
    let differences: Vec<i64> = means.iter().map(|(was, is)| is - was).collect();
    let shares: Vec<f64> = differences.iter().map(|difference| *difference as f64 / NANO as f64).collect();
    let (adjusted_low, adjusted_high) = adjusted_paired(&shares, question.confidence)?;
    let mean = |of: fn(&(i64, i64)) -> i64| {
        means.iter().map(|pair| i128::from(of(pair))).sum::<i128>() as f64 / NANO as f64 / n
    };
    let (baseline, candidate) = (mean(|pair| pair.0), mean(|pair| pair.1));
    let spread = differences.iter().any(|difference| Some(difference) != differences.first());
    let bootstrapped = match kind {
        Kind::Scores if spread && differences.len() >= BOOTSTRAP_FROM => {
            bootstrap_mean(&differences, question.confidence)
        }
        // Of few values, or of steps from 0 to 1, choices of the same say too little of what others could be.
        _ => None,
    };
    let (low, high) =
        bootstrapped.map_or((adjusted_low, adjusted_high), |(low, high)| (low / NANO as f64, high / NANO as f64));
    let changed: Vec<i64> = differences.iter().copied().filter(|difference| *difference != 0).collect();
    let better = changed.iter().filter(|difference| **difference > 0).count() as u64;
    let worse = changed.len() as u64 - better;
    let alike = changed.iter().all(|difference| difference.abs() == changed[0].abs());
    // What an interval as wide as that makes of the spread of single items.
    let deviation = (adjusted_high - adjusted_low) / 2.0 / normal_quantile(0.5 + 0.5 * question.confidence) * n.sqrt();
    Some(MetricComparison {
        metric: name,
        verdict: Verdict::NotEnoughData,
        pairs: samples.pairs(),
        items: means.len() as u64,
        one_item: samples.items.len() < 2,
        baseline,
        candidate,
        difference: candidate - baseline,
        low,
        high,
        better,
        worse,
        test: match alike {
            true => PairedTest::McnemarExact,
            false if changed.len() <= EXACT_PAIRS => PairedTest::PermutationExact,
            false => PairedTest::Permutation,
        },
        p: sign_flip(&differences),
        p_adjusted: 1.0,
        cohen_h: (kind == Kind::Passes).then(|| cohen_h(baseline, candidate)),
        cohen_d: cohen_d_paired(&shares),
        odds_ratio: odds_ratio(better, worse),
        minimum_detectable: minimum_detectable(deviation, means.len() as u64, alpha, question.power)
            .filter(|least| *least <= 1.0),
        items_needed: pairs_needed(deviation, question.margin, alpha, question.power),
    })
}
