//! `kind: Provider`.

use std::collections::BTreeMap;

use kube_derive::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Condition, GoDuration, SecretKeyRef, bounds};

/// A model and how to call it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, CustomResource, KubeSchema)]
#[kube(
    group = "omnia.altairalabs.ai",
    version = "v1alpha1",
    kind = "Provider",
    namespaced,
    status = "ProviderStatus",
    shortname = "prov",
    category = "arena",
    derive = "PartialEq",
    doc = "A language model and how to call it: address, credential, sampling and prices. They come from this object \
           alone; a bundle cannot change them.",
    printcolumn(name = "Type", type_ = "string", json_path = ".spec.type"),
    printcolumn(name = "Model", type_ = "string", json_path = ".spec.model"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
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
    validation = Rule::new("self.type == 'mock' || has(self.model)")
        .message("set spec.model to the model's name as the server knows it; only type mock goes without"),
    validation = Rule::new("self.type != 'mock' || !(has(self.baseURL) || has(self.credential) || has(self.headers))")
        .message("type mock calls nobody: remove spec.baseURL, spec.credential and spec.headers"),
    validation = Rule::new("self.type == 'mock' || !has(self.mock)")
        .message("spec.mock is for type mock only: remove it, or change the type"),
    validation = Rule::new("self.type != 'azure' || has(self.baseURL)")
        .message("set spec.baseURL to the resource's own address: type azure has no other"),
    validation = Rule::new("!(self.type in ['bedrock', 'vertex']) || (has(self.platform) && has(self.platform.region))")
        .message("set spec.platform.region: the types bedrock and vertex are called in a region"),
    validation = Rule::new("self.type != 'vertex' || (has(self.platform) && has(self.platform.project))")
        .message("set spec.platform.project: type vertex is called for a project"),
    validation = Rule::new("self.type in ['azure', 'bedrock', 'vertex'] || !has(self.platform)")
        .message("spec.platform is for the types azure, bedrock and vertex only: remove it, or change the type")
)]
pub struct ProviderSpec {
    /// What the server speaks: openai for OpenAI or any server compatible with it, anthropic, gemini, ollama, azure,
    /// bedrock and vertex for theirs, mock for answers from a file without a server.
    #[serde(rename = "type")]
    pub type_: ProviderType,
    /// Name of the model as the server knows it. Required unless type is mock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub model: Option<String>,
    /// Address of the server: of type openai up to and without /chat/completions, of the others as their own tools take
    /// it. The vendor's own if it is left out; azure has none.
    #[serde(rename = "baseURL", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    #[x_kube(validation = Rule::new("self.matches('^https?://[^/@?#]+(/[^@?#]*)?$')")
        .message("write baseURL as https://HOST/PATH, without user, password, query or fragment"))]
    pub base_url: Option<String>,
    /// Further headers of every request. Not for keys: anyone who may read this object reads them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "bounds::headers")]
    #[x_kube(
        validation = Rule::new("self.all(name, name.matches('^[A-Za-z0-9-]{1,64}$'))")
            .message("a header's name has letters, digits and dashes, at most 64"),
        validation = Rule::new("self.all(name, !name.matches('(?i)^(authorization|proxy-authorization|x-api-key|api-key|cookie)$'))")
            .message("keys do not belong into headers: put the key into a Secret and name it in credential.secretRef")
    )]
    pub headers: Option<BTreeMap<String, String>>,
    /// Where the key is. Without it requests carry none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<Credential>,
    /// Sampling and time limits where the bundle sets none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub defaults: Option<ProviderDefaults>,
    /// Prices. Without them costs are unknown, never zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pricing: Option<Pricing>,
    /// What the model can do. Scenarios that ask for more leave it out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub capabilities: Vec<Capability>,
    /// Request parameters that the model refuses. They are left out; instead of max_completion_tokens, max_tokens is
    /// sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub unsupported_params: Vec<RequestParameter>,
    /// Answers of type mock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mock: Option<MockSettings>,
    /// Where in its cloud the model is run, for the types azure, bedrock and vertex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// What only some types know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub options: Option<ProviderOptions>,
    /// What the server is asked for at most, by the workers of all jobs together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<ProviderLimits>,
    /// How often a request is tried, for each kind of failure apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retries: Option<ProviderRetries>,
}

/// A place in a cloud.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(crates(kube_core = "::kube_core"))]
pub struct Platform {
    /// Region of the cloud, such as eu-west-1. Required for bedrock and vertex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z0-9-]+$')").message("a region has small letters, digits and dashes"))]
    pub region: Option<String>,
    /// Project of the account. Required for vertex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub project: Option<String>,
    /// Version of the interface of azure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub api_version: Option<String>,
}

