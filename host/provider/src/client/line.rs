//! What every call of a provider goes through: its key, its limits, its retries, and its secrets kept out of texts.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arena_model::{Digest, Usage};
use bytes::Bytes;
use reqwest::header::HeaderMap;
use reqwest::{Method, Request, Response, StatusCode, Url};
use tokio::time::timeout_at;

use super::body::read_body;
use super::{CODED_BYTES, forms, headers, identity};
use crate::auth::{Auth, Passing};
use crate::destination::KeyPlace;
use crate::error::{Cause, ProviderError};
use crate::http::HttpClient;
use crate::pricing::{self, Pricing};
use crate::purse::pay_again;
use crate::retry::{Retries, Tries};
use crate::secret::{Redactor, Secret, is_secret_header};
use crate::settings::ProviderSettings;
use crate::traffic::Traffic;
use crate::vendor::Vendor;

/// The way to one endpoint.
pub(super) struct Line {
    pub(super) id: String,
    pub(super) model: String,
    pub(super) endpoint: String,
    headers: HeaderMap,
    auth: Auth,
    /// Who asks: an answer to another key or to other headers is another answer.
    pub(super) identity: Digest,
    /// All that must not show up in a text: the key, its parts and the values of the configured headers.
    pub(super) secrets: Vec<Secret>,
    /// Cuts out of replies what is certainly a credential.
    pub(super) redactor: Redactor,
    pub(super) http: HttpClient,
    pub(super) pricing: Option<Pricing>,
    retries: Retries,
    pub(super) traffic: Arc<Traffic>,
    request_timeout: Duration,
}

/// The times of one attempt.
#[derive(Clone, Copy)]
pub(super) struct Times {
    pub(super) start: Instant,
    by: Instant,
    limit: Duration,
}

/// An answer that began well.
pub(super) struct Sent {
    pub(super) response: Response,
    pub(super) passing: Passing,
    pub(super) times: Times,
}

impl Line {
    /// `find_key` gets the place to look at.
    pub(super) fn new(
        settings: &ProviderSettings,
        http: &HttpClient,
        vendor: &Vendor,
        find_key: impl FnOnce(&KeyPlace) -> Result<Option<Secret>, Cause>,
    ) -> Result<Self, Cause> {
        let key = find_key(&KeyPlace::of(&settings.credential, vendor))?;
        let parts: Vec<Secret> = key.iter().flat_map(Secret::parts).collect();
        let credentials = settings.headers.iter().filter(|(name, _)| is_secret_header(name)).map(|(_, value)| value);
        let in_query: Vec<Secret> = vendor
            .plain
            .query_pairs()
            .map(|(_, value)| Secret::new(value))
            .filter(|it| it.expose().len() >= CODED_BYTES)
            .collect();
        Ok(Self {
            redactor: Redactor::new(parts.iter().chain(credentials)),
            id: settings.id.clone(),
            model: settings.model.clone(),
            endpoint: vendor.endpoint.clone(),
            headers: headers(settings, vendor.format)?,
            auth: Auth::new(&vendor.key, key.as_ref())?,
            identity: identity(settings, key.as_ref()),
            secrets: forms(parts.into_iter().chain(settings.headers.values().cloned()).chain(in_query)),
            http: http.clone(),
            pricing: settings.pricing.or_else(|| pricing::known(vendor, &settings.model)),
            retries: Retries { policy: settings.retry, sleep: http.sleep.clone() },
            traffic: http.traffic(settings, &vendor.endpoint),
            request_timeout: settings.request_timeout,
        })
    }

    /// Millionths of a US dollar; none if price or tokens are not known.
    pub(super) fn cost(&self, usage: Option<Usage>) -> Option<u64> {
        self.pricing.zip(usage).map(|(pricing, usage)| pricing.cost_usd_micro(usage))
    }

    /// Sends `body`; any status but 200 is the error that it means.
    pub(super) async fn send(&self, url: &Url, body: Bytes, deadline: Instant) -> Result<Sent, Cause> {
        let start = Instant::now();
        let limit = self.request_timeout.min(deadline.saturating_duration_since(start));
        let times = Times { start, by: start + limit, limit };
        let mut request = Request::new(Method::POST, url.clone());
        *request.headers_mut() = self.headers.clone();
        *request.body_mut() = Some(body.into());
        let passing = self.auth.apply(&mut request, &self.http, times.by).await?;
        let sent = self.within(times, self.http.inner.execute(request)).await?;
        let response = sent.map_err(|error| self.unavailable(error))?;
        if response.status() == StatusCode::OK {
            return Ok(Sent { response, passing, times });
        }
        let cause = self.within(times, self.refusal(response, passing.as_ref())).await.unwrap_or_else(|late| late);
        if matches!(cause, Cause::CredentialRefused { .. }) {
            self.auth.refused().await;
        }
        Err(cause)
    }

    /// The whole of a plain answer.
    pub(super) async fn whole(
        &self,
        response: Response,
        passing: Option<&Secret>,
        times: Times,
    ) -> Result<Bytes, Cause> {
        let body = self.within(times, read_body(response, self.http.reply_limit)).await?;
        body.map_err(|error| self.broken(error, passing))
    }

    async fn within<T>(&self, times: Times, what: impl Future<Output = T>) -> Result<T, Cause> {
        let late = |_| Cause::ProviderTimeout { endpoint: self.endpoint.clone(), limit: times.limit };
        timeout_at(times.by.into(), what).await.map_err(late)
    }

    /// Waits until a failed attempt may be made again; the error if it may not.
    pub(super) async fn again(&self, cause: Cause, tries: &mut Tries, deadline: Instant) -> Result<(), ProviderError> {
        let before = tries.failed();
        let mut waited = self.retries.wait(cause, tries, deadline).await;
        // What never came to an attempt is still paid.
        if waited.is_ok() && tries.failed() > before {
            waited = pay_again();
        }
        waited.map_err(|cause| {
            self.traffic.gave_up(&cause);
            let attempts = tries.failed();
            ProviderError { retried: std::mem::take(tries).into_retried().into(), ..cause.by(&self.id, attempts) }
        })
    }
}
