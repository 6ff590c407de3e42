//! `kind: Provider`: models under test, judges, and models that make embeddings.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::document::resolve;
use crate::feature::{Without, unsupported};
use crate::report::Report;
use crate::shape;
use crate::tree::BundleFile;
use crate::yaml::Cursor;

/// One provider. Whether its type exists is decided by whoever connects to it.
#[derive(Clone, Debug, PartialEq)]
pub struct ProviderSpec {
    /// `metadata.name`, else `spec.id`.
    pub id: String,
    /// `default` unless the arena says otherwise.
    pub group: String,
    /// `type`: openai, mock and so on.
    pub kind: String,
    /// What it is for.
    pub role: ProviderRole,
    /// Empty if not given.
    pub model: String,
    /// None for the vendor's own.
    pub base_url: Option<String>,
    /// Sent with each request.
    pub headers: Headers,
    /// What it declares to be capable of.
    pub capabilities: Vec<String>,
    /// Request parameters to leave out.
    pub unsupported_params: Vec<String>,
    /// Where the key comes from.
    pub credential: Credential,
    /// JSON object: type, region, project, endpoint, additional_config.
    pub platform: Option<Value>,
    /// Sampling parameters.
    pub defaults: ProviderDefaults,
    /// None if unknown.
    pub pricing: Option<Pricing>,
    /// None for no limit of its own.
    pub rate_limit: Option<RateLimit>,
    /// Of one request.
    pub request_timeout: Option<Duration>,
    /// Between two pieces of a stream.
    pub stream_idle_timeout: Option<Duration>,
    /// What it is asked for at most, and how often.
    pub traffic: Traffic,
    /// JSON object, empty if not given; `prompt_caching` of the defaults is in it.
    pub additional_config: Value,
    /// The document it stands in.
    pub file: Arc<str>,
}

/// What a provider is for: `role`, of which these are called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProviderRole {
    /// To hold conversations.
    #[default]
    Llm,
    /// To turn texts into vectors.
    Embedding,
}

impl ProviderRole {
    /// The role of `spec`, `usual` if it names none; none for a role that is not called, which is a warning.
    fn decode(spec: &Cursor<'_>, usual: Self, report: &mut Report) -> Option<Self> {
        let Some(role) = spec.get_text("role") else { return Some(usual) };
        match (role.node.as_text(), usual) {
            (Some("embedding"), _) => Some(Self::Embedding),
            (Some("llm"), Self::Llm) => Some(Self::Llm),
            (_, Self::Llm) => {
                let message = "providers of this role are not supported yet: it is left out";
                report.push(role.error_with_value("FeatureUnsupported", message).warning());
                None
            }
            (_, Self::Embedding) => {
                let message = "a provider listed under `embedding_providers` has the role `embedding`";
                report.push(role.error_with_value("UnknownValue", message).hint("list it under `providers`"));
                None
            }
        }
    }
}

/// Where a provider's key comes from. Does not show the key when debugged.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credential {
    /// The key itself.
    pub api_key: Option<String>,
    /// A file that holds it.
    pub credential_file: Option<String>,
    /// An environment variable that holds it.
    pub credential_env: Option<String>,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("api_key", &self.api_key.as_ref().map(|_| "***"))
            .field("credential_file", &self.credential_file)
            .field("credential_env", &self.credential_env)
            .finish()
    }
}

/// Request headers by name. Shows only the names when debugged: values may be keys.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(pub BTreeMap<String, String>);

impl Deref for Headers {
    type Target = BTreeMap<String, String>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Sampling parameters of a provider.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProviderDefaults {
    /// Sampling temperature.
    pub temperature: Option<f64>,
    /// Nucleus sampling.
    pub top_p: Option<f64>,
    /// Upper bound of completion tokens.
    pub max_tokens: Option<u32>,
}

/// Prices in US dollars.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pricing {
    /// Of 1,000 prompt tokens.
    pub input_cost_per_1k: f64,
    /// Of 1,000 completion tokens.
    pub output_cost_per_1k: f64,
}

/// `limits` and `retries` of `additional_config`, keys of ours: what a provider is asked for at most, and how often. None
/// is left to the engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Calls at once.
    pub concurrency: Option<u32>,
    /// Requests in any minute.
    pub requests_per_minute: Option<u32>,
    /// Tokens in and out in any minute.
    pub tokens_per_minute: Option<u32>,
    /// Attempts that may end with a limited rate.
    pub rate_limited: Option<u32>,
    /// Attempts that may end with a failed server.
    pub unavailable: Option<u32>,
    /// Attempts that may end because nothing came.
    pub timeout: Option<u32>,
    /// Longest wait that a server may ask for, seconds.
    pub retry_after_seconds: Option<u32>,
}

impl Traffic {
    /// Most attempts of one kind.
    const ATTEMPTS: u32 = 100;
    /// Longest wait that can be set, seconds.
    const RETRY_AFTER: u32 = 3600;