/// What only some types know; others pass over it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProviderOptions {
    /// The interface of openai: chat for chat completions, responses for the newer one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_mode: Option<ApiMode>,
    /// How much a model of openai thinks: minimal, low, medium or high.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 16))]
    pub reasoning_effort: Option<String>,
    /// Tokens that a model of anthropic, gemini or vertex may think for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub thinking_budget: Option<u32>,
    /// Whether anthropic keeps the system prompt in its cache. True if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_caching: Option<bool>,
    /// How long ollama keeps the model in memory, such as 5m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 16))]
    pub keep_alive: Option<String>,
}

/// An interface of openai.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum ApiMode {
    Chat,
    Responses,
}

/// What a server is asked for at most. What is left out has no limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProviderLimits {
    /// Requests at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    pub concurrency: Option<u32>,
    /// Requests in any minute, those of retries included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub requests_per_minute: Option<u32>,
    /// Tokens in and out in any minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub tokens_per_minute: Option<u32>,
}

/// Attempts of one request, for each kind of failure. 1 never tries again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProviderRetries {
    /// Where the server limits the rate, status 429. 8 if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub rate_limited: Option<u32>,
    /// Where the server fails or cannot be reached, status 5xx. 6 if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub unavailable: Option<u32>,
    /// Where nothing comes for too long. 2 if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub timeout: Option<u32>,
    /// Longest `Retry-After` that is waited for, seconds; a case whose server asks for more is an error. 300 if it is left
    /// out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 3600))]
    pub retry_after_seconds: Option<u32>,
}

/// What a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum ProviderType {
    Openai,
    Anthropic,
    Gemini,
    Ollama,
    Azure,
    Bedrock,
    Vertex,
    Mock,
}

impl ProviderType {
    /// As the engine and bundles write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Openai => "openai",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Ollama => "ollama",
            Self::Azure => "azure",
            Self::Bedrock => "bedrock",
            Self::Vertex => "vertex",
            Self::Mock => "mock",
        }
    }
}

/// Where a key is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Credential {
    /// Key of a Secret of this namespace. White space around the value is cut.
    pub secret_ref: SecretKeyRef,
}

/// Sampling and time limits.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(crates(kube_core = "::kube_core"))]
pub struct ProviderDefaults {
    /// Sampling temperature, 0 to 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 2.0))]
    pub temperature: Option<f64>,
    /// Nucleus sampling, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub top_p: Option<f64>,
    /// Most tokens of one answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_tokens: Option<u32>,
    /// Longest time until an answer is complete, or until a streamed one begins. From 1s to 1h, 2m if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('1s') && duration(self) <= duration('1h')")
        .message("requestTimeout must be from 1s to 1h, such as 2m"))]
    pub request_timeout: Option<GoDuration>,
    /// Longest silence within a streamed answer. From 1s to 10m, 30s if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('1s') && duration(self) <= duration('10m')")
        .message("streamIdleTimeout must be from 1s to 10m, such as 30s"))]
    pub stream_idle_timeout: Option<GoDuration>,
}

/// Prices in US dollars.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Pricing {
    /// US dollars for 1,000 tokens sent.
    #[serde(rename = "inputCostPer1K")]
    #[schemars(range(min = 0.0, max = 1000.0))]
    pub input_cost_per_1k: f64,
    /// US dollars for 1,000 tokens answered.
    #[serde(rename = "outputCostPer1K")]
    #[schemars(range(min = 0.0, max = 1000.0))]
    pub output_cost_per_1k: f64,
}

/// What a model can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Capability {
    Text,
    Streaming,
    Vision,
    Tools,
    Json,
    Audio,
    Video,
    Documents,
    Duplex,
}

/// A parameter of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum RequestParameter {
    Temperature,
    TopP,
    Seed,
    MaxCompletionTokens,
    MaxTokens,
    Stream,
    StreamOptions,
}

/// Answers of type mock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(crates(kube_core = "::kube_core"))]
pub struct MockSettings {
    /// Path of the mock file within the bundle.
    #[schemars(length(min = 1, max = 512))]
    #[x_kube(validation = Rule::new("!self.startsWith('/') && !self.split('/').exists(part, part == '..')")
        .message("file is relative to the bundle and stays inside it: no leading / and no .."))]
    pub file: String,
}

/// What the operator last saw.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(crates(kube_core = "::kube_core"))]
pub struct ProviderStatus {
    /// Generation of the spec that the conditions speak of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready: what the spec refers to is there. The server is not called to find out.
    #[serde(default)]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}
