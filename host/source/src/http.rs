//! The HTTP client of one fetch: its own certificates, no proxy unasked, redirects only within the host.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, RequestBuilder, Url};

use crate::error::Reason;
use crate::{Auth, Credential, SourceError};

/// To connect.
pub(crate) const CONNECT: Duration = Duration::from_secs(10);
/// Longest silence of a remote.
pub(crate) const IDLE: Duration = Duration::from_secs(30);
/// Redirects of one request.
const REDIRECTS: usize = 3;
pub(crate) const USER_AGENT: &str = concat!("arena-fleet/", env!("CARGO_PKG_VERSION"));

/// A client that trusts the system's certificates and those of `auth`.
pub(crate) fn client(auth: &Auth) -> Result<Client, SourceError> {
    let mut builder = Client::builder()
        .connect_timeout(CONNECT)
        .read_timeout(IDLE)
        .redirect(Policy::custom(|attempt| {
            let same = attempt.previous().first().is_some_and(|first| is_same_place(first, attempt.url()));
            // A redirect that is not followed is an answer, which is refused with its own reason.
            if same && attempt.previous().len() <= REDIRECTS { attempt.follow() } else { attempt.stop() }
        }))
        .no_proxy()
        .referer(false)
        .user_agent(USER_AGENT);
    if let Some(ca) = &auth.ca {
        let broken = |why: String| Reason::SecretInvalid.because(format!("`ca.crt` of the Secret is no PEM: {why}"));
        let certificates = Certificate::from_pem_bundle(ca.as_bytes()).map_err(|error| broken(error.to_string()))?;
        if certificates.is_empty() {
            return Err(broken("it holds no certificate".to_owned()));
        }
        builder = builder.tls_certs_merge(certificates);
    }
    builder.build().map_err(|error| Reason::Failed.because(format!("no HTTP client can be made: {}", chain(&error))))
}

/// The same host and port, not from https to http.
fn is_same_place(from: &Url, to: &Url) -> bool {
    let upgrade = from.scheme() == "http" && to.scheme() == "https";
    let port = from.port_or_known_default() == to.port_or_known_default();
    from.host_str() == to.host_str() && (from.scheme() == to.scheme() && port || upgrade)
}

/// Adds the credential.
pub(crate) fn authorized(request: RequestBuilder, auth: &Auth) -> RequestBuilder {
    match &auth.credential {
        None => request,
        Some(Credential::Basic { username, password }) => request.basic_auth(username, Some(password)),
        Some(Credential::Bearer { token }) => request.bearer_auth(token),
    }
}

/// A request that got no answer, or lost it.
pub(crate) fn unreachable(error: &reqwest::Error, place: &str) -> SourceError {
    Reason::RemoteUnreachable.because(format!("{place} cannot be reached: {}", chain(error)))
}

/// The error with its causes, which the library leaves out.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_stay_within_the_host() {
        let same = |from: &str, to: &str| is_same_place(&Url::parse(from).unwrap(), &Url::parse(to).unwrap());
        assert!(same("https://h/a", "https://h/a.git"));
        assert!(same("http://h/a", "https://h/a"));
        assert!(same("https://h:443/a", "https://h/b"));
        for (from, to) in
            [("https://h/a", "http://h/a"), ("https://h/a", "https://g/a"), ("http://h/a", "http://h:81/a")]
        {
            assert!(!same(from, to), "{from} {to}");
        }
    }
}
