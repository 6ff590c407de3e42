//! `summary.json`: totals that follow from the records alone.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Checks, Digest, GateResult, Outcome, Percentiles, Provenance, Scope, SliceStatistics, SliceTimes, Usage};

/// Counts that always add up: `planned` is the sum of the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Counts {
    pub planned: u64,
    pub passed: u64,
    pub failed: u64,
    pub error: u64,
    pub skipped: u64,
    pub not_run: u64,
}

impl Counts {
    /// Counts one more.
    pub fn add(&mut self, outcome: Outcome) {
        self.planned += 1;
        *match outcome {
            Outcome::Passed => &mut self.passed,
            Outcome::Failed => &mut self.failed,
            Outcome::Error => &mut self.error,
            Outcome::Skipped => &mut self.skipped,
            Outcome::NotRun => &mut self.not_run,
        } += 1;
    }

    /// Share of passed among those with a verdict (passed, failed, error); none if there is none.
    pub fn pass_rate(&self) -> Option<f64> {
        let judged = self.passed + self.failed + self.error;
        (judged > 0).then(|| self.passed as f64 / judged as f64)
    }
}

/// The sum that always holds: `12 cases = 8 passed + 3 failed + 1 error + 0 skipped + 0 not run`.
impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { planned, passed, failed, error, skipped, not_run } = self;
        let cases = if *planned == 1 { "case" } else { "cases" };
        write!(
            f,
            "{planned} {cases} = {passed} passed + {failed} failed + {error} error + {skipped} skipped + {not_run} not run"
        )
    }
}

/// Counts of one slice with what it cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Tally {
    /// How its cases (or, per evaluator, its checks) ended.
    pub counts: Counts,
    /// Sum of tokens.
    pub usage: Usage,
    /// Sum in millionths of a US dollar; none if any price is unknown.
    pub cost_usd_micro: Option<u64>,
    /// How sure its rates are; none if no case of it has a verdict, or if the summary would be too large.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statistics: Option<Box<SliceStatistics>>,
}

/// How many trials one check passed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ThresholdTally {
    /// Where it is declared, as in the record.
    pub scope: Scope,
    /// As in the record.
    pub turn: Option<u32>,
    /// As in the record.
    pub index: u32,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Trials in which it passed.
    pub passed: u64,
    /// Trials in which it applied.
    pub of: u64,
    /// Share that must pass, 0 to 1.
    pub threshold: f64,
    /// Whether it did.
    pub met: bool,
}

/// One test that ran more than once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TrialTally {
    /// Scenario id.
    pub scenario: String,
    /// Provider id.
    pub provider: String,
    /// Region label.
    pub region: Option<String>,
    /// Dataset row.
    pub row: Option<String>,
    /// Perturbation variant.
    pub variant: Option<String>,
    /// How its trials ended.
    pub counts: Counts,
    /// Whether some passed and some failed or erred.
    pub flaky: bool,
    /// Numbers, from 1, of the first 20 trials that did not pass.
    pub not_passed: Vec<u32>,
    /// Its checks with a `pass_threshold`.
    pub thresholds: Vec<ThresholdTally>,
}

/// What repetitions show.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Trials {
    /// Tests that ran more than once.
    pub tests: u64,
    /// Those of which some trials passed and some failed or erred.
    pub flaky: u64,
    /// Share of flaky ones, 0 to 1.
    pub flake_rate: f64,
    /// Checks with a `pass_threshold` in those tests.
    pub thresholds: u64,
    /// Those of them that passed in too few trials.
    pub short: u64,
    /// Failed cases that fail nobody: every check that failed in them passed in enough other trials.
    pub tolerated: u64,
    /// The first 100 tests that are flaky or have thresholds.
    pub listed: Vec<TrialTally>,
}

/// What depends on time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MeasuredSummary {
    /// RFC 3339.
    pub started: String,
    /// RFC 3339.
    pub finished: String,
    /// From first to last case.
    pub wall_ms: f64,
    /// Case latency percentiles in milliseconds: p50, p95, p99, max. Of cases without answers from a cache.
    pub latency_ms: BTreeMap<String, f64>,
    /// The same per provider id.
    pub latency_ms_by_provider: BTreeMap<String, BTreeMap<String, f64>>,
    /// Percentiles of the time to the first streamed token, milliseconds.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ttft_ms: Percentiles,
    /// The same per provider id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ttft_ms_by_provider: BTreeMap<String, Percentiles>,
    /// By scenario id, of those with cases that were timed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub scenarios: BTreeMap<String, SliceTimes>,
    /// By label `key=value` of the scenario.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, SliceTimes>,
    /// By check type, evals as `eval:ID`: time of single checks.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub evaluators: BTreeMap<String, SliceTimes>,
    /// Every percentile but max is off by at most this share of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percentile_error: Option<f64>,
    /// Gates on times, in the order they were given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gates: Vec<GateResult>,
    /// Cases with answers from a cache.
    #[serde(default, skip_serializing_if = "crate::conversation::is_zero")]
    pub cached: u64,
    /// Calls at once per provider id, of those whose number changed during the last part of a local run.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub concurrency_by_provider: BTreeMap<String, ConcurrencyHistory>,
}

