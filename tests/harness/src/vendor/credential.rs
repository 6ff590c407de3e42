//! Who a request says it comes from.

use hyper::header::AUTHORIZATION;
use hyper::{HeaderMap, Uri};

/// Headers whose whole value is a key.
const KEY_HEADERS: [&str; 3] = ["x-api-key", "x-goog-api-key", "api-key"];

/// True if the request has a credential, and no other one than `key`.
pub(super) fn is(key: &str, uri: &Uri, headers: &HeaderMap) -> bool {
    let values = |name| headers.get_all(name).into_iter().map(|value| value.to_str().unwrap_or_default());
    let authorizations = values(AUTHORIZATION.as_str()).map(|value| match value.split_once(' ') {
        Some(("AWS4-HMAC-SHA256", rest)) => {
            let scope = rest.trim_start().strip_prefix("Credential=");
            scope.and_then(|scope| scope.split_once('/')).map_or("", |(id, _)| id)
        }
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token,
        _ => "",
    });
    let keys = KEY_HEADERS.into_iter().flat_map(values);
    let query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let parameters: Vec<_> = query.filter(|(name, _)| name == "key").map(|(_, value)| value).collect();
    let mut found = authorizations.chain(keys).chain(parameters.iter().map(AsRef::as_ref)).peekable();
    found.peek().is_some() && found.all(|one| one == key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_counts_and_none_may_differ() {
        let check = |uri: &str, headers: &[(&'static str, &'static str)]| {
            let header = |(name, value): &(&'static str, &'static str)| (name.parse().unwrap(), value.parse().unwrap());
            is("k", &uri.parse().unwrap(), &HeaderMap::from_iter(headers.iter().map(header)))
        };
        let aws = "AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/bedrock/aws4_request, SignedHeaders=host";
        for name in ["x-api-key", "x-goog-api-key", "api-key"] {
            assert!(check("/", &[(name, "k")]));
        }
        assert!(check("/", &[("authorization", "Bearer k")]));
        assert!(check("/", &[("authorization", aws)]));
        assert!(check("/?alt=sse&key=k", &[]));
        assert!(!check("/", &[]));
        assert!(!check("/", &[("authorization", "k")]));
        assert!(!check("/?key=other", &[("x-goog-api-key", "k")]));
    }
}
