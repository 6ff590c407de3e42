//! `kind: ArenaConfig`.

use kube_derive::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{ArenaConfigStatus, GateSpec, GoDuration, NameRef, bounds};

/// How a bundle is tested.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CustomResource, KubeSchema)]
#[kube(
    group = "omnia.altairalabs.ai",
    version = "v1alpha1",
    kind = "ArenaConfig",
    namespaced,
    status = "ArenaConfigStatus",
    shortname = "ac",
    category = "arena",
    derive = "PartialEq",
    doc = "How a bundle is tested: with which models, evaluators, scenarios and limits. A job freezes it when it \
           starts; changes count for the jobs after.",
    printcolumn(name = "Source", type_ = "string", json_path = ".spec.sourceRef.name"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Revision", type_ = "string", json_path = ".status.source.revision"),
    printcolumn(name = "Workers", type_ = "integer", json_path = ".spec.workers", priority = 1),
    printcolumn(
        name = "Status",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].message",
        priority = 1
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    crates(kube_core = "::kube_core")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    crates(kube_core = "::kube_core"),
    validation = Rule::new("!(has(self.providerRef) && has(self.providers))")
        .message("set providerRef for one model under test, or providers for several, not both")
)]
pub struct ArenaConfigSpec {
    /// The ArenaSource that the bundle comes from.
    pub source_ref: NameRef,
    /// The one Provider under test. Short for a list of providers with this one entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_ref: Option<NameRef>,
    /// Providers by the id that the bundle knows them by. An entry takes the place of the bundle's provider of the same
    /// id. An entry of a new id takes the place of all providers of its group that have no entry of their own. Those
    /// that stay must be of type mock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub providers: Option<Vec<ProviderEntry>>,
    /// Components that join or replace the standard evaluators, beside those that the bundle lists itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub evaluators: Vec<EvaluatorSpec>,
    /// Template engine in place of the bundle's or the standard one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<ComponentRef>,
    /// The table of scenarios whose own `dataset` has no path: each of its rows is a case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<DatasetRef>,
    /// Which of the bundle's scenarios run. All if it is left out. A filter that leaves none is an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenarios: Option<ScenarioFilter>,
    /// Repetitions of every scenario, in place of what the bundle says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub trials: Option<u32>,
    /// Number of worker pods of a job.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1000))]
    pub workers: u32,
    /// Longest time that one case may take, from its first call to its last check. From 1s to 24h.
    #[serde(default = "timeout")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('1s') && duration(self) <= duration('24h')")
        .message("timeout must be from 1s to 24h, such as 5m"))]
    pub timeout: GoDuration,
    /// How cases are run.
    #[serde(default)]
    pub evaluation: EvaluationSettings,
    /// Whom tools of the bundle may call. Nobody if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub egress: Option<EgressSettings>,
    /// What must hold for a run to pass. With gates they alone decide; without, every case must pass. A run with cases
    /// that were not run never passes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub gates: Vec<GateSpec>,
}

fn one() -> u32 {
    1
}

fn timeout() -> GoDuration {
    GoDuration::parse("5m").unwrap_or_else(|| GoDuration::from_secs(300))
}

/// One provider of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProviderEntry {
    /// Id of the provider within the run: results and scenarios name it so.
    #[schemars(length(min = 1, max = 128), regex(pattern = "^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$"))]
    pub name: String,
    /// The Provider object. The one called like name if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_ref: Option<NameRef>,
    /// Group that it joins. Scenarios run with the group default unless they name another; judges have one of their own.
    #[serde(default = "default_group")]
    #[schemars(length(min = 1, max = 128), regex(pattern = "^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$"))]
    pub group: String,
}

fn default_group() -> String {
    DEFAULT_GROUP.to_owned()
}

/// Group of providers that name none.
const DEFAULT_GROUP: &str = "default";

impl ProviderEntry {
    /// Name of the Provider object.
    pub fn object(&self) -> &str {
        self.provider_ref.as_ref().map_or(&self.name, |reference| &reference.name)
    }
}

impl ArenaConfigSpec {
    /// The providers it names: `providers`, or the one entry that `providerRef` is short for.
    pub fn provider_entries(&self) -> Vec<ProviderEntry> {
        if let Some(entries) = &self.providers {
            return entries.clone();
        }
        let one = self.provider_ref.iter().map(|reference| ProviderEntry {
            name: reference.name.clone(),
            provider_ref: None,
            group: default_group(),
        });
        one.collect()
    }
}

/// An evaluator component.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(crates(kube_core = "::kube_core"))]
pub struct EvaluatorSpec {
    /// Its name. That of a standard component (text, json, judge), or of one that the bundle lists, replaces it.
    #[schemars(length(min = 1, max = 128), regex(pattern = "^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$"))]
    pub name: String,
    /// Path of the component within the bundle.
    #[schemars(length(min = 1, max = 512))]
    #[x_kube(validation = Rule::new("self.endsWith('.wasm') && !self.startsWith('/') && !self.split('/').exists(part, part == '..')")
        .message("component is a .wasm file of the bundle: a path relative to it, without .."))]
    pub component: String,
    /// Capabilities that it may import. Without a grant it is refused if it wants one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub grants: Vec<Grant>,
}

