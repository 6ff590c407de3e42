//! The one HTTP client that all providers of a process share.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::{Certificate, Identity};

use crate::cache::ResponseCache;
use crate::error::{Cause, ProviderError};
use crate::retry::{Sleep, TokioSleep};
use crate::settings::ProviderSettings;
use crate::traffic::{Local, PermitSource, Traffic, TrafficReport};

/// Default of [`HttpSettings::reply_limit`]: a record of 16 MiB must hold several.
const REPLY_LIMIT: usize = 4 << 20;

/// How the process talks to vendors.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// Longest time to a connection, TLS included.
    pub connect_timeout: Duration,
    /// Connections kept open for each host while nothing is sent.
    pub max_idle_per_host: usize,
    /// Largest answer, bytes; a larger one is an error.
    pub reply_limit: usize,
    /// Obey `HTTPS_PROXY` and its relatives. Off by default: a proxy sees keys and prompts.
    pub proxy_from_env: bool,
    /// Certificates in PEM that are trusted beside those of the system.
    pub extra_roots: Option<Vec<u8>>,
    /// Certificate and key in PEM that this side shows where it is asked to.
    pub identity: Option<Vec<u8>>,
    /// Calls to one provider at once, where its settings name no limit of its own.
    pub concurrency: u32,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            max_idle_per_host: 1024,
            reply_limit: REPLY_LIMIT,
            proxy_from_env: false,
            extra_roots: None,
            identity: None,
            concurrency: 1024,
        }
    }
}

/// A connection pool with its limits; clones share it. Never follows redirects and never retries by itself.
#[derive(Clone)]
pub struct HttpClient {
    pub(crate) inner: reqwest::Client,
    pub(crate) reply_limit: usize,
    pub(crate) sleep: Arc<dyn Sleep>,
    concurrency: u32,
    permits: Arc<dyn PermitSource>,
    pub(crate) cache: Option<Arc<ResponseCache>>,
    /// By provider id: all that call one provider share its limits.
    traffic: Arc<Mutex<BTreeMap<String, Arc<Traffic>>>>,
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
        let failed = |error: reqwest::Error| Cause::HttpClientFailed { text: chain(&error) }.by("*", 0);
        if let Some(pem) = &settings.extra_roots {
            builder = builder.tls_certs_merge(Certificate::from_pem_bundle(pem).map_err(failed)?);
        }
        if let Some(pem) = &settings.identity {
            builder = builder.identity(Identity::from_pem(pem).map_err(failed)?);
        }
        let inner = builder.build().map_err(failed)?;
        Ok(Self {
            inner,
            reply_limit: settings.reply_limit,
            sleep: Arc::new(TokioSleep),
            concurrency: settings.concurrency,
            permits: Arc::new(Local),
            cache: None,
            traffic: Arc::default(),
        })
    }

    /// The same pool, waiting between attempts with `sleep`.
    pub fn with_sleep(self, sleep: Arc<dyn Sleep>) -> Self {
        Self { sleep, ..self }
    }

    /// The same pool, whose providers keep to limits that others share.
    pub fn with_permits(self, permits: Arc<dyn PermitSource>) -> Self {
        Self { permits, ..self }
    }

    /// The same pool, whose providers answer from a cache what it has.
    pub fn with_cache(self, cache: Arc<ResponseCache>) -> Self {
        Self { cache: Some(cache), ..self }
    }

    /// How the limits of each provider that was set up went, by its id.
    pub fn traffic_reports(&self) -> BTreeMap<String, TrafficReport> {
        let traffic = self.traffic.lock().unwrap_or_else(PoisonError::into_inner);
        traffic.iter().map(|(id, traffic)| (id.clone(), traffic.report())).collect()
    }

    /// The traffic of the provider with this id, made by whoever comes first.
    pub(crate) fn traffic(&self, settings: &ProviderSettings, endpoint: &str) -> Arc<Traffic> {
        let mut all = self.traffic.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || {
            let permits = (!settings.limits.is_none()).then(|| self.permits.permits(&settings.id, settings.limits));
            Arc::new(Traffic::new(endpoint, self.concurrency, settings.limits, permits))
        };
        all.entry(settings.id.clone()).or_insert_with(new).clone()
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
