//! Any vendor that is reached over HTTP: its format, its place and its key put together, with retries and limits.

pub(crate) mod body;
mod embedding;
mod exchange;
mod line;
mod refusal;

use std::time::Duration;

use arena_model::{Author, Content, Digest, Hasher, Message, Role, Usage};
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Url;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use crate::auth::sensitive;
use crate::chat::{ChatReply, ChatRequest, Provider, Remark};
use crate::destination::KeyPlace;
use crate::error::{Cause, ProviderError};
use crate::http::HttpClient;
use crate::retry::Tries;
use crate::secret::{Redactor, Secret};
use crate::settings::ProviderSettings;
use crate::vendor::{Format, vendor};
use crate::wire::{Said, Wire, messages};
pub(crate) use embedding::EmbeddingClient;
use exchange::Done;
use line::Line;

/// Shortest coded form of a secret that is looked for, bytes.
const CODED_BYTES: usize = 8;
/// Headers that belong to the connection, or say whom it is for.
const OURS: [&str; 11] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// One model behind one endpoint.
pub(crate) struct Client {
    line: Line,
    wire: Box<dyn Wire>,
    plain: Url,
    streamed: Url,
    streams: bool,
    stream_idle_timeout: Duration,
    remarks: Vec<Remark>,
    /// Shape of the answers, where a call asks for none of its own.
    output_schema: Option<Value>,
    max_tokens: Option<u32>,
}

impl Client {
    /// `find_key` gets the place to look at.
    pub(crate) fn new(
        settings: &ProviderSettings,
        http: &HttpClient,
        find_key: impl FnOnce(&KeyPlace) -> Result<Option<Secret>, Cause>,
    ) -> Result<Self, Cause> {
        let vendor = vendor(settings)?;
        let line = Line::new(settings, http, &vendor, find_key)?;
        let wire = vendor.wire(settings);
        Ok(Self {
            streams: !settings.unsupported_params.iter().any(|param| param == "stream"),
            remarks: remarks(wire.left_out(), &line),
            output_schema: settings.additional_config.get("output_schema").filter(|schema| schema.is_object()).cloned(),
            max_tokens: settings.defaults.max_tokens,
            stream_idle_timeout: settings.stream_idle_timeout,
            plain: vendor.plain,
            streamed: vendor.streamed,
            wire,
            line,
        })
    }

    fn message(&self, mut said: Said, passing: Option<Secret>) -> Message {
        if !self.line.redactor.is_empty() {
            said.redact(&self.line.redactor);
        }
        if let Some(token) = passing {
            said.redact(&Redactor::new([&token]));
        }
        Message {
            role: Role::Assistant,
            by: Author::Model,
            content: Content::Text(said.text),
            tool_calls: said.tool_calls,
            tool_call_id: None,
            usage: said.usage.map(bounded),
            cost_usd_micro: self.line.cost(said.usage),
            finish: said.finish,
        }
    }
}

#[async_trait]
impl Provider for Client {
    async fn chat(&self, request: ChatRequest<'_>) -> Result<ChatReply, ProviderError> {
        let output_schema = request.output_schema.or(self.output_schema.as_ref());
        let request = ChatRequest { output_schema, ..request };
        let streamed = request.stream && self.streams;
        let body = self.wire.body(&request, streamed).map_err(|cause| cause.by(&self.line.id, 0))?;
        // Who watches a stream wants to see it come in pieces.
        let cache = self.line.http.cache.as_deref().zip(request.reuse).filter(|_| request.watch.is_none());
        let url = if streamed { &self.streamed } else { &self.plain };
        let kept = cache.map(|(cache, reuse)| (cache, cache.name(reuse, &self.line.identity, url.as_str(), &body)));
        if let Some(mut message) = kept.as_ref().and_then(|(cache, name)| cache.get(name)) {
            message.cost_usd_micro = self.line.cost(message.usage);
            let (latency, ttft) = (Duration::ZERO, streamed.then_some(Duration::ZERO));
            return Ok(ChatReply { message, latency, ttft, attempts: 0, retried: Vec::new(), cached: true });
        }
        let mut tries = Tries::default();
        loop {
            let ended = self.guarded(&body, streamed, &request).await;
            match ended {
                Ok(Done { said, latency, ttft, passing }) => {
                    let (attempts, retried) = (tries.failed() + 1, tries.into_reasons());
                    let message = self.message(said, passing);
                    if let Some((cache, name)) = kept.filter(|_| is_whole(&message)) {
                        cache.put(&name, &message);
                    }
                    return Ok(ChatReply { message, latency, ttft, attempts, retried, cached: false });
                }
                Err(cause) => self.line.again(cause, &mut tries, request.deadline).await?,
            }
        }
    }

