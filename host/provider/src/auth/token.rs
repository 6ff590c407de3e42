//! Tokens with an end, which are exchanged for a key that never leaves for the model's host.

use std::fmt;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Url;
use reqwest::header::CONTENT_TYPE;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Mutex;

use crate::client::body::read_body;
use crate::error::Cause;
use crate::http::{HttpClient, chain};
use crate::secret::Secret;

/// A token is exchanged again this long before its end.
const MARGIN: Duration = Duration::from_secs(60);
/// Longest a token is taken to live where nobody says.
const LIFE: Duration = Duration::from_secs(300);
/// Largest answer of a token endpoint, bytes.
const ANSWER_LIMIT: usize = 64 << 10;
const FORM: &str = "application/x-www-form-urlencoded";
const GOOGLE_SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
const ENTRA_SCOPE: &str = "https://cognitiveservices.azure.com/.default";
const ENTRA: &str = "https://login.microsoftonline.com";

/// How a token is come by.
pub(crate) enum Exchange {
    /// A service account signs what it claims to be.
    Google { email: String, key: Box<RsaKeyPair>, url: Url },
    /// An application shows its secret.
    Entra { client: String, secret: Secret, url: Url },
}

/// Never shows the key.
impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, url) = match self {
            Self::Google { url, .. } => ("Google", url),
            Self::Entra { url, .. } => ("Entra", url),
        };
        f.debug_struct(name).field("url", &url.as_str()).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct ServiceAccount {
    client_email: String,
    private_key: String,
    token_uri: String,
}

#[derive(Deserialize)]
struct Application {
    tenant_id: String,
    client_id: String,
    client_secret: String,
    /// Where tokens are given; the vendor's own place if it is left out.
    #[serde(default)]
    authority: Option<String>,
}

impl Exchange {
    /// The key file of a service account.
    pub(super) fn google(text: &str) -> Result<Self, Cause> {
        let wrong = |text: &str| Cause::KeyInvalid { text: text.to_owned() };
        let shape = "it is no key file of a service account: client_email, private_key and token_uri are needed";
        let account: ServiceAccount = serde_json::from_str(text).map_err(|_| wrong(shape))?;
        let unreadable = || wrong("its private_key is no RSA key in PEM");
        let der = PrivateKeyDer::from_pem_slice(account.private_key.as_bytes()).map_err(|_| unreadable())?;
        let key = match &der {
            PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
            _ => return Err(unreadable()),
        };
        let (key, url) = (Box::new(key.map_err(|_| unreadable())?), safe(&account.token_uri)?);
        Ok(Self::Google { email: account.client_email, key, url })
    }

    /// `{"tenant_id", "client_id", "client_secret"}`.
    pub(super) fn entra(text: &str) -> Result<Self, Cause> {
        let shape = "it is JSON without tenant_id, client_id and client_secret";
        let application: Application =
            serde_json::from_str(text).map_err(|_| Cause::KeyInvalid { text: shape.to_owned() })?;
        let mut url = safe(application.authority.as_deref().unwrap_or(ENTRA))?;
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend([application.tenant_id.as_str(), "oauth2", "v2.0", "token"]);
        }
        Ok(Self::Entra { client: application.client_id, secret: Secret::new(application.client_secret), url })
    }

    fn url(&self) -> &Url {
        match self {
            Self::Google { url, .. } | Self::Entra { url, .. } => url,
        }
    }

    /// The form that is sent.
    fn form(&self, now: SystemTime) -> Result<Vec<(&'static str, String)>, Cause> {
        match self {
            Self::Google { email, key, url } => {
                let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
                let claims =
                    json!({"iss": email, "scope": GOOGLE_SCOPE, "aud": url.as_str(), "iat": now, "exp": now + 3600});
                let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
                let signed = format!("{}.{}", part(&json!({"alg": "RS256", "typ": "JWT"})), part(&claims));
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
                    .map_err(|_| Cause::KeyInvalid { text: "its private_key does not sign".to_owned() })?;
                let assertion = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));
                Ok(vec![
                    ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer".to_owned()),
                    ("assertion", assertion),
                ])
            }
            Self::Entra { client, secret, .. } => Ok(vec![
                ("grant_type", "client_credentials".to_owned()),
                ("client_id", client.clone()),
                ("client_secret", secret.expose().to_owned()),
                ("scope", ENTRA_SCOPE.to_owned()),
            ]),
        }
    }
}

