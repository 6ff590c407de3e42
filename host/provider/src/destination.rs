//! Where calls go and which key goes with them. One rule for whoever makes the calls and whoever only tells of them.

use crate::error::ProviderError;
use crate::settings::{Credential, ProviderSettings};
use crate::vendor::{Vendor, vendor};

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
    /// In the vendor's usual environment variables, the first that is set.
    Usual(&'static [&'static str]),
    /// No key is sent.
    Nowhere,
}

impl KeyPlace {
    /// The first place the settings name, else the vendor's usual variables.
    pub(crate) fn of(credential: &Credential, vendor: &Vendor) -> Self {
        match (&credential.api_key, &credential.credential_file, &credential.credential_env) {
            (Some(_), ..) => Self::Settings,
            (None, Some(file), _) => Self::File(file.clone()),
            (None, None, Some(name)) => Self::Variable(name.clone()),
            (None, None, None) if vendor.usual.is_empty() => Self::Nowhere,
            (None, None, None) => Self::Usual(vendor.usual),
        }
    }
}

/// Where a provider with these settings would be called; none if it calls nobody. Looks at no file and no variable.
///
/// # Errors
/// As [`connect`](crate::connect()) for a type, a platform or a URL that it refuses.
pub fn destination(settings: &ProviderSettings) -> Result<Option<Destination>, ProviderError> {
    if matches!(settings.kind.as_str(), "mock" | "replay") {
        return Ok(None);
    }
    let vendor = vendor(settings).map_err(|cause| cause.by(&settings.id, 0))?;
    let key = KeyPlace::of(&settings.credential, &vendor);
    let mut url = vendor.plain;
    url.set_query(None);
    Ok(Some(Destination { url: url.to_string(), key }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_settings_name_wins_in_its_order_and_the_query_is_not_shown() {
        let of = |credential: Credential| {
            let mut settings = ProviderSettings::new("p", "openai", "m");
            (settings.base_url, settings.credential) = (Some("https://gate:1/x?key=secret".into()), credential);
            destination(&settings).unwrap().unwrap()
        };
        assert_eq!(of(Credential::default()).key, KeyPlace::Nowhere);
        let mut credential = Credential { credential_env: Some("E".into()), ..Credential::default() };
        assert_eq!(of(credential.clone()).key, KeyPlace::Variable("E".into()));
        credential.credential_file = Some("f".into());
        assert_eq!(of(credential.clone()).key, KeyPlace::File("f".into()));
        credential.api_key = Some(crate::Secret::new("k"));
        let all = of(credential);
        assert_eq!((all.key, all.url.as_str()), (KeyPlace::Settings, "https://gate:1/x/chat/completions"));
    }
}
