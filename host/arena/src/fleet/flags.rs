//! What flags of a fleet's processes may say, so that a wrong one is told before anything starts.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use arena_source::Mirror;
use k8s_openapi::api::core::v1::ResourceRequirements;
use serde_json::Value;

/// Longest name of a namespace, and of an object.
const NAMESPACE: usize = 63;
const OBJECT: usize = 253;
/// Longest list of hosts.
const HOSTS: usize = 4096;
/// Longest name of an image.
const IMAGE: usize = 1024;

/// An address as flags have it: `HOST:PORT`, or `:PORT` for every address of the machine.
pub fn listen_on(text: &str) -> Result<SocketAddr, String> {
    let whole = if text.starts_with(':') { format!("0.0.0.0{text}") } else { text.to_owned() };
    whole.parse().map_err(|_| "write it as HOST:PORT with a numeric address, or as :PORT".to_owned())
}

/// The name of a namespace.
pub fn namespace(text: &str) -> Result<String, String> {
    name(text, NAMESPACE, false)
}

/// The name or UID of an object.
pub fn object(text: &str) -> Result<String, String> {
    name(text, OBJECT, true)
}

fn name(text: &str, longest: usize, dots: bool) -> Result<String, String> {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || (dots && c == '.');
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let good = edge(text.chars().next()) && edge(text.chars().last()) && text.chars().all(inner);
    match good && text.len() <= longest {
        true => Ok(text.to_owned()),
        false => Err(format!("a name has lower-case letters, digits and dashes, {longest} at most")),
    }
}

/// `NAMESPACE/NAME`.
pub fn lease(text: &str) -> Result<(String, String), String> {
    let (space, name) = text.split_once('/').ok_or("write it as NAMESPACE/NAME")?;
    Ok((namespace(space)?, object(name)?))
}

/// The URL of a store, without a login.
pub fn store_url(text: &str) -> Result<String, String> {
    url(text, &["http", "https"], "http://HOST:PORT")
}

/// A proxy, which all pods show to whoever may look at them, so without a login.
pub fn proxy(text: &str) -> Result<String, String> {
    url(text, &["http", "https"], "http://HOST:PORT")
}

/// Names, addresses and networks, separated by commas.
pub fn hosts(text: &str) -> Result<String, String> {
    let good = !text.is_empty() && text.len() <= HOSTS && text.chars().all(|c| c.is_ascii_graphic());
    if good { Ok(text.to_owned()) } else { Err(format!("write it as HOST,HOST, {HOSTS} characters at most")) }
}

/// The URL of Redis as workers are told of it, without a login: each job has its own.
pub fn redis_worker_url(text: &str) -> Result<String, String> {
    url(text, &["redis", "rediss"], "redis://HOST:PORT")
}

fn url(text: &str, schemes: &[&str], form: &str) -> Result<String, String> {
    let (scheme, rest) = text.split_once("://").unwrap_or_default();
    let authority = rest.split('/').next().unwrap_or_default();
    if !schemes.contains(&scheme) || authority.is_empty() || text.contains(char::is_whitespace) {
        return Err(format!("write it as {form}"));
    }
    if authority.contains('@') {
        return Err(format!("write it as {form}, without user and password"));
    }
    // What stands in brackets is an address with colons of its own.
    let after_host = authority.rsplit_once(']').map_or(authority, |(_, rest)| rest);
    match after_host.split_once(':') {
        Some((_, port)) if port.parse::<u16>().is_err() => Err(format!("{port:?} is no port; write it as {form}")),
        _ => Ok(text.trim_end_matches('/').to_owned()),
    }
}

/// How long a worker may be silent.
pub fn queue_lease(text: &str) -> Result<Duration, String> {
    between(text, Duration::from_secs(1)..=Duration::from_secs(3600), "1s to 1h")
}

/// How long credentials outlive a deadline.
pub fn token_grace(text: &str) -> Result<Duration, String> {
    between(text, Duration::ZERO..=Duration::from_secs(30 * 24 * 3600), "0s to 30days")
}

