//! Text that must not be shown.

use std::fmt;

use memchr::memmem;
use serde_json::Value;

/// What stands where a secret stood.
const REDACTED: &str = "***";
/// Shortest secret that is cut out of an error's text, bytes: a shorter one would tear ordinary words apart.
const ERROR_BYTES: usize = 4;
/// Shortest secret that is cut out of a reply, bytes. Longer than for errors, since a reply is judged, and servers that
/// want no key are given words such as `none` or `ollama`.
const REPLY_BYTES: usize = 8;
/// Shortest line of a key file that is taken for a secret, bytes.
const PART_BYTES: usize = 16;
/// Ends of words that make a header's value a secret.
const SECRET_WORDS: [&str; 10] =
    ["auth", "cookie", "credential", "credentials", "key", "pass", "password", "secret", "session", "token"];

/// Whether a header of this name is taken to carry a credential: a word of it is, or ends with, `auth`, `key`, `token`
/// and the like.
pub fn is_secret_header(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let secret = |word: &str| word == "authorization" || SECRET_WORDS.iter().any(|end| word.ends_with(end));
    name.split(|c: char| !c.is_ascii_alphanumeric()).any(secret)
}

/// Whether a field of a key file is one: an id or an address is not.
fn is_secret_field(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["private_key", "secret", "token", "secretaccesskey"].iter().any(|word| name.ends_with(word))
}

/// A credential. Debug prints `***`, there is no Display and no serialisation.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a credential.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The credential itself, for the wire.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// The secrets within: a key file in JSON or in lines has several, and any may show up alone.
    pub(crate) fn parts(&self) -> Vec<Self> {
        let mut parts = vec![self.clone()];
        let lines = |text: &str, parts: &mut Vec<Self>| {
            let value = |line: &str| {
                let value = line.split_once('=').map_or("", |(_, value)| value.trim());
                // An equals sign within base64 stands at its end.
                if value.len() < PART_BYTES { line.trim().to_owned() } else { value.to_owned() }
            };
            let values = text.lines().map(value);
            parts.extend(values.filter(|line| line.len() >= PART_BYTES).map(Self::new));
        };
        match serde_json::from_str::<Value>(&self.0) {
            Ok(Value::Object(fields)) => {
                let texts =
                    fields.iter().filter(|(name, _)| is_secret_field(name)).filter_map(|(_, value)| value.as_str());
                texts.for_each(|text| lines(text, &mut parts));
            }
            _ if self.0.contains('\n') => lines(&self.0, &mut parts),
            _ => {}
        }
        parts
    }

    /// Replaces every occurrence of the credential in somebody else's text.
    pub(crate) fn redact(&self, text: &str) -> String {
        if self.0.len() < ERROR_BYTES { text.to_owned() } else { text.replace(&self.0, REDACTED) }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

/// Cuts credentials out of replies: a server can say them back, and a reply is kept, shown and handed to guests.
pub(crate) struct Redactor(Vec<(memmem::Finder<'static>, Secret)>);

impl Redactor {
    /// For the credentials long enough to be told from words. Of `Bearer KEY` the key alone counts, too.
    pub(crate) fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let mut needles: Vec<&str> = Vec::new();
        for secret in secrets {
            needles.extend([secret.0.as_str(), secret.0.split_whitespace().last().unwrap_or_default()]);
        }
        needles.retain(|needle| needle.len() >= REPLY_BYTES);
        // The longer first, so that nothing of it is left beside a part of it.
        needles.sort_unstable_by_key(|needle| (std::cmp::Reverse(needle.len()), *needle));
        needles.dedup();
        Self(needles.iter().map(|needle| (memmem::Finder::new(needle).into_owned(), Secret::new(*needle))).collect())
    }

    /// The same and one credential more.
    pub(crate) fn and(&self, more: &Secret) -> Self {
        Self::new(self.0.iter().map(|(_, secret)| secret).chain([more]))
    }

    /// The text without credentials; one pass for each of them.
    pub(crate) fn text(&self, text: &mut String) {
        for (finder, secret) in &self.0 {
            if finder.find(text.as_bytes()).is_some() {
                *text = secret.redact(text);
            }
        }
    }

    /// The same for every text in a value, names included. The value is as deep as its parser allows.
    pub(crate) fn json(&self, value: &mut Value) {
        match value {
            Value::String(text) => self.text(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.json(item)),
            Value::Object(fields) => {
                for (mut name, mut field) in std::mem::take(fields) {
                    self.text(&mut name);
                    self.json(&mut field);
                    fields.insert(name, field);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Bytes of the longest credential; 0 if there is none.
    pub(crate) fn longest(&self) -> usize {
        self.0.first().map_or(0, |(_, secret)| secret.0.len())
    }

    /// Whether there is nothing to cut out.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn never_shows() {
        let secret = Secret::new("sk-very-secret");
        assert_eq!(format!("{secret:?} {:#?}", Some(&secret)), "*** Some(\n    ***,\n)");
        assert_eq!(secret.redact("wrong key sk-very-secret!"), "wrong key ***!");
    }

    #[test]
    fn key_files_have_parts() {
        let parts = |text: &str| Secret::new(text).parts().into_iter().skip(1).map(|part| part.0).collect::<Vec<_>>();
        let json = r#"{"client_email": "someone@example.com", "private_key": "-----BEGIN\nMIIEvQIBADANBgkqhkiG9w\n"}"#;
        assert_eq!(parts(json), ["MIIEvQIBADANBgkqhkiG9w"]);
        let lines =
            "[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key=wJalrXUtnFEMI/K7MDENG\n";
        assert_eq!(parts(lines), ["AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG"]);
        assert_eq!(parts("sk-plain"), [""; 0]);
    }

    #[test]
    fn replies_lose_credentials_wherever_they_stand() {
        let secrets = ["Bearer sk-very-secret", "sk-very", "ollama"].map(Secret::new);
        let redactor = Redactor::new(&secrets);
        let mut text = "Bearer sk-very-secret, sk-very-secret sk-very ollama".to_owned();
        redactor.text(&mut text);
        assert_eq!(text, "***, *** sk-very ollama", "short words stay");
        let mut value = json!({"a": ["sk-very-secret", 1], "sk-very-secret": null});
        redactor.json(&mut value);
        assert_eq!(value, json!({"a": ["***", 1], "***": null}));
        assert!(Redactor::new(&[Secret::new(""), Secret::new("none")]).is_empty());
    }

    #[test]
    fn headers_that_carry_credentials_are_told_by_their_names() {
        for name in [
            "Authorization",
            "proxy-authorization",
            "X-ApiKey",
            "X-Api-Key",
            "api-key",
            "Cookie",
            "X-Auth-Token",
            "x-session-id",
        ] {
            assert!(is_secret_header(name), "{name}");
        }
        for name in ["X-Team", "User-Agent", "OpenAI-Beta", "X-Author", "X-Keyboard"] {
            assert!(!is_secret_header(name), "{name}");
        }
    }
}
