//! The client of a registry, and what its errors mean.

use arena_model::Digest;
use oci_client::client::{Certificate, CertificateEncoding, ClientConfig, ClientProtocol};
use oci_client::errors::{OciDistributionError, OciErrorCode};
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference};

use crate::error::Reason;
use crate::http::{CONNECT, IDLE, USER_AGENT, chain};
use crate::url::shown;
use crate::{Auth, Credential, OciSource, SourceError};

const SCHEME: &str = "oci://";

/// A registry, and one artifact in it.
pub(super) struct Registry {
    pub(super) client: Client,
    pub(super) auth: RegistryAuth,
    pub(super) reference: Reference,
    url: String,
}

impl Registry {
    pub(super) fn new(source: &OciSource, auth: &Auth) -> Result<Self, SourceError> {
        let url = shown(&source.url);
        let wrong = |why: &str| Reason::UrlInvalid.because(format!("{url} is no artifact: {why}"));
        let rest = source.url.strip_prefix(SCHEME).ok_or_else(|| wrong("it must start with oci://"))?;
        let (host, repository) = rest.split_once('/').unwrap_or((rest, ""));
        // Without a host the library would take Docker's.
        if !(host.contains(['.', ':']) || host == "localhost") || host.contains('@') || repository.is_empty() {
            return Err(wrong("it must name a registry and a repository, as oci://host/repository:tag"));
        }
        let reference = Reference::try_from(rest).map_err(|error| wrong(&error.to_string()))?;
        let certificate =
            |pem: &String| Certificate { encoding: CertificateEncoding::Pem, data: pem.clone().into_bytes() };
        let config = ClientConfig {
            protocol: if source.insecure { ClientProtocol::Http } else { ClientProtocol::Https },
            extra_root_certificates: auth.ca.iter().map(certificate).collect(),
            connect_timeout: Some(CONNECT),
            read_timeout: Some(IDLE),
            user_agent: USER_AGENT,
            platform_resolver: None,
            ..ClientConfig::default()
        };
        // Not `Client::new`, which goes on without our certificates where those cannot be read.
        let client = Client::try_from(config)
            .map_err(|error| Reason::SecretInvalid.because(format!("no client for {url}: {}", chain(&error))))?;
        let auth = match &auth.credential {
            None => RegistryAuth::Anonymous,
            Some(Credential::Basic { username, password }) => RegistryAuth::Basic(username.clone(), password.clone()),
            Some(Credential::Bearer { token }) => RegistryAuth::Bearer(token.clone()),
        };
        Ok(Self { client, auth, reference, url })
    }

    /// What an error of the library means.
    pub(super) fn error(&self, error: OciDistributionError) -> SourceError {
        let url = &self.url;
        let missing = || Reason::RefNotFound.because(format!("{url} does not exist; mend the repository or the tag"));
        let refused = || {
            let what =
                if self.auth == RegistryAuth::Anonymous { "wants credentials" } else { "refuses the credentials" };
            Reason::AuthenticationFailed.because(format!("{url} {what}, or does not exist; mend the credentials"))
        };
        match &error {
            OciDistributionError::UnauthorizedError { .. } | OciDistributionError::AuthenticationFailure(_) => {
                refused()
            }
            OciDistributionError::ServerError { code: 401 | 403, .. } => refused(),
            OciDistributionError::RequestError(error) if matches!(status(error), 401 | 403) => refused(),
            OciDistributionError::RequestError(error) if status(error) == 404 => missing(),
            OciDistributionError::ServerError { code: 404, .. }
            | OciDistributionError::ImageManifestNotFoundError(_) => missing(),
            OciDistributionError::ServerError { code, .. } => {
                let reason =
                    if *code >= 500 || *code == 429 { Reason::RemoteUnreachable } else { Reason::RemoteInvalid };
                reason.because(format!("{url}: the registry answers {code}; try again later"))
            }
            OciDistributionError::RegistryError { envelope, .. } => {
                let has = |codes: &[OciErrorCode]| envelope.errors.iter().any(|error| codes.contains(&error.code));
                if has(&[OciErrorCode::Unauthorized, OciErrorCode::Denied]) {
                    refused()
                } else if has(&[OciErrorCode::ManifestUnknown, OciErrorCode::NameUnknown, OciErrorCode::BlobUnknown]) {
                    missing()
                } else if has(&[OciErrorCode::Toomanyrequests]) {
                    Reason::RemoteUnreachable.because(format!("{url}: too many requests; try again later"))
                } else {
                    Reason::RemoteInvalid.because(format!("{url}: {}", limited(&envelope.to_string())))
                }
            }
            OciDistributionError::RequestError(error) => {
                Reason::RemoteUnreachable.because(format!("{url} cannot be reached: {}", limited(&chain(error))))
            }
            OciDistributionError::IoError(error) => {
                Reason::RemoteUnreachable.because(format!("the answer for {url} broke off: {}", limited(&chain(error))))
            }
            OciDistributionError::DigestError(error) => {
                Reason::ArtifactInvalid.because(format!("{url} is not what its digest says: {error}"))
            }
            _ => Reason::RemoteInvalid.because(format!("{url}: {}", limited(&chain(&error)))),
        }
    }

    /// The reference by digest alone.
    pub(super) fn pinned(&self, digest: &str) -> Reference {
        self.reference.clone_with_digest(digest.to_owned())
    }

    /// An artifact that contradicts itself.
    pub(super) fn invalid(&self, why: &str) -> SourceError {
        Reason::ArtifactInvalid.because(format!("{} is no good bundle: {why}", self.url))
    }

    /// An artifact of another kind.
    pub(super) fn unknown(&self, kind: &str) -> SourceError {
        let message = format!("{} is of the type {:?}; push it with `arena bundle push`", self.url, limited(kind));
        Reason::ArtifactTypeUnknown.because(message)
    }

    /// The digest in a text of the registry.
    pub(super) fn digest(&self, text: &str) -> Result<Digest, SourceError> {
        Digest::parse(text).ok_or_else(|| self.invalid(&format!("{:?} is no SHA-256 digest", limited(text))))
    }
}

/// The status in an error, 0 if there was no answer.
fn status(error: &reqwest::Error) -> u16 {
    error.status().map_or(0, |status| status.as_u16())
}

/// Text of a stranger, shortened.
fn limited(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}
