//! What is sent.

use std::time::Instant;

use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::error::EgressError;

/// Methods that may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Method {
    Get,
    Head,
    Delete,
    Post,
    Put,
    Patch,
}

/// Names as documents have them.
const METHODS: [(&str, Method); 6] = [
    ("GET", Method::Get),
    ("HEAD", Method::Head),
    ("DELETE", Method::Delete),
    ("POST", Method::Post),
    ("PUT", Method::Put),
    ("PATCH", Method::Patch),
];

impl Method {
    /// The method of this name, in letters of any case.
    pub fn named(name: &str) -> Option<Self> {
        METHODS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, method)| *method)
    }

    /// Whether arguments go into its body.
    pub fn has_body(self) -> bool {
        matches!(self, Self::Post | Self::Put | Self::Patch)
    }

    pub(crate) fn wire(self) -> reqwest::Method {
        match self {
            Self::Get => reqwest::Method::GET,
            Self::Head => reqwest::Method::HEAD,
            Self::Delete => reqwest::Method::DELETE,
            Self::Post => reqwest::Method::POST,
            Self::Put => reqwest::Method::PUT,
            Self::Patch => reqwest::Method::PATCH,
        }
    }
}

/// One request with all its redirects.
#[derive(Clone, Debug)]
pub struct Request {
    /// What to do.
    pub method: Method,
    /// `http` or `https`.
    pub url: String,
    /// In their order; a later one replaces an earlier one of the same name.
    pub headers: Vec<(String, String)>,
    /// Sent as it is.
    pub body: Option<Bytes>,
    /// Nothing goes on after it, the reading of the answer included.
    pub deadline: Instant,
}

/// Headers of the connection, which are not the caller's to set.
const OWN: [&str; 11] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Most headers of a request.
const HEADERS: usize = 64;

pub(crate) fn headers(given: &[(String, String)]) -> Result<HeaderMap, EgressError> {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let invalid = || EgressError::HeaderInvalid { name: name.chars().take(HEADERS).collect() };
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid())?;
        let mut value = HeaderValue::from_str(value).map_err(|_| invalid())?;
        if OWN.contains(&name.as_str()) || headers.len() >= HEADERS {
            return Err(invalid());
        }
        // Any header may hold a key.
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_the_connection_are_not_to_be_set() {
        let one = |name: &str, value: &str| headers(&[(name.to_owned(), value.to_owned())]);
        for (name, value) in [("Host", "x"), ("CONTENT-LENGTH", "3"), ("a b", "x"), ("", "x"), ("x", "a\r\nb: c")] {
            assert!(one(name, value).is_err(), "{name}");
        }
        assert_eq!(one("X-Key", "k").unwrap()["x-key"], "k");
        let many: Vec<_> = (0..=HEADERS).map(|n| (format!("x-{n}"), String::new())).collect();
        assert!(headers(&many[..HEADERS]).is_ok());
        assert!(headers(&many).is_err());
    }

    #[test]
    fn methods_have_names() {
        assert_eq!(Method::named("post"), Some(Method::Post));
        assert_eq!(Method::named("CONNECT"), None);
        assert_eq!(METHODS.iter().filter(|(_, method)| method.has_body()).count(), 3);
    }
}
