//! Amazon's signature, version 4.

use std::fmt;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use reqwest::Request;
use reqwest::header::HeaderName;
use serde::Deserialize;

use super::sensitive;
use crate::error::Cause;

const SERVICE: &str = "bedrock";

/// Signs requests of one account in one region.
pub(crate) struct Signer {
    credentials: Credentials,
    region: String,
}

/// Never shows the key.
impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("region", &self.region).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Keys {
    #[serde(alias = "AccessKeyId")]
    aws_access_key_id: String,
    #[serde(alias = "SecretAccessKey")]
    aws_secret_access_key: String,
    #[serde(default, alias = "SessionToken", alias = "Token")]
    aws_session_token: Option<String>,
}

impl Signer {
    /// Reads access keys: JSON as Amazon's tools print it, or the lines of a credentials file (`aws_access_key_id = ...`;
    /// the first profile). None if the text is neither: then it is a bearer token.
    pub(super) fn parse(text: &str, region: &str) -> Result<Option<Self>, Cause> {
        let keys = if text.starts_with('{') {
            let wrong = |_| Cause::KeyInvalid { text: "it is JSON without AccessKeyId and SecretAccessKey".to_owned() };
            serde_json::from_str::<Keys>(text).map_err(wrong)?
        } else if text.contains("aws_access_key_id") {
            let wrong =
                || Cause::KeyInvalid { text: "it has aws_access_key_id without aws_secret_access_key".to_owned() };
            from_lines(text).ok_or_else(wrong)?
        } else {
            return Ok(None);
        };
        let Keys { aws_access_key_id, aws_secret_access_key, aws_session_token } = keys;
        let credentials =
            Credentials::new(aws_access_key_id, aws_secret_access_key, aws_session_token, None, "settings");
        Ok(Some(Self { credentials, region: region.to_owned() }))
    }

    /// Adds the headers of a signature made at `time`.
    pub(super) fn sign(&self, request: &mut Request, time: SystemTime) -> Result<(), Cause> {
        let failed =
            |error: &dyn fmt::Display| Cause::KeyInvalid { text: format!("the request cannot be signed: {error}") };
        let identity = self.credentials.clone().into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(SERVICE)
            .time(time)
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| failed(&error))?
            .into();
        let headers = request.headers().iter();
        let headers: Vec<_> = headers.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).collect();
        let body = request.body().and_then(reqwest::Body::as_bytes).unwrap_or_default();
        let signable = SignableRequest::new(
            request.method().as_str(),
            request.url().as_str(),
            headers.into_iter(),
            SignableBody::Bytes(body),
        );
        let signed = sign(signable.map_err(|error| failed(&error))?, &parameters).map_err(|error| failed(&error))?;
        let (instructions, _) = signed.into_parts();
        for (name, value) in instructions.headers() {
            let parsed = HeaderName::try_from(name).map_err(|error| failed(&error))?;
            request.headers_mut().insert(parsed, sensitive(name, value)?);
        }
        Ok(())
    }
}

fn from_lines(text: &str) -> Option<Keys> {
    // Each heading begins another profile; the first with a key counts.
    let mut profiles = text.split("\n[");
    let profile = profiles.find(|profile| profile.contains("aws_access_key_id"))?;
    let find = |name: &str| {
        profile.lines().find_map(|line| {
            let (key, value) = line.split_once('=')?;
            (key.trim() == name).then(|| value.trim().to_owned()).filter(|value| !value.is_empty())
        })
    };
    Some(Keys {
        aws_access_key_id: find("aws_access_key_id")?,
        aws_secret_access_key: find("aws_secret_access_key")?,
        aws_session_token: find("aws_session_token"),
    })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use reqwest::header::AUTHORIZATION;
    use reqwest::{Method, Url};

    use super::*;

    #[derive(Deserialize)]
    struct Line {
        method: String,
        url: String,
        headers: Vec<(String, String)>,
        body: String,
        access_key: String,
        secret_key: String,
        session_token: Option<String>,
        region: String,
        time: u64,
        x_amz_date: String,
        authorization: String,
    }

    #[test]
    fn a_profile_is_read_by_itself() {
        let text = "[default]\naws_access_key_id = A\naws_secret_access_key = S\n[other]\naws_access_key_id = B\naws_session_token = T\n";
        let keys = from_lines(text).unwrap();
        assert_eq!((keys.aws_access_key_id.as_str(), keys.aws_session_token), ("A", None));
    }

    /// What botocore makes of random requests: `tests/sdk/signatures.py 60 7`. ARENA_SIGNATURES names another such file.
    #[test]
    fn signatures_are_botocores() {
        let more = std::env::var_os("ARENA_SIGNATURES").map(|path| std::fs::read_to_string(path).unwrap());
        let lines = more.as_deref().unwrap_or(include_str!("signatures.jsonl"));
        for line in lines.lines() {
            let line: Line = serde_json::from_str(line).unwrap();
            let mut request =
                Request::new(Method::from_bytes(line.method.as_bytes()).unwrap(), Url::parse(&line.url).unwrap());
            assert_eq!(request.url().as_str(), line.url);
            for (name, value) in &line.headers {
                request.headers_mut().insert(HeaderName::try_from(name).unwrap(), value.parse().unwrap());
            }
            *request.body_mut() = Some(line.body.into());
            let credentials = Credentials::new(line.access_key, line.secret_key, line.session_token, None, "test");
            let signer = Signer { credentials, region: line.region };
            signer.sign(&mut request, UNIX_EPOCH + Duration::from_secs(line.time)).unwrap();
            assert_eq!(request.headers()["x-amz-date"], line.x_amz_date);
            assert_eq!(request.headers()[AUTHORIZATION], line.authorization, "{}", line.url);
        }
    }
}