/// Keys are shown over TLS only, or to this machine.
fn safe(url: &str) -> Result<Url, Cause> {
    let wrong = || Cause::KeyInvalid { text: "the place where its tokens are given is no https URL".to_owned() };
    let url = Url::parse(url).map_err(|_| wrong())?;
    let here = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    let fit = url.scheme() == "https" || url.scheme() == "http" && here;
    if fit && url.host_str().is_some() { Ok(url) } else { Err(wrong()) }
}

/// The newest token.
#[derive(Debug)]
pub(crate) struct Tokens {
    exchange: Exchange,
    newest: Mutex<Option<(Secret, Instant)>>,
}

#[derive(Deserialize)]
struct Given {
    access_token: String,
    expires_in: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Refused {
    error: String,
}

impl Tokens {
    pub(super) fn new(exchange: Exchange) -> Self {
        Self { exchange, newest: Mutex::default() }
    }

    /// A token that is good for a while yet. Whoever comes while one is being exchanged waits for that.
    pub(super) async fn current(&self, http: &HttpClient, by: Instant) -> Result<Secret, Cause> {
        let mut newest = self.newest.lock().await;
        if let Some((token, _)) = newest.as_ref().filter(|(_, end)| *end > Instant::now() + MARGIN) {
            return Ok(token.clone());
        }
        let asked = Instant::now();
        let given = tokio::time::timeout_at(by.into(), self.ask(http)).await.map_err(|_| {
            let limit = by.saturating_duration_since(asked);
            Cause::ProviderTimeout { endpoint: self.endpoint(), limit }
        })??;
        let token = Secret::new(given.access_token);
        let seconds = |value: &serde_json::Value| value.as_u64().or_else(|| value.as_str()?.parse().ok());
        let life = given.expires_in.as_ref().and_then(seconds).map_or(LIFE, Duration::from_secs);
        *newest = Some((token.clone(), asked + life.min(Duration::from_secs(86_400))));
        Ok(token)
    }

    pub(super) async fn forget(&self) {
        *self.newest.lock().await = None;
    }

    fn endpoint(&self) -> String {
        self.exchange.url().host_str().unwrap_or_default().to_owned()
    }

    async fn ask(&self, http: &HttpClient) -> Result<Given, Cause> {
        let endpoint = self.endpoint();
        let unavailable =
            |text: String| Cause::ProviderUnavailable { endpoint: self.endpoint(), retry_after: None, text };
        let form = self.exchange.form(SystemTime::now())?;
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&form).finish();
        let request = http.inner.post(self.exchange.url().clone()).header(CONTENT_TYPE, FORM).body(body);
        let sent = request.send().await;
        let response = sent.map_err(|error| unavailable(chain(&error.without_url())))?;
        let status = response.status();
        let body = read_body(response, ANSWER_LIMIT).await.unwrap_or_default();
        // What was sent can come back in any form, so of the answer only the word for the error is kept.
        let text = || match serde_json::from_slice::<Refused>(&body) {
            Ok(Refused { error }) if is_word(&error) => error,
            _ => "no reason that can be shown".to_owned(),
        };
        if status.is_server_error() || status.as_u16() == 429 {
            return Err(unavailable(format!("no token was given (status {}): {}", status.as_u16(), text())));
        }
        if !status.is_success() {
            return Err(Cause::CredentialRefused { endpoint, status: status.as_u16(), text: text() });
        }
        let given: Option<Given> = serde_json::from_slice(&body).ok();
        given
            .filter(|given| !given.access_token.trim().is_empty())
            .ok_or_else(|| Cause::BadReply { endpoint, text: "it holds no access_token".to_owned() })
    }
}

/// Such as `invalid_client`.
fn is_word(text: &str) -> bool {
    text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}
