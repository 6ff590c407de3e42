//! Who may be called: hosts with their port, and networks beside the Internet where they may be.

use std::net::IpAddr;

use ipnet::IpNet;
use reqwest::Url;

use crate::address::{is_of_the_link, is_public};

/// Most entries of a list.
const ENTRIES: usize = 256;
/// Longest entry, bytes: the longest name of a host with its port.
const ENTRY_BYTES: usize = 260;

/// An entry that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{entry:?} {why}; write HOST, HOST:PORT or a network as 10.96.0.0/12")]
pub struct AllowError {
    entry: String,
    why: &'static str,
}

/// Hosts that may be called. The default allows nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowList {
    entries: Vec<String>,
    hosts: Vec<(String, u16)>,
    networks: Vec<IpNet>,
}

impl AllowList {
    /// Reads entries. `HOST` is a name or an address and means port 443, `HOST:PORT` that port. A network lets nobody be
    /// called by itself: named hosts may have addresses in it. An address is allowed by naming it, and so is the own
    /// machine as `localhost`; other names must have public addresses. Those of the link are never allowed.
    ///
    /// # Errors
    /// An entry that is none of these, or too many.
    pub fn parse<'a>(entries: impl IntoIterator<Item = &'a str>) -> Result<Self, AllowError> {
        let mut list = Self::default();
        for entry in entries {
            let wrong = |why| AllowError { entry: entry.chars().take(ENTRY_BYTES).collect(), why };
            if list.entries.len() >= ENTRIES {
                return Err(wrong("is one entry too many, 256 may be there"));
            }
            if entry.contains('/') {
                list.networks.push(entry.parse().map_err(|_| wrong("is no network"))?);
            } else {
                list.hosts.push(host(entry).map_err(wrong)?);
            }
            list.entries.push(entry.to_owned());
        }
        Ok(list)
    }

    /// As written.
    pub fn entries(&self) -> &[String] {
        &self.entries
    }

    /// Whether a host with this port is named. IPv6 addresses stand in brackets, as in URLs.
    pub(crate) fn has(&self, host: &str, port: u16) -> bool {
        self.hosts.iter().any(|(name, known)| name == host && *known == port)
    }

    /// Whether `host`, which is named, may be at `address`.
    pub(crate) fn may_be_at(&self, host: &str, address: IpAddr) -> bool {
        let own = host == "localhost" && address.is_loopback();
        let named = literal(host) == Some(address);
        let network = || self.networks.iter().any(|network| network.contains(&address));
        !is_of_the_link(address) && (own || named || is_public(address) || network())
    }
}

/// The address that a URL's host is, if it is one.
fn literal(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// A host as URLs have it, in small letters and without other ways to write an address, and its port.
fn host(entry: &str) -> Result<(String, u16), &'static str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:[]".contains(c) || !c.is_ascii();
    if entry.is_empty() || entry.len() > ENTRY_BYTES || !entry.chars().all(plain) {
        return Err("is no host");
    }
    let url = Url::parse(&format!("https://{entry}/")).map_err(|_| "is no host")?;
    let host = url.host_str().ok_or("is no host")?;
    if literal(host).is_some_and(is_of_the_link) {
        return Err("is an address of the link, where clouds give out keys");
    }
    Ok((host.to_owned(), url.port_or_known_default().unwrap_or(443)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(entries: &[&str]) -> AllowList {
        AllowList::parse(entries.iter().copied()).unwrap()
    }

    #[test]
    fn a_host_is_allowed_with_its_port_alone() {
        let list = list(&["API.example.com", "tools.example:8443", "127.0.0.1:80", "[::1]:8080"]);
        for (host, port, allowed) in [
            ("api.example.com", 443, true),
            ("api.example.com", 80, false),
            ("example.com", 443, false),
            ("x.api.example.com", 443, false),
            ("api.example.com.", 443, false),
            ("tools.example", 8443, true),
            ("tools.example", 443, false),
            ("127.0.0.1", 80, true),
            ("localhost", 80, false),
            ("[::1]", 8080, true),
        ] {
            assert_eq!(list.has(host, port), allowed, "{host}:{port}");
        }
        assert!(!AllowList::default().has("api.example.com", 443));
    }

    #[test]
    fn only_what_is_named_may_be_inside() {
        let list = list(&["api.example", "localhost:1", "127.0.0.1:2", "10.96.0.0/12", "169.254.0.0/16"]);
        for (host, address, allowed) in [
            ("api.example", "8.8.8.8", true),
            ("api.example", "127.0.0.1", false),
            ("api.example", "10.96.3.4", true),
            ("api.example", "10.2.3.4", false),
            ("localhost", "127.0.0.1", true),
            ("localhost", "::1", true),
            ("localhost", "10.2.3.4", false),
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "127.0.0.2", false),
            ("api.example", "169.254.169.254", false),
        ] {
            assert_eq!(list.may_be_at(host, address.parse().unwrap()), allowed, "{host} at {address}");
        }
    }

    #[test]
    fn what_is_no_entry_is_refused() {
        for entry in [
            "",
            "https://x",
            "a b",
            "x@y",
            "x:70000",
            "10.0.0.0/33",
            "x/y",
            "a?b",
            "a#b",
            "*.example.com",
            "[",
            "169.254.169.254:80",
            "[fe80::1]",
        ] {
            assert!(AllowList::parse([entry]).is_err(), "{entry}");
        }
        let many: Vec<String> = (0..=ENTRIES).map(|n| format!("h{n}")).collect();
        assert!(AllowList::parse(many.iter().take(ENTRIES).map(String::as_str)).is_ok());
        assert!(AllowList::parse(many.iter().map(String::as_str)).is_err());
    }
}
