//! What a provider is set up with.

use std::collections::BTreeMap;
use std::time::Duration;

use arena_model::Message;
use serde_json::Value;

use crate::{Pricing, RetryPolicy, Secret};

/// One provider as configured. The caller maps its own form of it onto this one.
#[derive(Clone, Debug)]
pub struct ProviderSettings {
    /// Provider id, the lane of its cases.
    pub id: String,
    /// `mock`, `openai`, see [`crate::KINDS`].
    pub kind: String,
    /// What it is called for.
    pub role: Role,
    /// Model name as the vendor knows it.
    pub model: String,
    /// Where the vendor's model is run, if not by the vendor itself.
    pub platform: Option<Platform>,
    /// Base URL; none is the vendor's own.
    pub base_url: Option<String>,
    /// Further headers of every request. Values may be credentials, so they are kept as such.
    pub headers: BTreeMap<String, Secret>,
    /// Where the key is.
    pub credential: Credential,
    /// Parameters for requests that bring none.
    pub defaults: Sampling,
    /// Prices; none if they are unknown.
    pub pricing: Option<Pricing>,
    /// Request parameters this model refuses; they are left out.
    pub unsupported_params: Vec<String>,
    /// Longest time from a request to its complete plain answer, or to the headers of a streamed one.
    pub request_timeout: Duration,
    /// Longest silence within a stream.
    pub stream_idle_timeout: Duration,
    /// How often and when to try again.
    pub retry: RetryPolicy,
    /// What the provider is asked for at most.
    pub limits: Limits,
    /// The conversation that a provider of kind replay repeats, or why it cannot be read; none for all other kinds.
    pub replayed: Option<Result<Vec<Message>, String>>,
    /// Keys of one kind only: `mock_config` (path of the mock file), `api_mode`, `reasoning_effort` and so on.
    pub additional_config: Value,
}

impl ProviderSettings {
    /// Settings with every default: request timeout 120 s, stream idle timeout 30 s.
    pub fn new(id: impl Into<String>, kind: impl Into<String>, model: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            kind: kind.into(),
            role: Role::Chat,
            model: model.into(),
            platform: None,
            base_url: None,
            headers: BTreeMap::new(),
            credential: Credential::default(),
            defaults: Sampling::default(),
            pricing: None,
            unsupported_params: Vec::new(),
            request_timeout: Duration::from_secs(120),
            stream_idle_timeout: Duration::from_secs(30),
            retry: RetryPolicy::default(),
            limits: Limits::default(),
            replayed: None,
            additional_config: Value::Null,
        }
    }
}

/// What a provider is called for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// The next message of a conversation.
    #[default]
    Chat,
    /// The vectors of texts.
    Embedding,
}

/// A cloud that runs vendors' models.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Platform {
    /// azure, bedrock or vertex.
    pub kind: String,
    /// Of the cloud; part of its hosts' names.
    pub region: Option<String>,
    /// The account's project, where the cloud has such.
    pub project: Option<String>,
    /// Base URL in place of the cloud's own.
    pub endpoint: Option<String>,
    /// `api_version` of Azure.
    pub additional_config: Value,
}

/// What a provider is asked for at most, by all who call it together. None is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Calls at once.
    pub concurrency: Option<u32>,
    /// Requests, retries included, in any 60 seconds.
    pub requests_per_minute: Option<u32>,
    /// Requests that may come at once, out of those of a minute; 1 if it is none.
    pub burst: Option<u32>,
    /// Tokens in and out, in any 60 seconds.
    pub tokens_per_minute: Option<u32>,
}

impl Limits {
    /// Whether there is anything to keep to.
    pub fn is_none(&self) -> bool {
        self.concurrency.is_none() && self.requests_per_minute.is_none() && self.tokens_per_minute.is_none()
    }
}

/// Where a key is, in the order they are looked at.
#[derive(Clone, Debug, Default)]
pub struct Credential {
    /// The key itself.
    pub api_key: Option<Secret>,
    /// A file that holds it; white space around it is cut.
    pub credential_file: Option<String>,
    /// An environment variable that holds it.
    pub credential_env: Option<String>,
}

/// Sampling parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sampling {
    /// Sampling temperature.
    pub temperature: Option<f64>,
    /// Nucleus sampling.
    pub top_p: Option<f64>,
    /// Most tokens of an answer.
    pub max_tokens: Option<u32>,
    /// Seed of the vendor's sampling.
    pub seed: Option<u64>,
}
