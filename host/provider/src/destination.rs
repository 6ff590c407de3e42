//! Where calls go and which key goes with them. One rule for whoever makes the calls and whoever only tells of them.

use reqwest::Url;

use crate::error::{Cause, ProviderError};
use crate::settings::{Credential, ProviderSettings};
use crate::{connect, openai};

/// Where a provider would be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// What is called, without its query, which may hold a key.
    pub url: String,
    /// Where the key that goes there is looked for.
    pub key: KeyPlace,
}

/// Where a key is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    /// In the settings themselves.
    Settings,
    /// In this file.
    File(String),
    /// In this environment variable, which the settings name.
    Variable(String),
    /// In the vendor's usual environment variable.
    Usual(&'static str),
    /// No key is sent.
    Nowhere,
}

impl KeyPlace {
    /// The first place the settings name, else the vendor's usual variable if `url` is the vendor's own and nobody on
    /// the way can read along: no other host gets a key that nobody named for it.
    pub(crate) fn of(credential: &Credential, url: &Url) -> Self {
        match (&credential.api_key, &credential.credential_file, &credential.credential_env) {
            (Some(_), ..) => Self::Settings,
            (None, Some(file), _) => Self::File(file.clone()),
            (None, None, Some(name)) => Self::Variable(name.clone()),
            (None, None, None) if url.scheme() == "https" && openai::is_vendors(url) => {
                Self::Usual(openai::DEFAULT_KEY_VARIABLE)
            }
            (None, None, None) => Self::Nowhere,
        }
    }
}

/// Where a provider with these settings would be called; none if it calls nobody. Looks at no file and no variable.
///
/// # Errors
/// As [`connect`](crate::connect()) for a type or a URL that it refuses.
pub fn destination(settings: &ProviderSettings) -> Result<Option<Destination>, ProviderError> {
    let found = match settings.kind.as_str() {
        "mock" => Ok(None),
        "openai" => openai::url_of(settings).map(|(mut url, _)| {
            let key = KeyPlace::of(&settings.credential, &url);
            url.set_query(None);
            Some(Destination { url: url.to_string(), key })
        }),
        kind => Err(connect::unknown(kind)),
    };
    found.map_err(|cause: Cause| cause.by(&settings.id, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(base_url: Option<&str>, credential: Credential) -> Destination {
        let mut settings = ProviderSettings::new("p", "openai", "m");
        (settings.base_url, settings.credential) = (base_url.map(str::to_owned), credential);
        destination(&settings).unwrap().unwrap()
    }

    #[test]
    fn the_usual_key_goes_to_the_vendor_alone_and_never_in_clear() {
        let usual = KeyPlace::Usual("OPENAI_API_KEY");
        for (base, key) in [
            (None, usual.clone()),
            (Some("https://eu.api.openai.com:8443/v1"), usual),
            (Some("http://api.openai.com/v1"), KeyPlace::Nowhere),
            (Some("https://openai.com.example/v1"), KeyPlace::Nowhere),
            (Some("https://notopenai.com/v1"), KeyPlace::Nowhere),
            (Some("http://127.0.0.1:8080/v1"), KeyPlace::Nowhere),
        ] {
            assert_eq!(of(base, Credential::default()).key, key, "{base:?}");
        }
    }

    #[test]
    fn what_the_settings_name_wins_in_its_order_and_the_query_is_not_shown() {
        let mut credential = Credential { credential_env: Some("E".into()), ..Credential::default() };
        let base = Some("https://gate:1/x?key=secret");
        assert_eq!(of(base, credential.clone()).key, KeyPlace::Variable("E".into()));
        credential.credential_file = Some("f".into());
        assert_eq!(of(base, credential.clone()).key, KeyPlace::File("f".into()));
        credential.api_key = Some(crate::Secret::new("k"));
        let all = of(base, credential);
        assert_eq!((all.key, all.url.as_str()), (KeyPlace::Settings, "https://gate:1/x/chat/completions"));
    }
}