    fn model(&self) -> &str {
        &self.line.model
    }

    fn endpoint(&self) -> Option<&str> {
        Some(&self.line.endpoint)
    }

    fn remarks(&self) -> &[Remark] {
        &self.remarks
    }
}

/// Whether an answer is worth keeping: one that was cut, or says nothing, would be an error each time.
fn is_whole(message: &Message) -> bool {
    let ended = matches!(message.finish.as_deref(), Some("stop" | "tool-calls"));
    ended && !(message.content.text().trim().is_empty() && message.tool_calls.is_empty())
}

/// Counts that a number of JSON can hold exactly: a vendor may claim any.
fn bounded(usage: Usage) -> Usage {
    const MOST: u64 = (1 << 53) - 1;
    let Usage { input, output, cached, cache_write, reasoning } = usage;
    let [input, output, cached, cache_write, reasoning] =
        [input, output, cached, cache_write, reasoning].map(|count| count.min(MOST));
    Usage { input, output, cached, cache_write, reasoning }
}

/// Digest of all that tells one who asks from another.
fn identity(settings: &ProviderSettings, key: Option<&Secret>) -> Digest {
    let mut hasher = Hasher::default();
    hasher.field(key.map_or("", Secret::expose).as_bytes());
    for (name, value) in &settings.headers {
        hasher.field(name.to_ascii_lowercase().as_bytes()).field(value.expose().as_bytes());
    }
    hasher.finish()
}

/// The forms in which somebody else's text may hold a secret, longest first, so that nothing of one is left beside a part
/// of it.
fn forms(secrets: impl Iterator<Item = Secret>) -> Vec<Secret> {
    let mut all = Vec::new();
    for secret in secrets {
        let text = secret.expose();
        let coded = STANDARD.encode(text);
        // The end of a code depends on what stands behind.
        let head = coded.get(..coded.len().saturating_sub(4)).unwrap_or_default();
        let quoted = serde_json::to_string(text).unwrap_or_default();
        let forms = [
            head.to_owned(),
            utf8_percent_encode(text, NON_ALPHANUMERIC).to_string(),
            form_urlencoded::byte_serialize(text.as_bytes()).collect(),
            quoted.trim_matches('"').to_owned(),
        ];
        all.extend(forms.into_iter().filter(|form| form.len() >= CODED_BYTES).map(Secret::new));
        all.push(secret);
    }
    all.sort_by_key(|secret| std::cmp::Reverse(secret.expose().len()));
    all
}

/// What of the settings has no effect, and what will be missing.
fn remarks(left_out: &[&str], line: &Line) -> Vec<Remark> {
    let Line { model, endpoint, pricing, .. } = line;
    let left_out = left_out.iter().map(|name| Remark {
        reason: "ParameterLeftOut",
        text: format!("`{name}` is left out of its requests: the vendor does not take it"),
    });
    let unpriced = pricing.is_none().then(|| Remark {
        reason: "PriceMissing",
        text: format!(
            "no price is known for model `{model}` at {endpoint}, so costs are not known either; set `pricing`"
        ),
    });
    left_out.chain(unpriced).collect()
}

fn headers(settings: &ProviderSettings, format: Format) -> Result<HeaderMap, Cause> {
    let mut headers = HeaderMap::with_capacity(settings.headers.len() + 4);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(
        ACCEPT,
        HeaderValue::from_static(match format {
            Format::Converse => "application/json, application/vnd.amazon.eventstream",
            Format::Ollama => "application/json, application/x-ndjson",
            _ => "application/json, text/event-stream",
        }),
    );
    if format == Format::Messages {
        headers.insert("anthropic-version", HeaderValue::from_static(messages::VERSION));
    }
    for (name, value) in &settings.headers {
        let invalid = || Cause::HeaderInvalid { name: name.clone() };
        let parsed = HeaderName::try_from(name).map_err(|_| invalid())?;
        if OURS.contains(&parsed.as_str()) {
            return Err(invalid());
        }
        headers.insert(parsed, sensitive(name, value.expose())?);
    }
    Ok(headers)
}
