//! What answers that are none mean, in texts that hold no credential.

use std::time::SystemTime;

use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Response, StatusCode};

use super::body::{BodyError, read_body};
use super::line::Line;
use crate::error::{Cause, vendor_text};
use crate::http::chain;
use crate::retry::retry_after;
use crate::secret::Secret;
use crate::wire::{NoReply, VendorFailure};

/// Most bytes of an error's body that are read.
const ERROR_BODY_LIMIT: usize = 64 << 10;
/// Words by which vendors say that no waiting helps.
const QUOTA: [&str; 3] = ["insufficient_quota", "billing_error", "billing_hard_limit_reached"];
/// Words by which vendors refuse a key with a status that says something else.
const KEY_REFUSED: [&str; 2] = ["API_KEY_INVALID", "invalid_api_key"];

impl Line {
    /// What an answer with another status than 200 means.
    pub(super) async fn refusal(&self, response: Response, passing: Option<&Secret>) -> Cause {
        let status = response.status();
        let endpoint = self.endpoint.clone();
        if status.is_redirection() {
            return Cause::RedirectRefused { endpoint, status: status.as_u16() };
        }
        let wanted = wanted_wait(response.headers());
        // The status alone decides; a body that cannot be read only costs its text.
        let body = read_body(response, ERROR_BODY_LIMIT).await.unwrap_or_default();
        let failure = VendorFailure::read(&body);
        // A key may be written with escapes, so it is looked for in what they mean.
        let plain = || match serde_json::from_slice::<serde_json::Value>(&body) {
            Ok(value) => serde_json::to_string(&value).unwrap_or_default(),
            Err(_) => String::from_utf8_lossy(&body).into_owned(),
        };
        let text = match &failure {
            Some(failure) => self.safe_from(passing, &failure.text),
            None => self.safe_from(passing, &plain()),
        };
        let failure = failure.unwrap_or_default();
        let says = |words: &[&str]| words.iter().any(|word| failure.has_code(word));
        let retry_after = wanted.or(failure.retry_after);
        let number = status.as_u16();
        match status {
            StatusCode::PAYMENT_REQUIRED => Cause::QuotaExhausted { endpoint, text },
            StatusCode::TOO_MANY_REQUESTS if says(&QUOTA) => Cause::QuotaExhausted { endpoint, text },
            StatusCode::TOO_MANY_REQUESTS => Cause::RateLimited { endpoint, retry_after, text },
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Cause::CredentialRefused { endpoint, status: number, text }
            }
            _ if status.is_client_error() && says(&KEY_REFUSED) => {
                Cause::CredentialRefused { endpoint, status: number, text }
            }
            StatusCode::NOT_FOUND => Cause::ModelNotFound { endpoint, model: self.model.clone(), text },
            StatusCode::REQUEST_TIMEOUT => {
                Cause::ProviderUnavailable { endpoint, retry_after, text: format!("status 408: {text}") }
            }
            _ if status.is_server_error() => {
                Cause::ProviderUnavailable { endpoint, retry_after, text: format!("status {number}: {text}") }
            }
            _ if status.is_client_error() => Cause::RequestRefused { endpoint, status: number, text },
            _ => Cause::BadReply { endpoint, text: format!("status {number}, expected 200") },
        }
    }

    pub(super) fn unavailable(&self, error: reqwest::Error) -> Cause {
        let unreachable = error.is_connect();
        let (endpoint, text) = (self.endpoint.clone(), self.safe(&chain(&error.without_url())));
        match unreachable {
            true => Cause::ProviderUnreachable { endpoint, text },
            false => Cause::ProviderUnavailable { endpoint, retry_after: None, text },
        }
    }

    pub(super) fn broken(&self, error: BodyError, passing: Option<&Secret>) -> Cause {
        let endpoint = self.endpoint.clone();
        match error {
            BodyError::Broken(error) => {
                Cause::StreamBroken { endpoint, text: self.safe_from(passing, &chain(&error.without_url())) }
            }
            BodyError::TooLarge => Cause::ReplyTooLarge { endpoint, limit: self.http.reply_limit },
        }
    }

    pub(super) fn no_reply(&self, error: NoReply, passing: Option<&Secret>) -> Cause {
        let endpoint = self.endpoint.clone();
        match error {
            NoReply::Bad(text) => Cause::BadReply { endpoint, text: self.safe_from(passing, &text) },
            NoReply::Error(failure) => Cause::ErrorReply { endpoint, text: self.safe_from(passing, &failure.text) },
        }
    }

    /// Somebody else's text without our secrets. They go before the text is cut, lest half of one is left at its end.
    fn safe(&self, text: &str) -> String {
        self.safe_from(None, text)
    }

    fn safe_from(&self, passing: Option<&Secret>, text: &str) -> String {
        let secrets = self.secrets.iter().chain(passing);
        vendor_text(&secrets.fold(text.to_owned(), |text, secret| secret.redact(&text)))
    }
}

/// The wait that a vendor asks for by header.
fn wanted_wait(headers: &HeaderMap) -> Option<std::time::Duration> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let millis = header("retry-after-ms").and_then(|value| value.trim().parse::<f64>().ok());
    let millis = millis.and_then(|millis| std::time::Duration::try_from_secs_f64(millis / 1000.0).ok());
    millis.or_else(|| retry_after(header(RETRY_AFTER.as_str())?, SystemTime::now()))
}
