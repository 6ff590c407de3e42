//! Any vendor that is reached over HTTP: its format, its place and its key put together, with retries and limits.

pub(crate) mod body;
mod exchange;
mod refusal;

use std::sync::Arc;
use std::time::Duration;

use arena_model::{Author, Content, Message, Role};
use async_trait::async_trait;
use reqwest::Url;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use crate::auth::{Auth, sensitive};
use crate::chat::{ChatReply, ChatRequest, Provider, Remark};
use crate::destination::KeyPlace;
use crate::error::{Cause, ProviderError};
use crate::http::HttpClient;
use crate::pricing::{self, Pricing};
use crate::retry::{Retries, Tries};
use crate::secret::{Redactor, Secret, is_secret_header};
use crate::settings::ProviderSettings;
use crate::traffic::Traffic;
use crate::vendor::{Format, vendor};
use crate::wire::{Said, Wire, messages};
use exchange::Done;

/// One model behind one endpoint.
pub(crate) struct Client {
    id: String,
    model: String,
    endpoint: String,
    wire: Box<dyn Wire>,
    plain: Url,
    streamed: Url,
    headers: HeaderMap,
    auth: Auth,
    /// All that must not show up in a text: the key, its parts and the values of the configured headers.
    secrets: Vec<Secret>,
    /// Cuts out of replies what is certainly a credential.
    redactor: Redactor,
    http: HttpClient,
    streams: bool,
    pricing: Option<Pricing>,
    retries: Retries,
    traffic: Arc<Traffic>,
    request_timeout: Duration,
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
        let key = find_key(&KeyPlace::of(&settings.credential, &vendor))?;
        let parts: Vec<Secret> = key.iter().flat_map(Secret::parts).collect();
        let credentials = settings.headers.iter().filter(|(name, _)| is_secret_header(name)).map(|(_, value)| value);
        let wire = vendor.wire(settings);
        let pricing = settings.pricing.or_else(|| pricing::known(&vendor, &settings.model));
        Ok(Self {
            redactor: Redactor::new(parts.iter().chain(credentials)),
            id: settings.id.clone(),
            model: settings.model.clone(),
            endpoint: vendor.endpoint.clone(),
            headers: headers(settings, vendor.format)?,
            auth: Auth::new(&vendor.key, key.as_ref())?,
            secrets: parts.into_iter().chain(settings.headers.values().cloned()).collect(),
            http: http.clone(),
            streams: !settings.unsupported_params.iter().any(|param| param == "stream"),
            remarks: remarks(&*wire, pricing.is_some(), &settings.model),
            output_schema: settings.additional_config.get("output_schema").filter(|schema| schema.is_object()).cloned(),
            max_tokens: settings.defaults.max_tokens,
            pricing,
            retries: Retries { policy: settings.retry, sleep: http.sleep.clone() },
            traffic: http.traffic(settings, &vendor.endpoint),
            request_timeout: settings.request_timeout,
            stream_idle_timeout: settings.stream_idle_timeout,
            plain: vendor.plain,
            streamed: vendor.streamed,
            wire,
        })
    }

    fn message(&self, mut said: Said, passing: Option<Secret>) -> Message {
        if !self.redactor.is_empty() {
            said.redact(&self.redactor);
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
            usage: said.usage,
            cost_usd_micro: self.pricing.zip(said.usage).map(|(pricing, usage)| pricing.cost_usd_micro(usage)),
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
        let body = self.wire.body(&request, streamed).map_err(|cause| cause.by(&self.id, 0))?;
        // Who watches a stream wants to see it come in pieces.
        let cache = self.http.cache.as_deref().zip(request.reuse).filter(|_| request.watch.is_none());
        let url = if streamed { &self.streamed } else { &self.plain };
        let kept = cache.map(|(cache, reuse)| (cache, cache.name(reuse, url.as_str(), &body)));
        if let Some(message) = kept.as_ref().and_then(|(cache, name)| cache.get(name)) {
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
                    if let Some((cache, name)) = kept {
                        cache.put(&name, &message);
                    }
                    return Ok(ChatReply { message, latency, ttft, attempts, retried, cached: false });
                }
                Err(cause) => {
                    let waited = self.retries.wait(cause, &mut tries, request.deadline).await;
                    waited.map_err(|cause| {
                        self.traffic.gave_up(&cause);
                        let attempts = tries.failed();
                        ProviderError {
                            retried: std::mem::take(&mut tries).into_retried().into(),
                            ..cause.by(&self.id, attempts)
                        }
                    })?;
                }
            }
        }
    }

    fn model(&self) -> &str {
        &self.model
    }

    fn endpoint(&self) -> Option<&str> {
        Some(&self.endpoint)
    }

    fn remarks(&self) -> &[Remark] {
        &self.remarks
    }
}

/// What of the settings has no effect, and what will be missing.
fn remarks(wire: &dyn Wire, priced: bool, model: &str) -> Vec<Remark> {
    let left_out = wire.left_out().iter().map(|name| Remark {
        reason: "ParameterLeftOut",
        text: format!("`{name}` is left out of its requests: the vendor does not take it"),
    });
    let unpriced = (!priced).then(|| Remark {
        reason: "PriceMissing",
        text: format!("no price is known for model `{model}`, so costs are not known either; set `pricing`"),
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
        let parsed = HeaderName::try_from(name).map_err(|_| Cause::HeaderInvalid { name: name.clone() })?;
        headers.insert(parsed, sensitive(name, value.expose())?);
    }
    Ok(headers)
}
