//! Credentials of a remote, and how they stand in a Secret.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::Reason;
use crate::{DockerConfig, DockerConfigError, SourceError};

/// What a remote gets to see, and whom we trust.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Auth {
    /// None if the remote is open.
    pub credential: Option<Credential>,
    /// Certificates in PEM that are trusted besides the system's.
    pub ca: Option<String>,
}

/// A credential.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Credential {
    Basic { username: String, password: String },
    Bearer { token: String },
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Basic { .. } => "Basic",
            Self::Bearer { .. } => "Bearer",
        })
    }
}

impl Auth {
    /// Reads the data of a Secret: `username` and `password`, or `bearerToken`, or `.dockerconfigjson` with an entry for
    /// the host of `url`; besides, `ca.crt`.
    pub fn from_secret(data: &BTreeMap<String, Vec<u8>>, url: &str) -> Result<Self, SourceError> {
        let text = |key: &str| {
            let bytes = data.get(key).map(|bytes| String::from_utf8(bytes.clone()));
            bytes.transpose().map_err(|_| Reason::SecretInvalid.because(format!("`{key}` of the Secret is not UTF-8")))
        };
        let password = text("password")?;
        let credential = match (text("username")?, password, text("bearerToken")?, text(".dockerconfigjson")?) {
            (None, None, None, None) => None,
            (Some(username), Some(password), None, None) => Some(Credential::Basic { username, password }),
            (None, None, Some(token), None) => Some(Credential::Bearer { token: token.trim().to_owned() }),
            (None, None, None, Some(json)) => docker(&json, url)?,
            _ => {
                let message = "the Secret must hold either `username` and `password`, or `bearerToken`, or \
                               `.dockerconfigjson`";
                return Err(Reason::SecretInvalid.because(message));
            }
        };
        let ca = text("ca.crt")?;
        if credential.is_none() && ca.is_none() && !data.contains_key(".dockerconfigjson") {
            let message = "the Secret holds none of `username`, `bearerToken`, `.dockerconfigjson`, `ca.crt`";
            return Err(Reason::SecretInvalid.because(message));
        }
        Ok(Self { credential, ca })
    }
}

/// The entry for the URL; none if there is no such entry.
fn docker(json: &str, url: &str) -> Result<Option<Credential>, SourceError> {
    let broken =
        |why: DockerConfigError| Reason::SecretInvalid.because(format!("`.dockerconfigjson` of the Secret {why}"));
    DockerConfig::parse(json.as_bytes()).and_then(|config| config.credential(url)).map_err(broken)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    fn read(data: &[(&str, &str)]) -> Result<Auth, SourceError> {
        let data = data.iter().map(|(key, value)| ((*key).to_owned(), value.as_bytes().to_vec())).collect();
        Auth::from_secret(&data, "oci://registry.example:5000/team/bundle:v1")
    }

    fn basic() -> Option<Credential> {
        Some(Credential::Basic { username: "u".into(), password: "p:q".into() })
    }

    #[test]
    fn secrets_of_every_shape_are_read() {
        assert_eq!(read(&[("username", "u"), ("password", "p:q")]).unwrap().credential, basic());
        let bearer = Some(Credential::Bearer { token: "t".into() });
        assert_eq!(
            read(&[("bearerToken", "t\n"), ("ca.crt", "pem")]).unwrap(),
            Auth { credential: bearer, ca: Some("pem".into()) }
        );
        let auth = STANDARD.encode("u:p:q");
        for (key, entry) in [
            ("registry.example:5000", format!(r#"{{"auth":"{auth}"}}"#)),
            ("https://registry.example:5000/v1/", r#"{"username":"u","password":"p:q"}"#.to_owned()),
        ] {
            let json = format!(r#"{{"auths":{{"other":{{}},"{key}":{entry}}}}}"#);
            assert_eq!(read(&[(".dockerconfigjson", &json)]).unwrap().credential, basic());
        }
        assert_eq!(read(&[(".dockerconfigjson", r#"{"auths":{}}"#)]).unwrap(), Auth::default());
    }

    #[test]
    fn what_says_nothing_or_too_much_is_refused() {
        for data in [
            [].as_slice(),
            &[("user", "u")],
            &[("username", "u")],
            &[("username", "u"), ("password", "p"), ("bearerToken", "t")],
            &[(".dockerconfigjson", "{")],
            &[(".dockerconfigjson", r#"{"auths":{"registry.example:5000":{"auth":"!"}}}"#)],
        ] {
            assert_eq!(read(data).unwrap_err().reason, Reason::SecretInvalid, "{data:?}");
        }
    }

    #[test]
    fn a_credential_does_not_print() {
        assert!(!format!("{:?}", basic()).contains("p:q"));
    }
}
