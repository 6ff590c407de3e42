//! What can go wrong between a request and its answer.

use std::time::Duration;

use arena_model::{Class, Fault};

/// Longest text of a vendor that is kept, characters.
const VENDOR_TEXT_LIMIT: usize = 500;

/// What is said of a call for which nothing is left.
pub const OUT_OF_BUDGET: &str = "the budget of the run is used up, and no model is called any more";

/// A provider could not be set up, or a call to it failed for good.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("provider `{provider}`: {cause}{}", attempts_text(*.attempts))]
pub struct ProviderError {
    /// Provider id.
    pub provider: String,
    /// HTTP attempts made; 0 if it never came to one.
    pub attempts: u32,
    /// Why attempts before the last failed, a stable name each.
    pub retried: Box<[&'static str]>,
    /// What went wrong, at the last attempt.
    pub cause: Cause,
}

fn attempts_text(attempts: u32) -> String {
    if attempts > 1 { format!(" (after {attempts} attempts)") } else { String::new() }
}

/// The stable kinds of trouble. Texts of vendors are cut to 500 characters and hold no credential.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the error texts say it")]
pub enum Cause {
    #[error("type `{kind}` is not known; known types: {known}")]
    ProviderTypeUnknown { kind: String, known: String },
    #[error("type `{kind}` is not called yet; with `--mock-provider` a mock answers in its place")]
    ProviderTypeUnsupported { kind: String },
    #[error("{what} has no embeddings; take a provider of another type, such as openai, gemini, ollama or mock")]
    EmbeddingsUnsupported { what: String },
    #[error("nothing can be embedded: {text}")]
    TextsRefused { text: String },
    #[error("base_url {text:?} is no URL of the form http(s)://host[:port]/path without user and password")]
    BaseUrlInvalid { text: String },
    #[error("base_url {text:?} has in it already what is put behind it, or its version twice; write {advice:?}")]
    BaseUrlDoubled { text: String, advice: String },
    #[error("type `{kind}` needs a base_url: it has no place of its own")]
    BaseUrlMissing { kind: String },
    #[error("`{key}` of the platform is missing or malformed; write it under `platform`")]
    PlatformIncomplete { key: &'static str },
    #[error(
        "header {name:?} cannot be sent: its name or value has characters that are not allowed, or it belongs to the connection"
    )]
    HeaderInvalid { name: String },
    #[error("no API key: {missing}")]
    CredentialMissing { missing: String },
    #[error("credential_file `{path}`: {text}")]
    CredentialInvalid { path: String, text: String },
    #[error("the key cannot be used: {text}")]
    KeyInvalid { text: String },
    #[error("the HTTP client cannot be built: {text}")]
    HttpClientFailed { text: String },
    #[error("mock file `{path}` cannot be read: {text}; `mock_config` is relative to the arena file")]
    MockFileMissing { path: String, text: String },
    #[error("mock file `{path}`: {text}")]
    MockFileInvalid { path: String, text: String },
    #[error("nothing can be replayed: {text}")]
    ReplayInvalid { text: String },
    #[error("{OUT_OF_BUDGET}")]
    BudgetExhausted,
    #[error("the recording has {replies} replies, and more are asked for")]
    ReplayExhausted { replies: u32 },
    #[error("a {kind} part cannot be sent to this provider as it is; it takes {takes}")]
    PartUnsupported { kind: String, takes: &'static str },
    #[error("{endpoint} refused the credential (status {status}): {text}")]
    CredentialRefused { endpoint: String, status: u16, text: String },
    #[error("{endpoint} does not know model `{model}` (status 404): {text}")]
    ModelNotFound { endpoint: String, model: String, text: String },
    #[error("{endpoint} refused the request (status {status}): {text}")]
    RequestRefused { endpoint: String, status: u16, text: String },
    #[error(
        "{endpoint} answered with a redirect (status {status}), which is never followed; set base_url to the final place"
    )]
    RedirectRefused { endpoint: String, status: u16 },
    #[error("the quota at {endpoint} is used up: {text}")]
    QuotaExhausted { endpoint: String, text: String },
    #[error("{endpoint} limits the rate (status 429): {text}")]
    RateLimited { endpoint: String, retry_after: Option<Duration>, text: String },
    #[error(
        "{endpoint} asks not to be asked again for {wanted} s, longer than the {limit} s of `retries.retry_after_seconds`: {text}"
    )]
    RetryAfterTooLong { endpoint: String, wanted: u64, limit: u64, text: String },
    #[error("{endpoint} is not available: {text}")]
    ProviderUnavailable { endpoint: String, retry_after: Option<Duration>, text: String },
    #[error("{endpoint} cannot be reached: {text}")]
    ProviderUnreachable { endpoint: String, text: String },
    #[error("{endpoint} is not called any more: {failed} calls in a row ended alike, the last with: {text}")]
    CircuitOpen { endpoint: String, failed: u32, text: String, class: Class },
    #[error("the limits of {endpoint} leave no room for the call before its time is up")]
    NoRoom { endpoint: String },
    #[error("the limits of {endpoint} cannot be kept: {text}")]
    LimitsUnavailable { endpoint: String, text: String },
    #[error("{endpoint} did not answer within {} ms", limit.as_millis())]
    ProviderTimeout { endpoint: String, limit: Duration },
    #[error("the answer of {endpoint} ended before the model had finished: {text}")]
    StreamBroken { endpoint: String, text: String },
    #[error("the stream of {endpoint} was silent for {} ms", limit.as_millis())]
    StreamIdle { endpoint: String, limit: Duration },
    #[error("{endpoint} reported an error within its answer: {text}")]
    ErrorReply { endpoint: String, text: String },
    #[error("the answer of {endpoint} is not what it should be: {text}")]
    BadReply { endpoint: String, text: String },
    #[error("the answer of {endpoint} is larger than the limit of {limit} bytes")]
    ReplyTooLarge { endpoint: String, limit: usize },
}

