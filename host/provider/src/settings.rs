//! What a provider is set up with.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::{RetryPolicy, Secret};

/// One provider as configured. The caller maps its own form of it onto this one.
#[derive(Clone, Debug)]
pub struct ProviderSettings {
    /// Provider id, the lane of its cases.
    pub id: String,
    /// `mock`, `openai`, see [`crate::KINDS`].
    pub kind: String,
    /// Model name as the vendor knows it.
    pub model: String,
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
    /// Keys of one kind only: `mock_config` (path of the mock file).
    pub additional_config: Value,
}

impl ProviderSettings {
    /// Settings with every default: request timeout 120 s, stream idle timeout 30 s.
    pub fn new(id: impl Into<String>, kind: impl Into<String>, model: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            kind: kind.into(),
            model: model.into(),
            base_url: None,
            headers: BTreeMap::new(),
            credential: Credential::default(),
            defaults: Sampling::default(),
            pricing: None,
            unsupported_params: Vec::new(),
            request_timeout: Duration::from_secs(120),
            stream_idle_timeout: Duration::from_secs(30),
            retry: RetryPolicy::default(),
            additional_config: Value::Null,
        }
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

/// US dollars per 1,000 tokens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pricing {
    /// Of a prompt.
    pub input_per_1k: f64,
    /// Of an answer.
    pub output_per_1k: f64,
}

impl Pricing {
    /// Millionths of a US dollar, rounded once.
    pub fn cost_usd_micro(&self, usage: arena_model::Usage) -> u64 {
        let micro = (usage.input as f64 * self.input_per_1k + usage.output as f64 * self.output_per_1k) * 1000.0;
        // A float cast saturates: a negative price costs nothing, an absurd one the most there is.
        micro.round() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arena_model::Usage;

    #[test]
    fn price_is_per_thousand() {
        let pricing = Pricing { input_per_1k: 0.00015, output_per_1k: 0.0006 };
        assert_eq!(pricing.cost_usd_micro(Usage { input: 1000, output: 1000, cached: 0 }), 750);
        assert_eq!(pricing.cost_usd_micro(Usage { input: 10, output: 3, cached: 0 }), 3);
    }
}