/// How many calls at once a provider was asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConcurrencyHistory {
    /// The most that were allowed.
    pub most: u32,
    /// The fewest, after the vendor had pushed back.
    pub lowest: u32,
    /// Attempts that the vendor answered with a limited rate.
    pub push_backs: u64,
    /// The last 64 changes: milliseconds since the start, and calls at once from then on.
    pub changes: Vec<(u64, u32)>,
}

/// The summary of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Always 1.
    pub v: u32,
    /// Of the manifest.
    pub work_digest: Digest,
    /// Whether the run was stopped and this tells how far it had come: cases without a record count as not run, and the
    /// folder can be resumed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// Of all cases.
    pub cases: Counts,
    /// Over cases with a verdict.
    pub pass_rate: Option<f64>,
    /// Tokens of all cases.
    pub usage: Usage,
    /// Sum in millionths of a US dollar; none if any price is unknown.
    pub cost_usd_micro: Option<u64>,
    /// By scenario id.
    pub scenarios: BTreeMap<String, Tally>,
    /// By provider id.
    pub providers: BTreeMap<String, Tally>,
    /// By check type, evals as `eval:ID`: counts are of checks, not cases.
    pub evaluators: BTreeMap<String, Tally>,
    /// By label `key=value` of the scenario.
    pub labels: BTreeMap<String, Tally>,
    /// Cases with the outcome error by why: the case's own error, else that of its first check with one. The first 64
    /// names that occur.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub errors: BTreeMap<String, u64>,
    /// Of tests that ran more than once; none if there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trials: Option<Trials>,
    /// How sure the rates of all cases are; those of a slice stand in its tally.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statistics: Option<SliceStatistics>,
    /// Confidence of all intervals, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    /// What the checks are worth and what they take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checks: Option<Checks>,
    /// Gates in the order they were given; those on times stand in `measured`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gates: Vec<GateResult>,
    /// Entries of lists that were left out because they are too many, by the list: `scenarios`, `measured.labels`, ...
    /// Totals have them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub left_out: BTreeMap<String, u64>,
    /// SHA-256 Merkle root over the records without their `measured`, in plan order.
    pub merkle_root: Digest,
    /// What the results are of: all that can change a verdict, copied from the manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<Provenance>,
    /// Where the run came from, copied from the manifest; `engine` is the version that ran it.
    pub origin: Value,
    /// What depends on time.
    pub measured: MeasuredSummary,
}

impl Summary {
    /// That of no cases.
    pub fn empty(work_digest: Digest) -> Self {
        Self {
            v: 1,
            work_digest,
            partial: false,
            cases: Counts::default(),
            pass_rate: None,
            usage: Usage::default(),
            cost_usd_micro: Some(0),
            scenarios: BTreeMap::new(),
            providers: BTreeMap::new(),
            evaluators: BTreeMap::new(),
            labels: BTreeMap::new(),
            errors: BTreeMap::new(),
            trials: None,
            statistics: None,
            confidence: None,
            checks: None,
            gates: Vec::new(),
            left_out: BTreeMap::new(),
            merkle_root: Digest::of(b""),
            provenance: None,
            origin: Value::Null,
            measured: MeasuredSummary::default(),
        }
    }

    /// The counts that decide over the run: failed cases within a `pass_threshold` count as passed.
    pub fn decisive(&self) -> Counts {
        let tolerated = self.trials.as_ref().map_or(0, |trials| trials.tolerated).min(self.cases.failed);
        Counts { passed: self.cases.passed + tolerated, failed: self.cases.failed - tolerated, ..self.cases }
    }

    /// The most frequent error with its cases; of several the first by name.
    pub fn most_frequent_error(&self) -> Option<(&str, u64)> {
        let errors = self.errors.iter().map(|(name, cases)| (name.as_str(), *cases));
        errors.rev().max_by_key(|(_, cases)| *cases)
    }
}