    fn decode(config: &Cursor<'_>, report: &mut Report) -> Self {
        let mut traffic = Self::default();
        if let Some(limits) = config.get("limits") {
            shape::check(&limits, &shape::provider::LIMITS, report);
            traffic.concurrency = limits.whole("concurrency", 1, report);
            traffic.requests_per_minute = limits.whole("requests_per_minute", 1, report);
            traffic.tokens_per_minute = limits.whole("tokens_per_minute", 1, report);
        }
        let Some(retries) = config.get("retries") else { return traffic };
        // YAML 1.1 reads `off` as false, and so do people.
        if matches!(config.json("retries"), Some(Value::Bool(false))) || retries.node.as_text() == Some("off") {
            let once = Some(1);
            return Self { rate_limited: once, unavailable: once, timeout: once, ..traffic };
        }
        shape::check(&retries, &shape::provider::RETRIES, report);
        let mut number = |key: &str, most: u32| {
            let number = retries.whole(key, 1, report)?;
            if number > most {
                let message = format!("must be at most {most}");
                report.push(retries.get(key)?.error_with_value("ValueOutOfRange", message));
            }
            Some(number)
        };
        traffic.rate_limited = number("rate_limited", Self::ATTEMPTS);
        traffic.unavailable = number("unavailable", Self::ATTEMPTS);
        traffic.timeout = number("timeout", Self::ATTEMPTS);
        traffic.retry_after_seconds = number("retry_after_seconds", Self::RETRY_AFTER);
        traffic
    }
}

/// `additional_config`, with what else only some vendors know.
fn additional_config(spec: &Cursor<'_>) -> Value {
    let mut config = match spec.json("additional_config") {
        Some(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    let caching = spec.get("defaults").and_then(|defaults| defaults.json("prompt_caching"));
    config.extend(caching.map(|caching| ("prompt_caching".to_owned(), caching)));
    Value::Object(config)
}

/// A token bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests per second.
    pub rps: u32,
    /// Requests at once.
    pub burst: u32,
}

/// Keys that tune the transport, or belong to other roles.
const UNSUPPORTED: [&str; 6] =
    ["voice", "sample_rate", "audio_files", "stream_retry", "stream_max_concurrent", "http_transport"];

/// Keys of `additional_config` by which a mock's session ends or is interrupted: here sessions never do.
const SESSION: [&str; 3] = ["interrupt_on_turn", "close_after_turns", "close_no_response"];

/// Keys of `additional_config` by which PromptArena asks OpenAI in other ways.
const OPENAI: [&str; 2] = ["realtime", "modalities"];

/// Keys of `additional_config` that name files.
const FILES: [&str; 3] = ["mock_config", "recording", "arena_output"];
/// Those of a provider that replays.
const RECORDED: [&str; 2] = ["recording", "arena_output"];

impl ProviderSpec {
    /// Reads `spec`, whose role is `usual` if it names none; none if it has no type, which the shape has reported, or if
    /// its role is not called.
    pub(crate) fn decode(
        id: String,
        group: String,
        usual: ProviderRole,
        spec: &Cursor<'_>,
        files: &[BundleFile],
        report: &mut Report,
    ) -> Option<Self> {
        let role = ProviderRole::decode(spec, usual, report)?;
        unsupported(spec, &UNSUPPORTED, Without::Works, report);
        let config = spec.get("additional_config");
        if let Some(config) = &config {
            unsupported(config, &SESSION, Without::Works, report);
        }
        let kind = spec.text("type")?;
        // Keys that nobody reads may belong to a later PromptArena.
        if let Some(config) = config.as_ref().filter(|_| kind != "mock") {
            report.lenient(|report| shape::check(config, &shape::provider::CONFIG, report));
        }
        if let Some(config) = config.as_ref().filter(|_| kind == "openai") {
            unsupported(config, &OPENAI, Without::Works, report);
        }
        if kind == "replay" && !RECORDED.iter().any(|key| config.as_ref().is_some_and(|it| it.get(key).is_some())) {
            let message = format!("a provider of type replay needs a recording: give {}", RECORDED.join(" or "));
            report.push(spec.error("MissingKey", message));
        }
        for path in FILES.iter().filter_map(|key| config.as_ref()?.get_text(key)) {
            // A warning: the command line may replace the provider or its file.
            if let Err(problem) = resolve(&path, files) {
                report.push(problem.warning());
            }
        }
        let credential = spec.get("credential").map(|cursor| Credential {
            api_key: cursor.text("api_key"),
            credential_file: cursor.text("credential_file"),
            credential_env: cursor.text("credential_env"),
        });
        let defaults = spec.get("defaults").map(|cursor| ProviderDefaults {
            temperature: cursor.number_in("temperature", 0.0, f64::MAX, report),
            top_p: cursor.number_in("top_p", 0.0, 1.0, report),
            max_tokens: cursor.whole("max_tokens", 0, report),
        });
        let pricing = spec.get("pricing").and_then(|cursor| {
            let input = cursor.number_in("input_cost_per_1k", 0.0, f64::MAX, report);
            let output = cursor.number_in("output_cost_per_1k", 0.0, f64::MAX, report);
            Some(Pricing { input_cost_per_1k: input?, output_cost_per_1k: output? })
        });
        let traffic = config.as_ref().map(|config| Traffic::decode(config, report)).unwrap_or_default();
        let rate_limit = spec.get("rate_limit").and_then(|cursor| {
            let (rps, burst) = (cursor.whole("rps", 1, report), cursor.whole("burst", 1, report));
            Some(RateLimit { rps: rps?, burst: burst? })
        });
        Some(Self {
            id,
            group,
            kind,
            role,
            model: spec.text("model").unwrap_or_default(),
            base_url: spec.text("base_url"),
            headers: Headers(spec.text_map("headers")),
            capabilities: spec.texts("capabilities"),
            unsupported_params: spec.texts("unsupported_params"),
            credential: credential.unwrap_or_default(),
            platform: spec.json("platform"),
            defaults: defaults.unwrap_or_default(),
            pricing,
            rate_limit,
            request_timeout: spec.duration("request_timeout", report),
            stream_idle_timeout: spec.duration("stream_idle_timeout", report),
            traffic,
            additional_config: additional_config(spec),
            file: spec.file.clone(),
        })
    }
}
