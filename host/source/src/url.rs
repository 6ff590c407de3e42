//! URLs of remotes: what is allowed in them, and where they lead instead.

use reqwest::Url;
use serde::{Deserialize, Serialize};

use crate::error::Reason;
use crate::{Credential, Source, SourceError};

/// URLs that start with `from` start with `to` instead, as Git's insteadOf has it. For air gaps and tests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mirror {
    /// Prefix as users write it.
    pub from: String,
    /// Prefix that is called.
    pub to: String,
}

/// The URL that is called: of the mirrors that fit, the longest counts.
pub fn mirrored(url: &str, mirrors: &[Mirror]) -> String {
    let fits = mirrors.iter().filter(|mirror| !mirror.from.is_empty() && url.starts_with(&mirror.from));
    match fits.max_by_key(|mirror| mirror.from.len()) {
        Some(mirror) => format!("{}{}", mirror.to, &url[mirror.from.len()..]),
        None => url.to_owned(),
    }
}

impl Source {
    /// The source that is called.
    pub(crate) fn mirrored(mut self, mirrors: &[Mirror]) -> Self {
        let (Self::Git(crate::GitSource { url, .. }) | Self::Oci(crate::OciSource { url, .. })) = &mut self;
        *url = mirrored(url, mirrors);
        self
    }
}

/// The URL of a repository, without a slash at the end.
pub(crate) fn git_url(url: &str, credential: Option<&Credential>) -> Result<Url, SourceError> {
    let refused = |why: &str| Reason::UrlInvalid.because(format!("{} is no URL to fetch from: {why}", shown(url)));
    let mut parsed = Url::parse(url).map_err(|error| refused(&error.to_string()))?;
    if !matches!(parsed.scheme(), "http" | "https") || parsed.host_str().is_none() {
        return Err(refused("it must start with https://"));
    }
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err(refused("credentials belong into a Secret"));
    }
    if parsed.query().is_some() || parsed.fragment().is_some() {
        return Err(refused("it has a query or a fragment"));
    }
    if credential.is_some() && parsed.scheme() == "http" && !is_loopback(&parsed) {
        let message = format!("{} is plain http, and credentials are not sent in clear: use https", shown(url));
        return Err(Reason::AuthenticationInsecure.because(message));
    }
    let path = parsed.path().trim_end_matches('/').to_owned();
    parsed.set_path(&path);
    Ok(parsed)
}

fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => {
            host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        None => false,
    }
}

/// A URL for an error text: without what may be a secret, and not too long.
pub(crate) fn shown(url: &str) -> String {
    let without = match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if at > scheme && !url[at..].starts_with("@sha256:") => {
            format!("{}://{}", &url[..scheme], &url[at + 1..])
        }
        _ => url.to_owned(),
    };
    without.split(['?', '#']).next().unwrap_or_default().chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_mirror_counts() {
        let mirror = |from: &str, to: &str| Mirror { from: from.into(), to: to.into() };
        let mirrors = [
            mirror("https://github.com/", "http://inside/gh/"),
            mirror("https://github.com/acme/", "http://inside/acme/"),
            mirror("oci://ghcr.io", "oci://localhost:5000"),
            mirror("", "http://everything/"),
        ];
        for (url, expected) in [
            ("https://github.com/acme/prompts", "http://inside/acme/prompts"),
            ("https://github.com/other/x", "http://inside/gh/other/x"),
            ("oci://ghcr.io/a/b:v1", "oci://localhost:5000/a/b:v1"),
            ("https://gitlab.com/a", "https://gitlab.com/a"),
        ] {
            assert_eq!(mirrored(url, &mirrors), expected);
        }
    }

    #[test]
    fn git_urls_are_checked() {
        let basic = Credential::Basic { username: "u".into(), password: "p".into() };
        assert_eq!(git_url("https://host/a/b/", None).unwrap().as_str(), "https://host/a/b");
        assert!(git_url("http://host/a", None).is_ok());
        assert!(git_url("http://127.0.0.1:8080/a", Some(&basic)).is_ok());
        assert!(git_url("http://[::1]:8080/a", Some(&basic)).is_ok());
        for url in
            ["", "file:///etc", "ssh://git@host/a", "git@host:a", "/etc", "https://u:p@host/a", "https://h/a?x=y"]
        {
            let error = git_url(url, None).unwrap_err();
            assert_eq!(error.reason, Reason::UrlInvalid, "{url}");
            assert!(!error.message.contains("u:p"), "{error}");
        }
        let error = git_url("http://host/a", Some(&basic)).unwrap_err();
        assert_eq!(error.reason, Reason::AuthenticationInsecure);
    }

    #[test]
    fn shown_urls_hold_no_secret() {
        assert_eq!(shown("https://user:secret@host/a?token=secret"), "https://host/a");
        assert_eq!(shown("oci://host/a@sha256:12"), "oci://host/a@sha256:12");
    }
}