/// The name of an image.
pub fn image(text: &str) -> Result<String, String> {
    let good = !text.is_empty() && text.len() <= IMAGE && text.chars().all(|c| c.is_ascii_graphic());
    if good { Ok(text.to_owned()) } else { Err("write it as HOST/REPOSITORY:TAG or HOST/REPOSITORY@DIGEST".to_owned()) }
}

/// From one sweep to the next.
pub fn sweep_every(text: &str) -> Result<Duration, String> {
    between(text, Duration::from_secs(1)..=Duration::from_secs(30 * 24 * 3600), "1s to 30days")
}

/// How long a person's token is good.
pub fn valid(text: &str) -> Result<Duration, String> {
    between(text, Duration::from_secs(1)..=Duration::from_secs(366 * 24 * 3600), "1s to 366days")
}

fn between(text: &str, range: RangeInclusive<Duration>, shown: &str) -> Result<Duration, String> {
    let found = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if range.contains(&found) { Ok(found) } else { Err(format!("it must be from {shown}")) }
}

/// A container's `resources`.
pub fn resources(text: &str) -> Result<ResourceRequirements, String> {
    let wrong = |error: serde_json::Error| format!("it is no JSON of resources: {error}");
    let value: Value = serde_json::from_str(text).map_err(wrong)?;
    let known = ["claims", "limits", "requests"];
    match value.as_object().and_then(|object| object.keys().find(|key| !known.contains(&key.as_str()))) {
        Some(key) => Err(format!("{key:?} is none of {}", known.join(", "))),
        None => serde_json::from_value(value).map_err(wrong),
    }
}

/// `PREFIX=URL`.
pub fn mirror(text: &str) -> Result<Mirror, String> {
    // A URL may have `=` in it; a prefix of a host hardly.
    match text.split_once('=') {
        Some((from, to)) if !from.is_empty() && !to.is_empty() => Ok(Mirror { from: from.into(), to: to.into() }),
        _ => Err("write it as PREFIX=URL, for example https://github.com/=https://git.internal/mirror/".to_owned()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_is_every_address() {
        assert_eq!(listen_on(":8080").unwrap().to_string(), "0.0.0.0:8080");
        assert_eq!(listen_on("127.0.0.1:0").unwrap().to_string(), "127.0.0.1:0");
        assert!(listen_on("8080").unwrap_err().contains(":PORT"));
    }

    #[test]
    fn names_are_those_of_kubernetes() {
        for good in ["default", "team-a", "0a"] {
            assert_eq!(namespace(good).unwrap(), good);
        }
        for wrong in ["", "A", "-a", "a-", "a.b", "a/b", &"a".repeat(64)] {
            assert!(namespace(wrong).is_err(), "{wrong}");
        }
        assert_eq!(lease("fleet/arena.operator").unwrap(), ("fleet".into(), "arena.operator".into()));
        assert!(lease("a/b/c").is_err() && lease("a/").is_err() && lease("a").is_err());
    }

    #[test]
    fn urls_are_whole_and_hold_no_login() {
        assert_eq!(store_url("http://store:8080/").unwrap(), "http://store:8080");
        assert_eq!(redis_worker_url("rediss://r:1").unwrap(), "rediss://r:1");
        assert_eq!(store_url("http://[::1]:8080").unwrap(), "http://[::1]:8080");
        for wrong in ["junk", "ftp://h", "http://", "http://u:p@h", "http://h h", "http://h:99999", "http://[::1]:x"] {
            assert!(store_url(wrong).is_err(), "{wrong}");
        }
        assert!(redis_worker_url("redis://u:p@h").unwrap_err().contains("without user"));
    }

    #[test]
    fn times_have_bounds_and_resources_known_keys() {
        assert!(token_grace("31days").is_err() && token_grace("0s").is_ok());
        assert!(image("").is_err() && image("a b").is_err() && image("r.example/arena:1").is_ok());
        assert!(sweep_every("0s").is_err() && valid("1000years").is_err() && queue_lease("999ms").is_err());
        assert_eq!(queue_lease("1s").unwrap(), Duration::from_secs(1));
        assert!(resources(r#"{"limit": {"cpu": "1"}}"#).unwrap_err().contains("\"limit\" is none of"));
        assert!(resources(r#"{"limits": {"cpu": "1"}}"#).unwrap().limits.is_some());
    }
}
