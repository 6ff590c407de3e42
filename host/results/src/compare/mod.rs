//! Two runs side by side: cases pair up by their key, and the cases of one test item are one observation.
//!
//! The baseline is read into a strip per case; the candidate passes by. Transcripts are read for listed flips only.

mod flips;
mod metric;
mod pairs;
mod strips;
mod verdict;

use std::collections::BTreeMap;

use arena_model::{Counts, Digest, Manifest, Record};
use serde::Serialize;

use crate::reader::lines;
use crate::row::Row;
use crate::{Result, ResultsError, RunView};

pub use metric::{MetricComparison, PairedTest, fewest_items};
pub use pairs::Comparator;
pub use strips::Baseline;
pub use verdict::Verdict;

/// How sure a comparison is to be, and of what.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Question {
    /// Confidence of intervals and verdicts, 0 to 1.
    pub confidence: f64,
    /// Differences up to this, in shares, count as none.
    pub margin: f64,
    /// Chance with which the smallest detectable difference is found, 0 to 1.
    pub power: f64,
    /// How p-values are corrected for the number of metrics.
    pub correction: Correction,
    /// Flips that are listed of each kind.
    #[serde(skip)]
    pub flips: usize,
    /// Whether pairs whose checks differ are compared.
    #[serde(skip)]
    pub allow_different_checks: bool,
}

impl Default for Question {
    fn default() -> Self {
        let correction = Correction::Holm;
        Self { confidence: 0.95, margin: 0.05, power: 0.8, correction, flips: 20, allow_different_checks: false }
    }
}

/// What is done about many metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Correction {
    /// Bounds the chance of any false alarm.
    Holm,
    /// Bounds the share of false alarms among alarms.
    BenjaminiHochberg,
}

impl Correction {
    /// What people call it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Holm => "Holm",
            Self::BenjaminiHochberg => "Benjamini-Hochberg",
        }
    }
}

/// One of the two runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Side {
    /// Of its manifest.
    pub work_digest: Digest,
    /// Its cases. Cases that have not been run yet are not among those of a running run.
    pub cases: Counts,
    /// Millionths of a US dollar; none if any price is unknown.
    pub cost_usd_micro: Option<u64>,
}

/// How cases found each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Pairing {
    /// Cases in both runs that have a verdict (passed, failed, error) in both. An error counts as not passed.
    pub pairs: u64,
    /// Those of them that ended in an error in the baseline, in the candidate.
    pub errors: (u64, u64),
    /// Those of them whose rendered inputs (prompt, turns) differ: not only the answer may have changed.
    pub changed_inputs: u64,
    /// Cases in both runs without a verdict in one of them: skipped, not run.
    pub without_verdict: u64,
    /// Cases that only the baseline has.
    pub only_baseline: u64,
    /// Cases that only the candidate has.
    pub only_candidate: u64,
    /// Pairs whose checks differ.
    pub different_checks: u64,
}

/// Pairs whose pass became none, or the reverse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FlipCounts {
    /// Passed only in the candidate.
    pub better: u64,
    /// Passed only in the baseline.
    pub worse: u64,
}

/// One flip with both conversations.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Flip {
    /// Stable name of the case.
    pub case: String,
    /// Whether it passes in the candidate.
    pub better: bool,
    /// Whether its rendered inputs differ.
    pub changed_input: bool,
    /// What the baseline has.
    pub baseline: Box<Record>,
    /// What the candidate has.
    pub candidate: Box<Record>,
}

/// What a comparison found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// Always 1.
    pub v: u32,
    /// Better, worse, the same, or not enough data.
    pub verdict: Verdict,
    /// Why, in one sentence.
    pub because: String,
    /// What was asked.
    pub question: Question,
    /// The run that was there before.
    pub baseline: Side,
    /// The run that is judged.
    pub candidate: Side,
    /// What differs between the work of the two.
    pub differs: Vec<String>,
    /// How cases found each other.
    pub pairing: Pairing,
    /// The pass rate, then scores by check type; evals as `eval:ID`.
    pub metrics: Vec<MetricComparison>,
    /// Metrics that say the same as the pass rate, pair by pair, or that have no pairs.
    pub left_out: Vec<String>,
    /// Flips of pairs with the same inputs.
    pub flips: FlipCounts,
    /// Flips of pairs with changed inputs.
    pub flips_of_changed_inputs: FlipCounts,
    /// The first of them: worse ones and those with the same inputs first.
    pub listed: Vec<Flip>,
}

/// Compares the candidate `b` with the baseline `a`.
///
/// Errors: `ChecksDiffer`, `NothingPairs`, those of unreadable runs.
pub fn compare(a: &RunView, b: &RunView, question: &Question) -> Result<Comparison> {
    let baseline = Baseline::read(a)?;
    let mut comparator = Comparator::new(&baseline, question);
    for line in lines(b)? {
        let (_, line) = line?;
        let unreadable = |detail| ResultsError::SegmentCorrupt { path: b.path().to_owned(), detail };
        comparator.push(&Row::read(&line).map_err(unreadable)?);
    }
    let (comparison, found) = comparator.finish(b.manifest(), b.path())?;
    Ok(Comparison { listed: flips::read(a, b, &found.in_order())?, ..comparison })
}

/// What differs between the work of two runs, for a person who looks for the cause.
fn differs(a: &Manifest, b: &Manifest) -> Vec<String> {
    let (a, b) = (&a.work, &b.work);
    let mut found = Vec::new();
    let mut named = |what: &str, a: &BTreeMap<String, String>, b: &BTreeMap<String, String>| {
        let names: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
        let changed: Vec<&str> =
            names.into_iter().filter(|name| a.get(*name) != b.get(*name)).map(String::as_str).collect();
        if !changed.is_empty() {
            let shown = changed[..changed.len().min(10)].join(", ");
            let more = changed.len().saturating_sub(10);
            found
                .push(format!("{what}: {shown}{}", if more > 0 { format!(" and {more} more") } else { String::new() }));
        }
    };
    let digests = |work: &arena_model::Work| {
        work.evaluators.iter().map(|(name, pin)| (name.clone(), pin.digest.to_string())).collect::<BTreeMap<_, _>>()
    };
    named("models", &a.models, &b.models);
    named("evaluators", &digests(a), &digests(b));
    for (what, is_other) in [
        ("bundle", a.bundle != b.bundle || a.entry != b.entry),
        ("plan", a.plan != b.plan),
        ("config", a.config != b.config),
        ("seed", a.seed != b.seed),
        ("clock", a.epoch != b.epoch),
    ] {
        if is_other {
            found.push(what.to_owned());
        }
    }
    found
}
