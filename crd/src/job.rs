//! `kind: ArenaJob`.

use kube_derive::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{ArenaJobStatus, NameRef};

/// One run, or with a trigger a standing order for runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CustomResource, KubeSchema)]
#[kube(
    group = "omnia.altairalabs.ai",
    version = "v1alpha1",
    kind = "ArenaJob",
    namespaced,
    status = "ArenaJobStatus",
    shortname = "aj",
    category = "arena",
    derive = "PartialEq",
    doc = "A run of the tests that an ArenaConfig describes. Without spec.trigger it runs once. With it, it stands and \
           creates a job of its own for every new revision of the source. Wait for its end with kubectl wait \
           --for=condition=Finished; the condition Passed says how it ended.",
    printcolumn(name = "Config", type_ = "string", json_path = ".spec.configRef.name"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Progress", type_ = "string", json_path = ".status.progress"),
    printcolumn(name = "Pass rate", type_ = "string", json_path = ".status.passRate"),
    printcolumn(name = "Revision", type_ = "string", json_path = ".status.source.revision", priority = 1),
    printcolumn(name = "Failed", type_ = "integer", json_path = ".status.cases.failed", priority = 1),
    printcolumn(name = "Error", type_ = "integer", json_path = ".status.cases.error", priority = 1),
    printcolumn(name = "Result", type_ = "string", json_path = ".status.result.url", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    crates(kube_core = "::kube_core")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    crates(kube_core = "::kube_core"),
    validation = Rule::new("self.configRef == oldSelf.configRef && self.type == oldSelf.type")
        .message("a job's configRef and type cannot change: create another job"),
    validation = Rule::new("has(self.trigger) == has(oldSelf.trigger)")
        .message("a trigger can be neither added nor removed: create another job"),
    validation = Rule::new("!oldSelf.cancelled || self.cancelled")
        .message("a cancelled job cannot go on: create another job")
)]
pub struct ArenaJobSpec {
    /// The ArenaConfig to run. It cannot change.
    pub config_ref: NameRef,
    /// Kind of run. It cannot change.
    #[serde(rename = "type", default)]
    pub type_: JobType,
    /// What starts runs. Left out, the job runs once, at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<JobTrigger>,
    /// Stop for good: cases that did not begin count as not run, those under way end. It cannot be taken back.
    #[serde(default)]
    pub cancelled: bool,
    /// Hold: no worker runs, a standing job starts nothing. Taken back, the run goes on where it was.
    #[serde(default)]
    pub suspend: bool,
    /// Longest time in seconds from the start of the run to its end; then it is cancelled. From 1 to 2592000 (30 days).
    #[serde(default = "active_deadline_seconds")]
    #[schemars(range(min = 1, max = 2_592_000))]
    pub active_deadline_seconds: u32,
    /// Seconds after its end at which the object is deleted. Results stay. Left out, the object stays too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 31_536_000))]
    pub ttl_seconds_after_finished: Option<u32>,
}

fn active_deadline_seconds() -> u32 {
    86_400
}

/// Kind of run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum JobType {
    #[default]
    Evaluation,
}

/// What starts runs of a standing job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    crates(kube_core = "::kube_core"),
    validation = Rule::new("self.onSourceChange")
        .message("set onSourceChange: true, or leave trigger out for a job that runs once")
)]
pub struct JobTrigger {
    /// Start a run for every revision of the source, the present one included.
    pub on_source_change: bool,
    /// Finished runs that are kept; older ones are deleted, their results stay.
    #[serde(default = "history_limit")]
    #[schemars(range(min = 1, max = 100))]
    pub history_limit: u32,
}

fn history_limit() -> u32 {
    10
}
