//! The Docker config (`~/.docker/config.json`, the `.dockerconfigjson` of a Secret), as far as it holds credentials. The
//! programs that it may leave them to are never run.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::Credential;

/// How Docker calls its own registry in the config, and the other names of that.
const HUB: (&str, [&str; 2]) = ("index.docker.io", ["docker.io", "registry-1.docker.io"]);
/// Ends of a key that name no namespace.
const API: [&str; 2] = ["v1", "v2"];

/// A Docker config.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DockerConfig {
    auths: BTreeMap<String, Entry>,
    creds_store: String,
    cred_helpers: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    auth: String,
    username: String,
    password: String,
    identitytoken: String,
    registrytoken: String,
}

/// Why a config gives no credential where it should. Holds nothing of the config but names.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DockerConfigError {
    /// It cannot be read.
    #[error("is no Docker config (line {line}, column {column})")]
    Malformed {
        /// One-based.
        line: usize,
        /// One-based.
        column: usize,
    },
    /// An entry without what it is for.
    #[error("has an entry for {key:?} {why}")]
    Entry {
        /// As it stands there.
        key: String,
        /// What it lacks.
        why: &'static str,
    },
    /// Another program has the credential.
    #[error("leaves the credentials of {host:?} to docker-credential-{helper}, which is not run")]
    Helper {
        /// The registry.
        host: String,
        /// The program's name without its prefix.
        helper: String,
    },
}

impl DockerConfig {
    /// Reads a config.
    pub fn parse(json: &[u8]) -> Result<Self, DockerConfigError> {
        // The text of the library may repeat a secret.
        serde_json::from_slice(json)
            .map_err(|error| DockerConfigError::Malformed { line: error.line(), column: error.column() })
    }

    /// The credential for what `url` names: that of the longest namespace, as podman writes them, else of the host. None
    /// if the config does not know the host.
    pub fn credential(&self, url: &str) -> Result<Option<Credential>, DockerConfigError> {
        let (host, repository) = place(url);
        let entries = self.auths.iter().filter(|(key, _)| covers(key, host, repository));
        let entry = entries.max_by_key(|(key, _)| namespace(key).1.len());
        let helper = self.cred_helpers.iter().find(|(key, _)| covers(key, host, repository)).map(|(_, helper)| helper);
        let helper = helper.or_else(|| entry.map(|_| &self.creds_store)).filter(|helper| !helper.is_empty());
        match (entry, helper) {
            (Some((_, entry)), Some(helper)) if entry.is_empty() => Err(left(host, helper)),
            (None, Some(helper)) => Err(left(host, helper)),
            (None, None) => Ok(None),
            (Some((key, entry)), _) => match entry.credential() {
                Ok(credential) => Ok(Some(credential)),
                Err(why) => Err(DockerConfigError::Entry { key: key.clone(), why }),
            },
        }
    }
}

fn left(host: &str, helper: &str) -> DockerConfigError {
    DockerConfigError::Helper { host: host.to_owned(), helper: helper.to_owned() }
}

impl Entry {
    fn is_empty(&self) -> bool {
        [&self.auth, &self.username, &self.password, &self.identitytoken, &self.registrytoken]
            .iter()
            .all(|text| text.is_empty())
    }

    fn credential(&self) -> Result<Credential, &'static str> {
        if !self.registrytoken.is_empty() {
            return Ok(Credential::Bearer { token: self.registrytoken.clone() });
        }
        let (username, password) = match self.auth.is_empty() {
            true => (self.username.clone(), self.password.clone()),
            false => pair(&self.auth).ok_or("whose `auth` is not user and password in base64")?,
        };
        // Registries that give out identity tokens take one as the password of its user.
        let password = if password.is_empty() { self.identitytoken.clone() } else { password };
        if username.is_empty() || password.is_empty() {
            return Err("without user and password");
        }
        Ok(Credential::Basic { username, password })
    }
}

fn pair(auth: &str) -> Option<(String, String)> {
    let text = String::from_utf8(STANDARD.decode(auth.trim()).ok()?).ok()?;
    let (username, password) = text.split_once(':')?;
    // Some writers of old pad it.
    Some((username.to_owned(), password.trim_end_matches('\0').to_owned()))
}

/// Host and path of a URL or a key, without tag and digest.
fn place(text: &str) -> (&str, &str) {
    let text = text.split_once("://").map_or(text, |(_, rest)| rest);
    let (host, path) = text.split_once('/').unwrap_or((text, ""));
    let path = path.split(['@', ':']).next().unwrap_or_default().trim_end_matches('/');
    (if HUB.1.contains(&host) { HUB.0 } else { host }, path)
}

