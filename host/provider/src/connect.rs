//! From settings to a provider.

use std::io;
use std::sync::Arc;

use crate::destination::KeyPlace;
use crate::error::{Cause, ProviderError};
use crate::{Embedder, HttpClient, Provider, ProviderSettings, Secret, client, mock, replay};

/// Known values of `type`.
pub const KINDS: [&str; 12] = [
    "anthropic",
    "azure",
    "bedrock",
    "claude",
    "gemini",
    "lmstudio",
    "mock",
    "ollama",
    "openai",
    "replay",
    "vertex",
    "vllm",
];

/// Reads a file that settings name (`mock_config`, `credential_file`). The caller decides which paths are allowed, and
/// how much is read at most. A file that is not there must be [`io::ErrorKind::NotFound`].
pub type FileReader<'a> = &'a dyn Fn(&str) -> io::Result<Vec<u8>>;

/// Looks an environment variable up.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Sets a provider up without calling it: checks type, URL and headers, finds the key, reads the mock file.
pub fn connect(
    settings: &ProviderSettings,
    http: &HttpClient,
    read_file: FileReader<'_>,
    env: Environment<'_>,
) -> Result<Arc<dyn Provider>, ProviderError> {
    let provider: Result<Arc<dyn Provider>, Cause> = match settings.kind.as_str() {
        "replay" => replay::Replay::new(settings).map(|replay| Arc::new(replay) as _),
        "mock" => mock::Mock::new(settings, read_file).map(|mock| Arc::new(mock) as _),
        _ => {
            let key = |place: &KeyPlace| find_key(settings, place, read_file, env);
            client::Client::new(settings, http, key).map(|client| Arc::new(client) as _)
        }
    };
    provider.map_err(|cause| cause.by(&settings.id, 0))
}

/// Sets a provider of embeddings up without calling it.
///
/// # Errors
/// As [`connect`]; and for a type that has no embeddings.
pub fn connect_embedder(
    settings: &ProviderSettings,
    http: &HttpClient,
    read_file: FileReader<'_>,
    env: Environment<'_>,
) -> Result<Arc<dyn Embedder>, ProviderError> {
    let embedder: Result<Arc<dyn Embedder>, Cause> = match settings.kind.as_str() {
        "replay" => Err(Cause::EmbeddingsUnsupported { what: "type `replay`".to_owned() }),
        "mock" => Ok(offline_embedder(settings)),
        _ => {
            let key = |place: &KeyPlace| find_key(settings, place, read_file, env);
            client::EmbeddingClient::new(settings, http, key).map(|client| Arc::new(client) as _)
        }
    };
    embedder.map_err(|cause| cause.by(&settings.id, 0))
}

/// Embeddings without a vendor: vectors that count words.
pub fn offline_embedder(settings: &ProviderSettings) -> Arc<dyn Embedder> {
    Arc::new(mock::MockEmbedder::new(settings))
}

/// Values of `type` that PromptArena knows besides.
pub const OTHER_KINDS: [&str; 5] = ["cartesia", "elevenlabs", "huggingface", "imagen", "voyageai"];

/// No such `type`, or none that is called.
pub(crate) fn unknown(kind: &str) -> Cause {
    if OTHER_KINDS.contains(&kind) {
        return Cause::ProviderTypeUnsupported { kind: kind.to_owned() };
    }
    Cause::ProviderTypeUnknown { kind: kind.to_owned(), known: KINDS.join(", ") }
}

/// The key from its place. A file or variable that the settings name must hold one.
fn find_key(
    settings: &ProviderSettings,
    place: &KeyPlace,
    read_file: FileReader<'_>,
    env: Environment<'_>,
) -> Result<Option<Secret>, Cause> {
    let missing = |missing: String| Cause::CredentialMissing { missing };
    let (text, empty) = match place {
        KeyPlace::Nowhere => return Ok(None),
        KeyPlace::Settings => return Ok(settings.credential.api_key.clone()),
        KeyPlace::Usual(names) => {
            let found = names.iter().find_map(|name| usual(name, read_file, env));
            let places = format!("set {}, or name a place by credential_env or credential_file", names.join(" or "));
            return found.map(|text| Some(Secret::new(text))).ok_or_else(|| missing(places));
        }
        KeyPlace::File(path) => {
            let invalid = |text: String| Cause::CredentialInvalid { path: path.clone(), text };
            let bytes = read_file(path).map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => missing(format!("credential_file `{path}` cannot be read: {error}")),
                _ => invalid(error.to_string()),
            })?;
            let text = String::from_utf8(bytes).map_err(|_| invalid("it is not UTF-8 text".to_owned()))?;
            (text, format!("credential_file `{path}` is empty"))
        }
        KeyPlace::Variable(name) => {
            let unset = || missing(format!("environment variable {name} (credential_env) is not set"));
            (env(name).ok_or_else(unset)?, format!("environment variable {name} (credential_env) is empty"))
        }
    };
    let text = text.trim();
    if text.is_empty() { Err(missing(empty)) } else { Ok(Some(Secret::new(text))) }
}

/// What a vendor's own tools find in one of their variables.
fn usual(name: &str, read_file: FileReader<'_>, env: Environment<'_>) -> Option<String> {
    let set = |name: &str| env(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let value = set(name)?;
    match name {
        "AWS_ACCESS_KEY_ID" => {
            let mut lines =
                format!("aws_access_key_id={value}\naws_secret_access_key={}\n", set("AWS_SECRET_ACCESS_KEY")?);
            if let Some(token) = set("AWS_SESSION_TOKEN") {
                lines.push_str(&format!("aws_session_token={token}\n"));
            }
            Some(lines)
        }
        "GOOGLE_APPLICATION_CREDENTIALS" => {
            String::from_utf8(read_file(&value).ok()?).ok().map(|text| text.trim().to_owned())
        }
        _ => Some(value),
    }
}
