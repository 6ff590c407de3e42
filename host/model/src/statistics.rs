//! What a summary says of how sure its numbers are. Written by `results`, read by gates, reports and people.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Scope;

/// What an interval takes into account. What is not named was held fixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Variation {
    /// Other cases of the same kind could have been chosen.
    Cases,
    /// The same case could have been answered otherwise.
    Repeats,
    /// A judge could have decided otherwise; its part is in the other two and not told apart.
    Judge,
}

impl Variation {
    /// The word in summaries.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cases => "cases",
            Self::Repeats => "repeats",
            Self::Judge => "judge",
        }
    }
}

/// How an interval was computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IntervalMethod {
    /// Wilson's score interval over independent cases.
    Wilson,
    /// Wilson's score interval over the effective number of cases: several cases of one test item count for less.
    WilsonClustered,
    /// Bootstrap over test items, percentiles widened for few items.
    Bootstrap,
    /// Student's t over test items, where they are too few for a bootstrap.
    StudentT,
}

impl IntervalMethod {
    /// What people call it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Wilson => "Wilson",
            Self::WilsonClustered => "Wilson over items",
            Self::Bootstrap => "bootstrap over items",
            Self::StudentT => "Student's t over items",
        }
    }
}

/// The range in which the true value lies with the confidence that the summary's `confidence` states.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// How it was computed.
    pub method: IntervalMethod,
    /// What it takes into account.
    pub varies: Vec<Variation>,
}

/// A number with how sure it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Estimate {
    /// The number.
    pub value: f64,
    /// Cases (per evaluator: checks; for a flake rate: tests) that it is of.
    pub of: u64,
    /// Test items among them: scenarios, or rows of scenarios. Above 1,024 they are held in as many groups, and this is
    /// the number of groups.
    pub items: u64,
    /// None where the data say nothing of it, as with a mean over one item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
}

/// Numbers of trials for which pass@k and pass^k are told.
pub const AT_K: [u32; 12] = [1, 2, 3, 4, 5, 8, 10, 16, 20, 32, 50, 100];

/// Chances over k trials, mean over the tests with at least k trials.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AtK {
    /// Trials.
    pub k: u32,
    /// Tests with at least k trials that have a verdict.
    pub tests: u64,
    /// pass@k: the chance that at least one of k trials passes, unbiased.
    pub any: f64,
    /// pass^k: the chance that all of k trials pass, unbiased.
    pub all: f64,
}

/// What repetitions of the same test show.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Repeats {
    /// Tests with more than one trial that has a verdict.
    pub tests: u64,
    /// Those of which some trials passed and some did not.
    pub flaky: u64,
    /// Share of the flaky ones, 0 to 1.
    pub flake_rate: Estimate,
    /// pass@k and pass^k, k rising; at most 12. Empty per evaluator.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub at_k: Vec<AtK>,
}

/// What one slice of a run shows. Per evaluator it speaks of checks, else of cases.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SliceStatistics {
    /// Share of passed among those with a verdict (passed, failed, error).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pass_rate: Option<Estimate>,
    /// Mean over cases of the mean score of their checks; per evaluator over its checks. Of those that gave a score.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_score: Option<Estimate>,
    /// None if no test has more than one trial with a verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeats: Option<Repeats>,
}

/// A check that never said no.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeadCheck {
    /// Scenario whose check it is; none for all checks of the type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<String>,
    /// Where it is declared, as in the record; none for all checks of the type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// As in the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<u32>,
    /// As in the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
    /// Its type, evals as `eval:ID`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Verdicts it gave, all of them passes.
    pub judged: u64,
}

/// A check type that takes a large share of the effort.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CostlyCheck {
    /// Its type, evals as `eval:ID`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Share of the fuel of all checks, 0 to 1. Instances that had served before are left out.
    pub fuel_share: f64,
    /// Share of what all cases cost, 0 to 1; none if any price is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_share: Option<f64>,
}

/// What checks of one type did.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CheckProfile {
    /// Evaluations of instances of their own.
    pub fresh: u64,
    /// Fuel that those used.
    pub fuel: u64,
    /// The most memory that one of those used, bytes.
    pub memory_bytes_max: u64,
    /// Calls to judges and the like.
    pub calls: u64,
}

/// What the checks of a run are worth and what they take.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Checks {
    /// By check type, evals as `eval:ID`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub profiles: BTreeMap<String, CheckProfile>,
    /// Passes from which on a check that did nothing else counts as dead.
    pub dead_from: u64,
    /// Checks that passed so often and neither failed nor erred, the first 20: a type of which that is true everywhere, else
    /// single checks of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dead: Vec<DeadCheck>,
    /// Dead ones that are not listed.
    #[serde(default, skip_serializing_if = "crate::conversation::is_zero")]
    pub dead_left_out: u64,
    /// Check types with a large share of fuel or cost, the largest first, at most 5.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub costly: Vec<CostlyCheck>,
}

/// How a gate was decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GateResult {
    /// The gate as it was written.
    pub gate: String,
    /// What was looked at, in the unit of the gate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actual: Option<f64>,
    /// Whether it holds.
    pub passed: bool,
    /// One sentence: the value with its unit and what was compared.
    pub detail: String,
}

impl GateResult {
    /// Whether there was nothing to decide it by, so that it neither holds nor breaks.
    pub fn is_undecided(&self) -> bool {
        !self.passed && self.actual.is_none()
    }

    /// What people read of it: `holds`, `broken` or `undecided`.
    pub fn word(&self) -> &'static str {
        match self.passed {
            true => "holds",
            false if self.is_undecided() => "undecided",
            false => "broken",
        }
    }
}

/// Percentiles by name (p50, p95, p99, max), milliseconds.
pub type Percentiles = BTreeMap<String, f64>;

/// Times of one slice.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SliceTimes {
    /// Of whole cases; of single checks per evaluator. Of cases without answers from a cache.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub latency_ms: Percentiles,
    /// To the first streamed token.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ttft_ms: Percentiles,
}
