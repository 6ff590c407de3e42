//! From settings to a provider.

use std::io;
use std::sync::Arc;

use crate::error::{Cause, ProviderError};
use crate::{HttpClient, Provider, ProviderSettings, Secret, mock, openai};

/// Known values of `type`.
pub const KINDS: [&str; 2] = ["mock", "openai"];

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
        "mock" => mock::Mock::new(settings, read_file).map(|mock| Arc::new(mock) as _),
        "openai" => {
            let key = |default_env: Option<&str>| find_key(settings, default_env, read_file, env);
            openai::OpenAi::new(settings, http, key).map(|openai| Arc::new(openai) as _)
        }
        kind => Err(Cause::ProviderTypeUnknown { kind: kind.to_owned(), known: KINDS.join(", ") }),
    };
    provider.map_err(|cause| cause.by(&settings.id, 0))
}

/// The key: given, else from the named file, else from the named variable, else from the vendor's usual variable. A file
/// or variable that is named must hold one.
fn find_key(
    settings: &ProviderSettings,
    default_env: Option<&str>,
    read_file: FileReader<'_>,
    env: Environment<'_>,
) -> Result<Option<Secret>, Cause> {
    let credential = &settings.credential;
    let missing = |missing: String| Cause::CredentialMissing { missing };
    if let Some(key) = &credential.api_key {
        return Ok(Some(key.clone()));
    }
    let (text, place) = if let Some(path) = &credential.credential_file {
        let invalid = |text: String| Cause::CredentialInvalid { path: path.clone(), text };
        let bytes = read_file(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => missing(format!("credential_file `{path}` cannot be read: {error}")),
            _ => invalid(error.to_string()),
        })?;
        let text = String::from_utf8(bytes).map_err(|_| invalid("it is not UTF-8 text".to_owned()))?;
        (text, format!("credential_file `{path}` is empty"))
    } else if let Some(name) = &credential.credential_env {
        let text =
            env(name).ok_or_else(|| missing(format!("environment variable {name} (credential_env) is not set")))?;
        (text, format!("environment variable {name} (credential_env) is empty"))
    } else {
        let found = default_env.and_then(env).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        return Ok(found.map(Secret::new));
    };
    let text = text.trim();
    if text.is_empty() { Err(missing(place)) } else { Ok(Some(Secret::new(text))) }
}