impl Cause {
    /// Whether the same call is worth another attempt. A bad reply is not: it was paid for and would be again.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::RateLimited { .. }
                | Self::ProviderUnavailable { .. }
                | Self::ProviderUnreachable { .. }
                | Self::ProviderTimeout { .. }
                | Self::StreamBroken { .. }
                | Self::StreamIdle { .. }
                | Self::ErrorReply { .. }
        )
    }

    /// The wait the vendor asked for.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after, .. } | Self::ProviderUnavailable { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// The same, given up because the vendor wants to be left alone for too long.
    pub(crate) fn too_long(self, wanted: Duration, limit: Duration) -> Self {
        match self {
            Self::RateLimited { endpoint, text, .. } | Self::ProviderUnavailable { endpoint, text, .. } => {
                Self::RetryAfterTooLong { endpoint, wanted: wanted.as_secs(), limit: limit.as_secs(), text }
            }
            other => other,
        }
    }

    /// The same, given up because the case ends before the next attempt.
    pub(crate) fn out_of_time(mut self, delay: Duration) -> Self {
        if let Self::RateLimited { text, .. } | Self::ProviderUnavailable { text, .. } = &mut self {
            text.push_str(&format!(
                "; the next attempt would be in {:.1} s, when the case has run out of time (`run_timeout`)",
                delay.as_secs_f64()
            ));
        }
        self
    }

    pub(crate) fn by(self, provider: &str, attempts: u32) -> ProviderError {
        ProviderError { provider: provider.to_owned(), attempts, retried: Box::default(), cause: self }
    }
}

