//! The one HTTP client that all providers of a process share.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Cause, ProviderError};
use crate::retry::{Sleep, TokioSleep};

/// Default of [`HttpSettings::reply_limit`]: a record of 16 MiB must hold several.
const REPLY_LIMIT: usize = 4 << 20;

/// How the process talks to vendors.
#[derive(Clone, Copy, Debug)]
pub struct HttpSettings {
    /// Longest time to a connection, TLS included.
    pub connect_timeout: Duration,
    /// Connections kept open for each host while nothing is sent.
    pub max_idle_per_host: usize,
    /// Largest answer, bytes; a larger one is an error.
    pub reply_limit: usize,
    /// Obey `HTTPS_PROXY` and its relatives. Off by default: a proxy sees keys and prompts.
    pub proxy_from_env: bool,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            max_idle_per_host: 1024,
            reply_limit: REPLY_LIMIT,
            proxy_from_env: false,
        }
    }
}

/// A connection pool with its limits; clones share it. Never follows redirects and never retries by itself.
#[derive(Clone)]
pub struct HttpClient {
    pub(crate) inner: reqwest::Client,
    pub(crate) reply_limit: usize,
    pub(crate) sleep: Arc<dyn Sleep>,
}

impl HttpClient {
    /// Builds the pool. A rustls crypto provider must have been installed.
    pub fn new(settings: &HttpSettings) -> Result<Self, ProviderError> {
        let mut builder = reqwest::Client::builder()
            .connect_timeout(settings.connect_timeout)
            .pool_max_idle_per_host(settings.max_idle_per_host)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .tcp_nodelay(true)
            .user_agent(concat!("arena-fleet/", env!("CARGO_PKG_VERSION")));
        if !settings.proxy_from_env {
            builder = builder.no_proxy();
        }
        let inner = builder.build().map_err(|error| Cause::HttpClientFailed { text: chain(&error) }.by("*", 0))?;
        Ok(Self { inner, reply_limit: settings.reply_limit, sleep: Arc::new(TokioSleep) })
    }

    /// The same pool, waiting between attempts with `sleep`.
    pub fn with_sleep(self, sleep: Arc<dyn Sleep>) -> Self {
        Self { sleep, ..self }
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").field("reply_limit", &self.reply_limit).finish_non_exhaustive()
    }
}

/// An error with what caused it, on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
