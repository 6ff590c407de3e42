//! Chat completions, as OpenAI and many others speak them.

mod exchange;
mod reply;
mod request;
mod stream;

use std::time::Duration;

use arena_model::{Author, Content, Message, Role, Usage};
use async_trait::async_trait;
use reqwest::Url;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use crate::chat::{ChatReply, ChatRequest, Provider};
use crate::destination::KeyPlace;
use crate::error::{Cause, ProviderError};
use crate::http::HttpClient;
use crate::retry::Retries;
use crate::secret::{Redactor, Secret, is_secret_header};
use crate::settings::{Pricing, ProviderSettings, Sampling};
use exchange::Done;
use request::Dialect;

const DEFAULT_BASE_URL: &str = "https://api.openai.com/v1";
/// Where the vendor's own tools look for the key.
pub(crate) const DEFAULT_KEY_VARIABLE: &str = "OPENAI_API_KEY";

/// One model behind one endpoint.
pub(crate) struct OpenAi {
    id: String,
    model: String,
    endpoint: String,
    url: Url,
    headers: HeaderMap,
    /// All that must not show up in a text: the key and the values of the configured headers.
    secrets: Vec<Secret>,
    /// Cuts out of replies what is certainly a credential.
    redactor: Redactor,
    http: HttpClient,
    defaults: Sampling,
    dialect: Dialect,
    pricing: Option<Pricing>,
    retries: Retries,
    request_timeout: Duration,
    stream_idle_timeout: Duration,
}

impl OpenAi {
    /// `find_key` gets the place to look at.
    pub(crate) fn new(
        settings: &ProviderSettings,
        http: &HttpClient,
        find_key: impl FnOnce(&KeyPlace) -> Result<Option<Secret>, Cause>,
    ) -> Result<Self, Cause> {
        let (url, endpoint) = url_of(settings)?;
        let key = find_key(&KeyPlace::of(&settings.credential, &url))?;
        let credentials = settings.headers.iter().filter(|(name, _)| is_secret_header(name)).map(|(_, value)| value);
        Ok(Self {
            redactor: Redactor::new(key.iter().chain(credentials)),
            id: settings.id.clone(),
            model: settings.model.clone(),
            endpoint,
            url,
            headers: headers(settings, key.as_ref())?,
            secrets: key.into_iter().chain(settings.headers.values().cloned()).collect(),
            http: http.clone(),
            defaults: settings.defaults,
            dialect: Dialect::new(&settings.unsupported_params),
            pricing: settings.pricing,
            retries: Retries { policy: settings.retry, sleep: http.sleep.clone() },
            request_timeout: settings.request_timeout,
            stream_idle_timeout: settings.stream_idle_timeout,
        })
    }

    fn message(&self, mut said: reply::Said) -> Message {
        if !self.redactor.is_empty() {
            said.redact(&self.redactor);
        }
        let usage = said.usage.map(Usage::from);
        Message {
            role: Role::Assistant,
            by: Author::Model,
            content: Content::Text(said.text),
            tool_calls: said.tool_calls,
            tool_call_id: None,
            usage,
            cost_usd_micro: self.pricing.zip(usage).map(|(pricing, usage)| pricing.cost_usd_micro(usage)),
            finish: said.finish,
        }
    }
}

#[async_trait]
impl Provider for OpenAi {
    async fn chat(&self, request: ChatRequest<'_>) -> Result<ChatReply, ProviderError> {
        let body = request::body(&self.model, &request, self.defaults, &self.dialect);
        let body = body.map_err(|cause| cause.by(&self.id, 0))?;
        let streamed = request.stream && self.dialect.stream;
        let mut attempts = 0;
        loop {
            attempts += 1;
            match self.attempt(body.clone(), streamed, request.watch, request.deadline).await {
                Ok(Done { said, latency, ttft }) => {
                    return Ok(ChatReply { message: self.message(said), latency, ttft, attempts });
                }
                Err(cause) => {
                    let waited = self.retries.wait(cause, attempts, request.deadline).await;
                    waited.map_err(|cause| cause.by(&self.id, attempts))?;
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
}

/// The place that these settings call, and its `host[:port]`.
pub(crate) fn url_of(settings: &ProviderSettings) -> Result<(Url, String), Cause> {
    completions_url(settings.base_url.as_deref().unwrap_or(DEFAULT_BASE_URL))
}

/// Whether this is one of the vendor's own hosts.
pub(crate) fn is_vendors(url: &Url) -> bool {
    url.host_str().is_some_and(|host| host == "openai.com" || host.ends_with(".openai.com"))
}

/// The place to call, and its `host[:port]`.
fn completions_url(base: &str) -> Result<(Url, String), Cause> {
    // The text of a URL that cannot be read might hold a password: only its part before any `@` or `?` is fit to show.
    let wrong =
        || Cause::BaseUrlInvalid { text: if base.contains(['@', '?']) { "***".into() } else { base.to_owned() } };
    let mut url = Url::parse(base).map_err(|_| wrong())?;
    let clean = matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none();
    let host = url.host_str().filter(|_| clean).ok_or_else(wrong)?;
    let endpoint = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    url.set_fragment(None);
    url.path_segments_mut().map_err(|()| wrong())?.pop_if_empty().extend(["chat", "completions"]);
    Ok((url, endpoint))
}

fn headers(settings: &ProviderSettings, key: Option<&Secret>) -> Result<HeaderMap, Cause> {
    let mut headers = HeaderMap::with_capacity(settings.headers.len() + 3);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
    let sensitive = |name: &str, text: &str| {
        let mut value = HeaderValue::from_str(text).map_err(|_| Cause::HeaderInvalid { name: name.to_owned() })?;
        value.set_sensitive(true);
        Ok::<_, Cause>(value)
    };
    if let Some(key) = key {
        headers.insert(AUTHORIZATION, sensitive("Authorization", &format!("Bearer {}", key.expose()))?);
    }
    for (name, value) in &settings.headers {
        let parsed = HeaderName::try_from(name).map_err(|_| Cause::HeaderInvalid { name: name.clone() })?;
        headers.insert(parsed, sensitive(name, value.expose())?);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builds_the_url() {
        for (base, url, endpoint) in [
            ("https://api.openai.com/v1", "https://api.openai.com/v1/chat/completions", "api.openai.com"),
            ("http://127.0.0.1:8080/v1/", "http://127.0.0.1:8080/v1/chat/completions", "127.0.0.1:8080"),
            ("https://gate/x?api-version=1", "https://gate/x/chat/completions?api-version=1", "gate"),
        ] {
            let (built, host) = completions_url(base).unwrap();
            assert_eq!((built.as_str(), host.as_str()), (url, endpoint));
        }
        for wrong in ["api.openai.com", "ftp://x/", "https://me:hunter2@x/", "https://x y/?k=hunter2"] {
            let cause = completions_url(wrong).unwrap_err();
            assert!(!cause.to_string().contains("hunter2"), "{cause}");
        }
    }
}