impl Cause {
    /// Its stable name.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::ProviderTypeUnknown { .. } => "ProviderTypeUnknown",
            Self::ProviderTypeUnsupported { .. } => "ProviderTypeUnsupported",
            Self::EmbeddingsUnsupported { .. } => "EmbeddingsUnsupported",
            Self::TextsRefused { .. } => "TextsRefused",
            Self::BaseUrlInvalid { .. } | Self::BaseUrlDoubled { .. } => "BaseUrlInvalid",
            Self::BaseUrlMissing { .. } => "BaseUrlMissing",
            Self::PlatformIncomplete { .. } => "PlatformIncomplete",
            Self::HeaderInvalid { .. } => "HeaderInvalid",
            Self::CredentialMissing { .. } => "CredentialMissing",
            Self::CredentialInvalid { .. } | Self::KeyInvalid { .. } => "CredentialInvalid",
            Self::HttpClientFailed { .. } => "HttpClientFailed",
            Self::MockFileMissing { .. } => "MockFileMissing",
            Self::MockFileInvalid { .. } => "MockFileInvalid",
            Self::ReplayInvalid { .. } => "ReplayInvalid",
            Self::BudgetExhausted => "BudgetExhausted",
            Self::ReplayExhausted { .. } => "ReplayExhausted",
            Self::PartUnsupported { .. } => "PartUnsupported",
            Self::CredentialRefused { .. } => "CredentialRefused",
            Self::ModelNotFound { .. } => "ModelNotFound",
            Self::RequestRefused { .. } => "RequestRefused",
            Self::RedirectRefused { .. } => "RedirectRefused",
            Self::QuotaExhausted { .. } => "QuotaExhausted",
            Self::RateLimited { .. } => "RateLimited",
            Self::RetryAfterTooLong { .. } => "RetryAfterTooLong",
            Self::ProviderUnavailable { .. } => "ProviderUnavailable",
            Self::ProviderUnreachable { .. } => "ProviderUnreachable",
            Self::CircuitOpen { .. } => "CircuitOpen",
            Self::NoRoom { .. } => "NoRoomInLimits",
            Self::LimitsUnavailable { .. } => "LimitsUnavailable",
            Self::ProviderTimeout { .. } => "ProviderTimeout",
            Self::StreamBroken { .. } => "StreamBroken",
            Self::StreamIdle { .. } => "StreamIdle",
            Self::ErrorReply { .. } => "ErrorReply",
            Self::BadReply { .. } => "BadReply",
            Self::ReplyTooLarge { .. } => "ReplyTooLarge",
        }
    }
}

impl Fault for ProviderError {
    fn reason(&self) -> &'static str {
        self.cause.reason()
    }

    fn class(&self) -> Class {
        match self.cause {
            Cause::CircuitOpen { class, .. } => class,
            Cause::BadReply { .. }
            | Cause::NoRoom { .. }
            | Cause::LimitsUnavailable { .. }
            | Cause::RetryAfterTooLong { .. } => Class::Retryable,
            Cause::HttpClientFailed { .. } | Cause::ReplyTooLarge { .. } => Class::Infra,
            ref cause if cause.is_passing() => Class::Retryable,
            _ => Class::Input,
        }
    }
}

/// A vendor's text fit for an error: control characters become spaces, the end is cut off.
pub(crate) fn vendor_text(text: &str) -> String {
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    let mut out: String = text.trim().chars().take(VENDOR_TEXT_LIMIT).map(clean).collect();
    if out.is_empty() {
        out.push_str("no text");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vendor_texts_are_cut_and_harmless() {
        assert_eq!(vendor_text(&"é".repeat(501)).chars().count(), 500);
        assert_eq!(vendor_text("a\u{1b}[31m\nb"), "a [31m b");
        assert_eq!(vendor_text(" \n"), "no text");
    }

    #[test]
    fn text_names_provider_and_attempts() {
        let cause = Cause::StreamIdle { endpoint: "h:1".into(), limit: Duration::from_secs(30) };
        let error = cause.by("gpt", 4);
        assert_eq!(error.to_string(), "provider `gpt`: the stream of h:1 was silent for 30000 ms (after 4 attempts)");
        assert_eq!((error.reason(), error.class()), ("StreamIdle", Class::Retryable));
    }
}
