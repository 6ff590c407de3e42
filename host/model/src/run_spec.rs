//! How a bundle is to be run where an ArenaConfig says so: all of it can change a verdict.

use serde::{Deserialize, Serialize};

use crate::Conduct;

/// What a run changes about its bundle. The default changes nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RunSpec {
    /// Models under test and judges in place of the bundle's; empty for the bundle's own.
    pub providers: Vec<ProviderBinding>,
    /// Components that join or replace those of the bundle.
    pub evaluators: Vec<ComponentBinding>,
    /// File in the bundle that is the template engine; none for the bundle's choice.
    pub template: Option<String>,
    /// Globs over scenario ids; empty for all.
    pub include: Vec<String>,
    /// Globs over scenario ids, after `include`.
    pub exclude: Vec<String>,
    /// Repetitions of every case; none for each scenario's own.
    pub trials: Option<u32>,
    /// Deadline of a case, milliseconds; none for the bundle's.
    pub case_timeout_ms: Option<u64>,
    /// Hosts that tools may call, as `HOST`, `HOST:PORT` or a network; sorted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub egress: Vec<String>,
    /// How conversations go on and what is looked at.
    #[serde(skip_serializing_if = "Conduct::is_default")]
    pub conduct: Conduct,
}

/// A model, without its address and key: those stand in [`Endpoint`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProviderBinding {
    /// Provider id of the plan. The name of one of the bundle's providers binds that one.
    pub id: String,
    /// The group it belongs to.
    pub group: String,
    /// `openai`, `mock` and so on.
    pub kind: String,
    /// The model's name as the server knows it; empty for kind `mock`.
    pub model: String,
    /// Sampling temperature.
    pub temperature: Option<f64>,
    /// Nucleus sampling.
    pub top_p: Option<f64>,
    /// Upper bound of completion tokens.
    pub max_tokens: Option<u32>,
    /// Of one request, milliseconds.
    pub request_timeout_ms: Option<u64>,
    /// Between two pieces of a stream, milliseconds.
    pub stream_idle_timeout_ms: Option<u64>,
    /// US dollars per 1,000 tokens in and out; none if unknown.
    pub pricing: Option<(f64, f64)>,
    /// What it declares to be capable of.
    pub capabilities: Vec<String>,
    /// Request parameters to leave out.
    pub unsupported_params: Vec<String>,
    /// Mock file in the bundle, for kind `mock`.
    pub mock_file: Option<String>,
    /// JSON object of what only some kinds know: `api_mode`, `reasoning_effort`, `thinking_budget` and so on.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub options: serde_json::Map<String, serde_json::Value>,
}

/// A component of the bundle under a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ComponentBinding {
    /// Its name in the library.
    pub name: String,
    /// Path in the bundle.
    pub component: String,
    /// Capabilities it may use.
    pub grants: Vec<String>,
}

/// Where a bound provider is called and with what; changes no verdict and stands in no manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Endpoint {
    /// None for the vendor's own.
    pub base_url: Option<String>,
    /// Sent with each request.
    pub headers: std::collections::BTreeMap<String, String>,
    /// Absolute path of the file with the key.
    pub credential_file: Option<String>,
    /// Environment variable with the key.
    pub credential_env: Option<String>,
    /// Name under which all who call the provider share its limits; none to keep to them alone.
    pub shared: Option<String>,
    /// The cloud that runs the model; none for the vendor itself.
    pub platform: Option<CloudPlatform>,
    /// JSON objects `limits` and `retries` as a bundle's `additional_config` has them.
    pub traffic: serde_json::Map<String, serde_json::Value>,
}

/// A cloud that runs vendors' models.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CloudPlatform {
    /// azure, bedrock or vertex.
    #[serde(rename = "type")]
    pub kind: String,
    /// Of the cloud.
    #[serde(default)]
    pub region: Option<String>,
    /// The account's project.
    #[serde(default)]
    pub project: Option<String>,
    /// Version of the interface.
    #[serde(default)]
    pub api_version: Option<String>,
}
