//! Sending, with every hop checked before it is made.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, LOCATION};
use reqwest::{Client, Response, StatusCode, Url};

use crate::allow::AllowList;
use crate::answer::{Answer, within};
use crate::error::EgressError;
use crate::request::{Request, headers};
use crate::resolve::{Guarded, Lookup, system};

/// Redirects that are followed.
const HOPS: usize = 5;
/// Longest URL, bytes.
const URL_BYTES: usize = 8 << 10;
/// Longest time to a connection, TLS included.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a connection is kept for the next request.
const IDLE: Duration = Duration::from_secs(30);
/// Connections kept open for each host while nothing is sent.
const IDLE_PER_HOST: usize = 16;
/// Most headers of an answer.
const ANSWER_HEADERS: usize = 100;

/// Sizes, bytes.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Of a request's body.
    pub request: usize,
    /// Of an answer's body.
    pub answer: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { request: 4 << 20, answer: 4 << 20 }
    }
}

/// A client with its allow-list; clones share connections. Ignores proxies of the environment, keeps no cookies.
#[derive(Clone)]
pub struct Egress {
    client: Client,
    allow: Arc<AllowList>,
    limits: Limits,
}

impl Egress {
    /// Builds it. A rustls crypto provider must have been installed.
    ///
    /// # Errors
    /// [`EgressError::ClientFailed`].
    pub fn new(allow: AllowList, limits: Limits) -> Result<Self, EgressError> {
        Self::with_lookup(allow, limits, system())
    }

    /// The same, finding addresses by `lookup`.
    ///
    /// # Errors
    /// [`EgressError::ClientFailed`].
    pub fn with_lookup(allow: AllowList, limits: Limits, lookup: Lookup) -> Result<Self, EgressError> {
        let allow = Arc::new(allow);
        let client = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .http1_only()
            .http1_max_headers(ANSWER_HEADERS)
            .connect_timeout(CONNECT)
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(IDLE_PER_HOST)
            .dns_resolver(Guarded { allow: allow.clone(), lookup })
            .user_agent(concat!("arena-fleet/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| EgressError::ClientFailed { text: chain(&error) })?;
        Ok(Self { client, allow, limits })
    }

    /// Why a URL cannot be called, as far as that can be known without a look at the network.
    pub fn refusal(&self, url: &str) -> Option<EgressError> {
        self.checked(url).err()
    }

    /// Sends the request and follows its redirects. Each hop's host, port and address are checked; on the way to another
    /// host all headers but the body's type are left behind.
    ///
    /// # Errors
    /// Whatever stands in [`EgressError`].
    pub async fn send(&self, request: &Request) -> Result<Answer, EgressError> {
        let mut url = self.checked(&request.url)?;
        let mut headers = headers(&request.headers)?;
        let (mut method, mut body) = (request.method.wire(), request.body.clone());
        if body.as_ref().is_some_and(|body| body.len() > self.limits.request) {
            return Err(EgressError::TooLarge { what: "request", limit: self.limits.request });
        }
        for _ in 0..=HOPS {
            let host = host_of(&url).to_owned();
            let response = self.hop(&method, &url, &headers, body.clone(), request.deadline).await?;
            let status = response.status();
            let Some(location) = redirect(&response) else {
                return Answer::new(response, host, self.limits.answer, request.deadline);
            };
            let location = location.to_str().map_err(|_| refused(&host, "to no URL"))?;
            let next = url.join(location).map_err(|_| refused(&host, "to no URL"))?;
            let next = self.checked(next.as_str())?;
            if url.scheme() == "https" && next.scheme() != "https" {
                return Err(EgressError::DowngradeDenied { host: host_of(&next).to_owned() });
            }
            if next.origin() != url.origin() {
                // Any of them may hold a key for the host it was written for.
                headers = only_type(&headers);
            }
            let get = status == StatusCode::SEE_OTHER
                || (method == reqwest::Method::POST && (status == 301 || status == 302));
            if get && method != reqwest::Method::HEAD {
                method = reqwest::Method::GET;
                body = None;
                headers.remove(CONTENT_TYPE);
                headers.remove(CONTENT_ENCODING);
            }
            url = next;
        }
        Err(refused(host_of(&url), "too often"))
    }

    async fn hop(
        &self,
        method: &reqwest::Method,
        url: &Url,
        headers: &HeaderMap,
        body: Option<Bytes>,
        deadline: Instant,
    ) -> Result<Response, EgressError> {
        let mut request = self.client.request(method.clone(), url.clone()).headers(headers.clone());
        if let Some(body) = body {
            request = request.body(body);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        match within(left, request.send()).await {
            None => Err(EgressError::Timeout { host: host_of(url).to_owned() }),
            Some(answered) => answered.map_err(|error| failed(host_of(url), &error)),
        }
    }

    /// The URL, if its host may be called. The addresses of a name are checked when it is looked up.
    fn checked(&self, text: &str) -> Result<Url, EgressError> {
        let invalid = |why: &str| EgressError::UrlInvalid { why: why.to_owned() };
        if text.len() > URL_BYTES {
            return Err(invalid("it is too long"));
        }
        let url = Url::parse(text).map_err(|error| invalid(&error.to_string()))?;
        if !["http", "https"].contains(&url.scheme()) {
            return Err(invalid("it is neither http nor https"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(invalid("it has a login in it"));
        }
        let (host, port) = (host_of(&url), url.port_or_known_default().unwrap_or_default());
        if !self.allow.has(host, port) {
            return Err(EgressError::HostDenied { host: host.to_owned(), port });
        }
        Ok(url)
    }
}

impl std::fmt::Debug for Egress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Egress").field("allow", &self.allow).finish_non_exhaustive()
    }
}

fn host_of(url: &Url) -> &str {
    url.host_str().unwrap_or_default()
}

/// Where the answer sends us, if it does.
fn redirect(response: &Response) -> Option<&reqwest::header::HeaderValue> {
    let redirects = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    response.headers().get(LOCATION).filter(|_| redirects)
}

fn refused(host: &str, why: &'static str) -> EgressError {
    EgressError::RedirectRefused { host: host.to_owned(), why }
}

fn only_type(headers: &HeaderMap) -> HeaderMap {
    headers
        .iter()
        .filter(|(name, _)| *name == CONTENT_TYPE)
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// What a failed exchange was about: a refusal of ours, time, or the other side.
pub(crate) fn failed(host: &str, error: &reqwest::Error) -> EgressError {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(source) = cause {
        if let Some(denied) = source.downcast_ref::<EgressError>() {
            return denied.clone();
        }
        cause = source.source();
    }
    if error.is_timeout() {
        return EgressError::Timeout { host: host.to_owned() };
    }
    // Without the URL, which may hold arguments.
    EgressError::Unreachable { host: host.to_owned(), text: error.source().map_or_else(|| error.to_string(), chain) }
}

/// An error with what caused it, on one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
