//! How a request shows that it may: a header, a signature, or a token that was exchanged for something else.

mod aws;
mod token;

use reqwest::Request;
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use std::time::{Instant, SystemTime};

use aws::Signer;
use token::{Exchange, Tokens};

use crate::error::Cause;
use crate::http::HttpClient;
use crate::secret::Secret;
use crate::vendor::KeyForm;

/// What a provider's requests carry.
#[derive(Debug)]
pub(crate) enum Auth {
    /// Nothing.
    None,
    /// One header, always the same.
    Header(HeaderName, HeaderValue),
    /// A signature over the request.
    Signature(Signer),
    /// A token with an end.
    Token(Box<Tokens>),
}

/// What an attempt was allowed by, beside what the settings say: it must not show up in a text.
pub(crate) type Passing = Option<Secret>;

impl Auth {
    /// `key` in the form that the vendor wants.
    pub(crate) fn new(form: &KeyForm, key: Option<&Secret>) -> Result<Self, Cause> {
        let Some(key) = key else { return Ok(Self::None) };
        let text = key.expose();
        match form {
            KeyForm::Bearer => bearer(text),
            KeyForm::Header(name) => Ok(Self::Header(HeaderName::from_static(name), sensitive(name, text)?)),
            KeyForm::Aws { region } => match Signer::parse(text, region)? {
                Some(signer) => Ok(Self::Signature(signer)),
                None => bearer(text),
            },
            KeyForm::Google if text.starts_with('{') => Ok(Self::Token(Box::new(Tokens::new(Exchange::google(text)?)))),
            KeyForm::Google => bearer(text),
            KeyForm::Azure if text.starts_with('{') => Ok(Self::Token(Box::new(Tokens::new(Exchange::entra(text)?)))),
            KeyForm::Azure => Ok(Self::Header(HeaderName::from_static("api-key"), sensitive("api-key", text)?)),
        }
    }

    /// Puts it on a request. Last of all: a signature covers the rest.
    pub(crate) async fn apply(&self, request: &mut Request, http: &HttpClient, by: Instant) -> Result<Passing, Cause> {
        match self {
            Self::None => Ok(None),
            Self::Header(name, value) => {
                request.headers_mut().insert(name.clone(), value.clone());
                Ok(None)
            }
            Self::Signature(signer) => {
                signer.sign(request, SystemTime::now())?;
                Ok(None)
            }
            Self::Token(tokens) => {
                let token = tokens.current(http, by).await?;
                let value = sensitive("Authorization", &format!("Bearer {}", token.expose()))?;
                request.headers_mut().insert(AUTHORIZATION, value);
                Ok(Some(token))
            }
        }
    }

    /// The vendor refused what it was shown: a token is not shown again.
    pub(crate) async fn refused(&self) {
        if let Self::Token(tokens) = self {
            tokens.forget().await;
        }
    }
}

fn bearer(key: &str) -> Result<Auth, Cause> {
    Ok(Auth::Header(AUTHORIZATION, sensitive("Authorization", &format!("Bearer {key}"))?))
}

/// A header's value that no log shows.
pub(crate) fn sensitive(name: &str, text: &str) -> Result<HeaderValue, Cause> {
    let mut value = HeaderValue::from_str(text).map_err(|_| Cause::HeaderInvalid { name: name.to_owned() })?;
    value.set_sensitive(true);
    Ok(value)
}
