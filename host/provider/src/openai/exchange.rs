//! One attempt: a request, and its answer whatever form it has.

use std::ops::ControlFlow;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Method, Request, Response, StatusCode};
use tokio::time::{timeout, timeout_at};

use super::OpenAi;
use super::reply::{self, ErrorBody, NoReply, Said};
use super::stream::{Assembly, Stop};
use crate::chat::Watch;
use crate::error::{Cause, vendor_text};
use crate::http::chain;
use crate::retry::retry_after;
use crate::sse::SseParser;
use crate::tap::Tap;

/// Most bytes of an error's body that are read.
const ERROR_BODY_LIMIT: usize = 64 << 10;
/// How long the end of a finished stream is waited for, so that its connection can be used again.
const TAIL_WAIT: Duration = Duration::from_millis(100);

/// A successful attempt.
pub(super) struct Done {
    pub(super) said: Said,
    pub(super) latency: Duration,
    pub(super) ttft: Option<Duration>,
}

/// Why a body could not be read to its end.
enum BodyError {
    Broken(reqwest::Error),
    TooLarge,
}

impl OpenAi {
    pub(super) async fn attempt(
        &self,
        body: Bytes,
        streamed: bool,
        watch: Option<&dyn Watch>,
        deadline: Instant,
    ) -> Result<Done, Cause> {
        let start = Instant::now();
        let limit = self.request_timeout.min(deadline.saturating_duration_since(start));
        let by = start + limit;
        let timed_out = |_| Cause::ProviderTimeout { endpoint: self.endpoint.clone(), limit };

        let mut request = Request::new(Method::POST, self.url.clone());
        *request.headers_mut() = self.headers.clone();
        *request.body_mut() = Some(body.into());
        let sent = timeout_at(by.into(), self.http.inner.execute(request)).await.map_err(timed_out)?;
        let response = sent.map_err(|error| self.unavailable(error))?;
        if response.status() != StatusCode::OK {
            return Err(timeout_at(by.into(), self.refusal(response)).await.unwrap_or_else(timed_out));
        }
        let (said, ttft) = if is_stream(response.headers()).unwrap_or(streamed) {
            self.read_stream(response, watch, start, deadline).await?
        } else {
            let body = timeout_at(by.into(), read_body(response, self.http.reply_limit)).await.map_err(timed_out)?;
            let body = body.map_err(|error| self.broken(error))?;
            (reply::read(&body).map_err(|error| self.no_reply(error))?, None)
        };
        Ok(Done { said, latency: start.elapsed(), ttft })
    }

    async fn read_stream(
        &self,
        mut response: Response,
        watch: Option<&dyn Watch>,
        start: Instant,
        deadline: Instant,
    ) -> Result<(Said, Option<Duration>), Cause> {
        let (mut parser, mut assembly) = (SseParser::default(), Assembly::default());
        let (mut ttft, mut size, mut seen) = (None, 0, 0);
        let mut tap = watch.map(|watch| Tap::new(watch, &self.redactor));
        if let Some(watch) = watch {
            watch.begin().await;
        }
        loop {
            let now = Instant::now();
            let left = deadline.saturating_duration_since(now);
            let wait = self.stream_idle_timeout.min(left);
            let Ok(chunk) = timeout(wait, response.chunk()).await else {
                let endpoint = self.endpoint.clone();
                return Err(if left <= self.stream_idle_timeout {
                    Cause::ProviderTimeout { endpoint, limit: start.elapsed() }
                } else {
                    Cause::StreamIdle { endpoint, limit: wait }
                });
            };
            let Some(chunk) = chunk.map_err(|error| self.broken(BodyError::Broken(error)))? else {
                if assembly.is_finished() {
                    break;
                }
                let text = "the stream ended without a finish reason or [DONE]".to_owned();
                return Err(Cause::StreamBroken { endpoint: self.endpoint.clone(), text });
            };
            size += chunk.len();
            if size > self.http.reply_limit {
                return Err(self.broken(BodyError::TooLarge));
            }
            let flow = parser.feed(&chunk, &mut assembly);
            if assembly.begun {
                ttft.get_or_insert_with(|| start.elapsed());
            }
            match flow {
                ControlFlow::Continue(()) => {
                    let more = assembly.text()[seen..].to_owned();
                    seen += more.len();
                    if let Some(watching) = tap.as_mut().filter(|_| !more.is_empty())
                        && watching.more(&more).await.is_break()
                    {
                        // The connection ends with the response: what it would still have said is not wanted.
                        let shown = tap.map(Tap::into_shown).unwrap_or_default();
                        return Ok((assembly.into_cut(shown), ttft));
                    }
                }
                ControlFlow::Break(Stop::Done) => {
                    // Nothing depends on what comes after the end, or on whether it comes.
                    let _ = timeout(TAIL_WAIT, response.chunk()).await;
                    break;
                }
                ControlFlow::Break(Stop::Failed(error)) => return Err(self.no_reply(error)),
            }
        }
        Ok((assembly.into_said(), ttft))
    }

