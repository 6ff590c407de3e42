//! `summary.json`: totals that follow from the records alone.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Digest, Outcome, Usage};

/// Counts that always add up: `planned` is the sum of the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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

/// Counts of one slice with what it cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// How its cases (or, per evaluator, its checks) ended.
    pub counts: Counts,
    /// Sum of tokens.
    pub usage: Usage,
    /// Sum in millionths of a US dollar; none if any price is unknown.
    pub cost_usd_micro: Option<u64>,
}

/// What depends on time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MeasuredSummary {
    /// RFC 3339.
    pub started: String,
    /// RFC 3339.
    pub finished: String,
    /// From first to last case.
    pub wall_ms: f64,
    /// Case latency percentiles in milliseconds: p50, p95, p99, max.
    pub latency_ms: BTreeMap<String, f64>,
    /// The same per provider id.
    pub latency_ms_by_provider: BTreeMap<String, BTreeMap<String, f64>>,
}

/// The summary of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Always 1.
    pub v: u32,
    /// Of the manifest.
    pub work_digest: Digest,
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
    /// SHA-256 Merkle root over the records without their `measured`, in plan order.
    pub merkle_root: Digest,
    /// Where the run came from, copied from the manifest.
    pub origin: Value,
    /// What depends on time.
    pub measured: MeasuredSummary,
}
