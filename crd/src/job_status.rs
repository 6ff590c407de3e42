//! Status of an ArenaJob. All of it stays under 20 KB.

use kube_derive::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Condition, GateMetric, GateOperator, bounds};

/// How far it is, and how it ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(crates(kube_core = "::kube_core"))]
pub struct ArenaJobStatus {
    /// Generation of the spec that the conditions speak of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Finished: it is over, however it ended. Passed: whether what was tested is good; set when it is over. Progressing:
    /// workers are at it. Resolved: all it needs was found and frozen. Ready, Reconciling and Stalled are for tools.
    #[serde(default)]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// The conditions in one word, for people. Scripts read the conditions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<JobPhase>,
    /// When the run was frozen and its workers were asked for, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "bounds::timestamp")]
    pub start_time: Option<String>,
    /// When it was over, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "bounds::timestamp")]
    pub completion_time: Option<String>,
    /// The bundle that it runs. Of a standing job, the one that its newest run has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceStatus>,
    /// Digest of the frozen manifest in the store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 80))]
    pub manifest: Option<String>,
    /// Digest of all that can change a verdict. Two runs with the same did the same work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 80))]
    pub work_digest: Option<String>,
    /// Cases by how they ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cases: Option<CaseCounts>,
    /// Cases that ended and all cases, such as 12/40.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub progress: Option<String>,
    /// Share of passed among the cases with a verdict, such as 97.50%.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub pass_rate: Option<String>,
    /// Cost of all calls in US dollars, such as 1.250000. Not set while any price is unknown.
    #[serde(rename = "costUSD", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub cost_usd: Option<String>,
    /// Time that a case took. Set when the run is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<LatencyStatus>,
    /// Worker pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workers: Option<WorkerCounts>,
    /// The config's gates as they were decided.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub gates: Vec<GateStatus>,
    /// Where the results are. Set when the run is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<ResultStatus>,
    /// Of a standing job: its newest run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub last_job: Option<String>,
}

/// The conditions of a job in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "the names say it")]
pub enum JobPhase {
    Pending,
    Standing,
    Suspended,
    Running,
    Passed,
    Failed,
    Cancelled,
    Error,
}

/// A bundle and where it stood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SourceStatus {
    /// Name of the ArenaSource.
    #[schemars(length(max = 253))]
    pub name: String,
    /// Where it stood, as in the source's status.artifact.revision.
    #[schemars(length(max = 512))]
    pub revision: String,
    /// Digest of the bundle's files.
    #[schemars(length(max = 80))]
    pub digest: String,
}

/// Cases by how they ended. `planned` is the sum of the others but for `inFlight`, which is part of `waiting`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CaseCounts {
    /// All cases of the plan.
    pub planned: i64,
    /// All checks passed.
    pub passed: i64,
    /// A check failed.
    pub failed: i64,
    /// There is no verdict: a call or a check broke.
    pub error: i64,
    /// Nothing to judge.
    pub skipped: i64,
    /// Never started, because the run was cancelled.
    pub not_run: i64,
    /// Not over yet, those under way included.
    pub waiting: i64,
    /// Under way now.
    pub in_flight: i64,
}

/// Time that a case took, milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LatencyStatus {
    /// Half of the cases took at most this long.
    pub p50_ms: i64,
    /// 95 of 100 cases took at most this long.
    pub p95_ms: i64,
}

/// Worker pods by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorkerCounts {
    /// Running or about to.
    pub active: i32,
    /// Ended because the run was over.
    pub succeeded: i32,
    /// Died, and were replaced.
    pub failed: i32,
}

/// A gate and how it was decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GateStatus {
    /// What was looked at.
    pub metric: GateMetric,
    /// How it was compared.
    pub operator: GateOperator,
    /// What it was compared with.
    pub value: f64,
    /// What it was. Left out if there are no data, and then the gate failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actual: Option<f64>,
    /// Whether it held.
    pub passed: bool,
}

/// Where results are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ResultStatus {
    /// Address of the run's results in the store; summary.json, report.html and junit.xml lie below it.
    #[schemars(length(max = 2048))]
    pub url: String,
    /// Digest of summary.json.
    #[schemars(length(max = 80))]
    pub digest: String,
}