    /// What an answer with another status than 200 means.
    async fn refusal(&self, response: Response) -> Cause {
        let status = response.status();
        let endpoint = self.endpoint.clone();
        if status.is_redirection() {
            return Cause::RedirectRefused { endpoint, status: status.as_u16() };
        }
        let header = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = header.and_then(|value| retry_after(value, SystemTime::now()));
        // The status alone decides; a body that cannot be read only costs its text.
        let body = read_body(response, ERROR_BODY_LIMIT).await.unwrap_or_default();
        let error = serde_json::from_slice::<ErrorBody>(&body).ok().map(|body| body.error);
        // A key may be written with escapes, so it is looked for in what they mean.
        let plain = || match serde_json::from_slice::<serde_json::Value>(&body) {
            Ok(value) => serde_json::to_string(&value).unwrap_or_default(),
            Err(_) => String::from_utf8_lossy(&body).into_owned(),
        };
        let text = match &error {
            Some(error) => self.safe(error.text()),
            None => self.safe(&plain()),
        };
        let status_number = status.as_u16();
        match status {
            StatusCode::TOO_MANY_REQUESTS if error.is_some_and(|error| error.has_code("insufficient_quota")) => {
                Cause::QuotaExhausted { endpoint, text }
            }
            StatusCode::TOO_MANY_REQUESTS => Cause::RateLimited { endpoint, retry_after, text },
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Cause::CredentialRefused { endpoint, status: status_number, text }
            }
            StatusCode::NOT_FOUND => Cause::ModelNotFound { endpoint, model: self.model.clone(), text },
            StatusCode::REQUEST_TIMEOUT => {
                Cause::ProviderUnavailable { endpoint, retry_after, text: format!("status 408: {text}") }
            }
            _ if status.is_server_error() => {
                Cause::ProviderUnavailable { endpoint, retry_after, text: format!("status {status_number}: {text}") }
            }
            _ if status.is_client_error() => Cause::RequestRefused { endpoint, status: status_number, text },
            _ => Cause::BadReply { endpoint, text: format!("status {status_number}, expected 200") },
        }
    }

    fn unavailable(&self, error: reqwest::Error) -> Cause {
        let text = self.safe(&chain(&error.without_url()));
        Cause::ProviderUnavailable { endpoint: self.endpoint.clone(), retry_after: None, text }
    }

    fn broken(&self, error: BodyError) -> Cause {
        let endpoint = self.endpoint.clone();
        match error {
            BodyError::Broken(error) => Cause::StreamBroken { endpoint, text: self.safe(&chain(&error.without_url())) },
            BodyError::TooLarge => Cause::ReplyTooLarge { endpoint, limit: self.http.reply_limit },
        }
    }

    fn no_reply(&self, error: NoReply) -> Cause {
        let endpoint = self.endpoint.clone();
        match error {
            NoReply::Bad(text) => Cause::BadReply { endpoint, text: self.safe(&text) },
            NoReply::Error(error) => Cause::ErrorReply { endpoint, text: self.safe(error.text()) },
        }
    }

    /// Somebody else's text without our secrets. They go before the text is cut, lest half of one is left at its end.
    fn safe(&self, text: &str) -> String {
        vendor_text(&self.secrets.iter().fold(text.to_owned(), |text, secret| secret.redact(&text)))
    }
}

/// Whether an answer is a stream; none if it does not say.
fn is_stream(headers: &HeaderMap) -> Option<bool> {
    let kind = headers.get(CONTENT_TYPE)?.as_bytes();
    let is = |wanted: &[u8]| kind.get(..wanted.len()).is_some_and(|head| head.eq_ignore_ascii_case(wanted));
    if is(b"text/event-stream") {
        Some(true)
    } else if is(b"application/json") {
        Some(false)
    } else {
        None
    }
}

/// A whole body of at most `limit` bytes.
async fn read_body(mut response: Response, limit: usize) -> Result<Bytes, BodyError> {
    let first = response.chunk().await.map_err(BodyError::Broken)?.unwrap_or_default();
    if first.len() > limit {
        return Err(BodyError::TooLarge);
    }
    let Some(second) = response.chunk().await.map_err(BodyError::Broken)? else {
        // The common case, a small answer in one piece, needs no copy.
        return Ok(first);
    };
    let mut body = Vec::with_capacity(2 * (first.len() + second.len()));
    body.extend_from_slice(&first);
    let mut next = Some(second);
    while let Some(chunk) = next {
        if body.len() + chunk.len() > limit {
            return Err(BodyError::TooLarge);
        }
        body.extend_from_slice(&chunk);
        next = response.chunk().await.map_err(BodyError::Broken)?;
    }
    Ok(body.into())
}