/// Host and namespace of a key; empty if it is for the whole host.
fn namespace(key: &str) -> (&str, &str) {
    let (host, path) = place(key);
    (host, if API.contains(&path) { "" } else { path })
}

fn covers(key: &str, host: &str, repository: &str) -> bool {
    let (of, namespace) = namespace(key);
    let within = || repository.strip_prefix(namespace).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    of == host && (namespace.is_empty() || within())
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "oci://registry.example:5000/team/bundle:v1";

    fn found(json: &str, url: &str) -> Result<Option<Credential>, DockerConfigError> {
        DockerConfig::parse(json.as_bytes())?.credential(url)
    }

    fn basic(username: &str, password: &str) -> Option<Credential> {
        Some(Credential::Basic { username: username.into(), password: password.into() })
    }

    /// A config with one entry.
    fn entry(key: &str, entry: &str) -> String {
        format!(r#"{{"auths":{{"other.example":{{"auth":"!"}},"{key}":{entry}}},"credsStore":"","psFormat":"x"}}"#)
    }

    #[test]
    fn entries_of_every_shape_are_read() {
        let encoded = |pair: &str| format!(r#""auth":"{}""#, STANDARD.encode(pair));
        for (text, expected) in [
            (format!("{{{}}}", encoded("u:p:q")), basic("u", "p:q")),
            (r#"{"username":"u","password":"p"}"#.to_owned(), basic("u", "p")),
            (format!(r#"{{{},"identitytoken":"it"}}"#, encoded("00000000-0000:")), basic("00000000-0000", "it")),
            (
                format!(r#"{{{},"registrytoken":"rt"}}"#, encoded("u:p")),
                Some(Credential::Bearer { token: "rt".into() }),
            ),
        ] {
            assert_eq!(found(&entry("registry.example:5000", &text), URL), Ok(expected), "{text}");
        }
    }

    #[test]
    fn the_host_and_the_longest_namespace_count() {
        let user = |name: &str| format!(r#"{{"username":"{name}","password":"p"}}"#);
        for key in [
            "registry.example:5000",
            "https://registry.example:5000/v1/",
            "http://registry.example:5000",
            "registry.example:5000/team",
        ] {
            assert_eq!(found(&entry(key, &user("u")), URL), Ok(basic("u", "p")), "{key}");
        }
        for key in
            ["registry.example", "registry.example:5000/tea", "registry.example:5000/team/bundle/more", "example:5000"]
        {
            assert_eq!(found(&entry(key, &user("u")), URL), Ok(None), "{key}");
        }
        let both = format!(
            r#"{{"auths":{{"registry.example:5000":{},"registry.example:5000/team":{}}}}}"#,
            user("host"),
            user("team")
        );
        assert_eq!(found(&both, URL), Ok(basic("team", "p")));
        assert_eq!(found(&both, "oci://registry.example:5000/b@sha256:12"), Ok(basic("host", "p")));
        let hub = entry("https://index.docker.io/v1/", &user("u"));
        assert_eq!(found(&hub, "oci://docker.io/team/bundle"), Ok(basic("u", "p")));
    }

    #[test]
    fn helpers_are_named_where_they_have_the_credential() {
        let host = "registry.example:5000".to_owned();
        let error = |helper: &str| Err(DockerConfigError::Helper { host: host.clone(), helper: helper.into() });
        let store = |auths: &str| format!(r#"{{"auths":{{{auths}}},"credsStore":"desktop"}}"#);
        assert_eq!(found(&store(r#""registry.example:5000":{}"#), URL), error("desktop"));
        assert_eq!(found(r#"{"credHelpers":{"registry.example:5000":"ecr-login"}}"#, URL), error("ecr-login"));
        assert_eq!(found(r#"{"credHelpers":{"other.example":"ecr-login"}}"#, URL), Ok(None));
        assert_eq!(found(&store(""), URL), Ok(None), "nobody logged in there");
        let plain = store(r#""registry.example:5000":{"username":"u","password":"p"}"#);
        assert_eq!(found(&plain, URL), Ok(basic("u", "p")));
    }

    #[test]
    fn what_is_wrong_is_said_without_the_secret() {
        for text in ["{}", r#"{"auth":"!"}"#, r#"{"username":"u"}"#, r#"{"identitytoken":"hidden"}"#] {
            let error = found(&entry("registry.example:5000", text), URL).unwrap_err();
            assert!(matches!(error, DockerConfigError::Entry { .. }), "{text}: {error}");
            assert!(!error.to_string().contains("hidden"), "{error}");
        }
        let error = found(r#"{"auths": {"a": "hidden"}}"#, URL).unwrap_err();
        assert_eq!(error, DockerConfigError::Malformed { line: 1, column: 24 });
        assert_eq!(found("", URL).unwrap_err().to_string(), "is no Docker config (line 1, column 0)");
    }
}