/// A capability that a component may be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Grant {
    Judge,
    Embed,
}

/// Names a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(crates(kube_core = "::kube_core"))]
pub struct DatasetRef {
    /// The ArenaSource that the table comes from. Its contents are dataset, or it is a bundle that holds the table.
    pub source_ref: NameRef,
    /// Path of the table within the source: .jsonl, .csv, .tsv, each also with .gz or .zst behind it, or .parquet.
    #[schemars(length(min = 1, max = 512))]
    #[x_kube(validation = Rule::new("!self.startsWith('/') && !self.split('/').exists(part, part == '..')")
        .message("path is a file of the source: a path relative to it, without .."))]
    pub path: String,
}

/// Names a component.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(crates(kube_core = "::kube_core"))]
pub struct ComponentRef {
    /// Path of the component within the bundle.
    #[schemars(length(min = 1, max = 512))]
    #[x_kube(validation = Rule::new("self.endsWith('.wasm') && !self.startsWith('/') && !self.split('/').exists(part, part == '..')")
        .message("component is a .wasm file of the bundle: a path relative to it, without .."))]
    pub component: String,
}

/// Picks scenarios by id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    crates(kube_core = "::kube_core"),
    validation = Rule::new("has(self.include) || has(self.exclude)")
        .message("set include or exclude, or leave scenarios out to run all")
)]
pub struct ScenarioFilter {
    /// Patterns of ids that run; `*` stands for any text. All if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "bounds::globs")]
    pub include: Option<Vec<String>>,
    /// Patterns of ids that do not run, of those included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "bounds::globs")]
    pub exclude: Option<Vec<String>>,
}

/// Whom tools of the bundle may call, live tools and MCP servers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(crates(kube_core = "::kube_core"))]
pub struct EgressSettings {
    /// Hosts, as `api.example.com` (port 443) or `api.example.com:8443`. They must have public addresses: a network, as
    /// `10.96.0.0/12`, lets named hosts have addresses in it and lets nobody be called by itself.
    #[schemars(schema_with = "bounds::hosts")]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub allow: Vec<String>,
}

/// How cases are run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(crates(kube_core = "::kube_core"))]
pub struct EvaluationSettings {
    /// How often a case is tried again after a failure that may pass, such as a rate limit. A failed check is none.
    #[serde(default = "max_retries")]
    #[schemars(range(min = 0, max = 10))]
    pub max_retries: u32,
    /// Cases that one worker runs at the same time.
    #[serde(default = "concurrency")]
    #[schemars(range(min = 1, max = 4096))]
    pub concurrency: u32,
    /// What becomes of the turns after one that failed.
    #[serde(default)]
    pub on_failed_turn: FailedTurn,
    /// In what cases are run as PromptArena runs them, although the usual way differs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub compat: Vec<CompatWay>,
}

/// What becomes of the turns after one that failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum FailedTurn {
    /// They are not run.
    #[default]
    Stop,
    /// They are run and judged. The case has failed all the same.
    Continue,
}

/// A way of PromptArena.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CompatWay {
    /// Each turn of a recording is judged on the last reply of all.
    LastReply,
    /// Values of variables are looked through for tokens, too, up to ten times.
    ExpandedValues,
}

fn max_retries() -> u32 {
    3
}

fn concurrency() -> u32 {
    8
}

impl Default for EvaluationSettings {
    fn default() -> Self {
        Self {
            max_retries: max_retries(),
            concurrency: concurrency(),
            on_failed_turn: FailedTurn::default(),
            compat: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(yaml: serde_json::Value) -> ArenaConfigSpec {
        serde_json::from_value(yaml).unwrap()
    }

    #[test]
    fn a_lone_reference_is_one_entry_of_the_default_group() {
        let spec = spec(serde_json::json!({"sourceRef": {"name": "s"}, "providerRef": {"name": "claude-provider"}}));
        let entries = spec.provider_entries();
        assert_eq!(entries.len(), 1);
        assert_eq!(
            (entries[0].name.as_str(), entries[0].object(), entries[0].group.as_str()),
            ("claude-provider", "claude-provider", "default")
        );
    }

    #[test]
    fn an_entry_without_reference_names_the_object_like_itself() {
        let spec = spec(serde_json::json!({"sourceRef": {"name": "s"}, "providers": [
            {"name": "small"}, {"name": "GPT-4.1", "providerRef": {"name": "gpt"}, "group": "judges"}]}));
        let objects: Vec<_> = spec.provider_entries().iter().map(|entry| entry.object().to_owned()).collect();
        assert_eq!(objects, ["small", "gpt"]);
    }

    #[test]
    fn defaults_are_the_documented_ones() {
        let spec = spec(serde_json::json!({"sourceRef": {"name": "s"}}));
        assert_eq!((spec.workers, spec.timeout.get().as_secs(), spec.evaluation.max_retries), (1, 300, 3));
        assert_eq!(spec.evaluation.concurrency, 8);
        assert!(spec.provider_entries().is_empty());
    }
}
