//! Tokens: signed claims that the store checks without asking anybody. A job's token opens its own artifacts and results
//! and nothing else, and ends with the job.

use arena_model::{Class, Digest, Fault};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::{Folder, Name};

/// Version of the claims, and what a token starts with.
const VERSION: u32 = 1;
const PREFIX: &str = "arena1.";
/// Shortest key, bytes.
const KEY_BYTES: usize = 32;
/// Most artifacts of one token.
const READ: usize = 256;
/// Longest token, bytes.
const TOKEN_BYTES: usize = 32 << 10;

/// What the bearer may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// Always 1.
    pub v: u32,
    /// The namespace; none is every one, for the operator alone.
    pub namespace: Option<String>,
    /// Uid of the job; none is the operator, who may do everything within the namespace.
    pub job: Option<String>,
    /// Artifacts a job may read: manifest, bundle, components.
    pub read: Vec<Digest>,
    /// Whether a job may create and read below its results.
    pub results: bool,
    /// Nothing may be created or deleted: for people who fetch results.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub read_only: bool,
    /// Unix seconds from which on the token is refused.
    pub expires: u64,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action<'a> {
    Read(&'a Name),
    Create(&'a Name),
    Delete(&'a Name),
    List(&'a Folder),
}

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// No token, not one of ours, or changed.
    #[error("the token is missing or not one of this store")]
    Invalid,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// It is good, but not for this.
    #[error("the token does not allow this")]
    Scope,
    /// The key is too short.
    #[error("the store's key has less than {KEY_BYTES} bytes; make one with `head -c 32 /dev/urandom`")]
    WeakKey,
    /// The claims make no token.
    #[error("no token can be made of these claims: more than {READ} artifacts, or a job without its namespace")]
    Claims,
}

impl Fault for TokenError {
    fn reason(&self) -> &'static str {
        match self {
            Self::Invalid => "StoreTokenInvalid",
            Self::Expired => "StoreTokenExpired",
            Self::Scope => "StoreScopeDenied",
            Self::WeakKey => "StoreKeyWeak",
            Self::Claims => "StoreClaimsInvalid",
        }
    }

    fn class(&self) -> Class {
        Class::Input
    }
}

/// The secret that the store shares with the operator.
#[derive(Clone)]
pub struct Key(Hmac<Sha256>);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

impl Key {
    /// A key of at least 32 random bytes.
    pub fn new(bytes: &[u8]) -> Result<Self, TokenError> {
        if bytes.len() < KEY_BYTES {
            return Err(TokenError::WeakKey);
        }
        Hmac::new_from_slice(bytes).map(Self).map_err(|_| TokenError::WeakKey)
    }

    /// The token for `claims`.
    pub fn mint(&self, claims: &Claims) -> Result<String, TokenError> {
        if claims.v != VERSION || claims.read.len() > READ || claims.job.is_some() && claims.namespace.is_none() {
            return Err(TokenError::Claims);
        }
        let json = serde_json::to_vec(claims).map_err(|_| TokenError::Claims)?;
        let body = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(json));
        let tag = self.mac(&body).finalize().into_bytes();
        Ok(format!("{body}.{}", URL_SAFE_NO_PAD.encode(tag)))
    }

    /// The claims of a token, if it is ours and still good at `now` (Unix seconds).
    pub fn verify(&self, token: &str, now: u64) -> Result<Claims, TokenError> {
        if token.len() > TOKEN_BYTES {
            return Err(TokenError::Invalid);
        }
        let (body, tag) = token.rsplit_once('.').ok_or(TokenError::Invalid)?;
        let tag = URL_SAFE_NO_PAD.decode(tag).map_err(|_| TokenError::Invalid)?;
        self.mac(body).verify_slice(&tag).map_err(|_| TokenError::Invalid)?;
        let json = body.strip_prefix(PREFIX).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
        let claims: Claims =
            serde_json::from_slice(&json.ok_or(TokenError::Invalid)?).map_err(|_| TokenError::Invalid)?;
        if claims.v != VERSION {
            return Err(TokenError::Invalid);
        }
        if now >= claims.expires {
            return Err(TokenError::Expired);
        }
        Ok(claims)
    }

    fn mac(&self, body: &str) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        mac.update(body.as_bytes());
        mac
    }
}

impl Claims {
    /// Refuses what the bearer may not do.
    pub(crate) fn check(&self, action: Action<'_>) -> Result<(), TokenError> {
        let folder = match action {
            Action::Read(name) | Action::Create(name) | Action::Delete(name) => name.folder(),
            Action::List(folder) => folder.clone(),
        };
        if self.read_only && matches!(action, Action::Create(_) | Action::Delete(_)) {
            return Err(TokenError::Scope);
        }
        let here = self.namespace.as_deref().is_none_or(|namespace| namespace == folder.namespace());
        let allowed = here
            && match &self.job {
                None => true,
                Some(own) => match (action, &folder) {
                    (Action::Read(Name::Artifact { digest, .. }), _) => self.read.contains(digest),
                    (Action::Delete(_), _) => false,
                    (_, Folder::Results { job, .. } | Folder::Segments { job, .. }) => self.results && job == own,
                    _ => false,
                },
            };
        if allowed { Ok(()) } else { Err(TokenError::Scope) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        Key::new(&[7; 32]).unwrap()
    }

    fn job(read: &[&[u8]]) -> Claims {
        let read = read.iter().map(|bytes| Digest::of(bytes)).collect();
        Claims {
            v: 1,
            namespace: Some("a".into()),
            job: Some("j1".into()),
            read,
            results: true,
            read_only: false,
            expires: 100,
        }
    }

    #[test]
    fn a_token_holds_until_it_expires() {
        let token = key().mint(&job(&[b"x"])).unwrap();
        assert_eq!(key().verify(&token, 99), Ok(job(&[b"x"])));
        assert_eq!(key().verify(&token, 100), Err(TokenError::Expired));
    }

    #[test]
    fn a_changed_token_is_refused() {
        let token = key().mint(&job(&[])).unwrap();
        assert_eq!(Key::new(&[8; 32]).unwrap().verify(&token, 0), Err(TokenError::Invalid));
        let forged = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&Claims { expires: 999, ..job(&[]) }).unwrap());
        let tag = token.rsplit_once('.').unwrap().1;
        for text in [format!("{PREFIX}{forged}.{tag}"), format!("{PREFIX}{forged}."), String::new(), "a.b".into()] {
            assert_eq!(key().verify(&text, 0), Err(TokenError::Invalid), "{text}");
        }
        for at in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            assert!(key().verify(std::str::from_utf8(&bytes).unwrap(), 0).is_err(), "byte {at}");
        }
    }

    #[test]
    fn keys_and_claims_have_limits() {
        assert_eq!(Key::new(&[7; 31]).unwrap_err(), TokenError::WeakKey);
        let many = Claims { read: vec![Digest::of(b"x"); READ], ..job(&[]) };
        assert!(key().verify(&key().mint(&many).unwrap(), 0).is_ok());
        let more = Claims { read: vec![Digest::of(b"x"); READ + 1], ..job(&[]) };
        assert_eq!(key().mint(&more), Err(TokenError::Claims));
        assert_eq!(key().mint(&Claims { namespace: None, ..job(&[]) }), Err(TokenError::Claims));
    }

    #[test]
    fn a_job_may_do_its_own_and_nothing_else() {
        let claims = job(&[b"mine"]);
        let name = |path: &str| Name::parse(path).unwrap();
        let artifact =
            |namespace: &str, bytes: &[u8]| name(&format!("{namespace}/artifacts/{}", Digest::of(bytes).hex()));
        let mine = artifact("a", b"mine");
        let report = name("a/results/j1/index.json");
        let segment = name(&format!("a/results/j1/{}/1", "0".repeat(32)));
        for action in [Action::Read(&mine), Action::Read(&report), Action::Create(&report), Action::Create(&segment)] {
            assert_eq!(claims.check(action), Ok(()), "{action:?}");
        }
        let listed = Folder::parse("a/results/j1/").unwrap();
        assert_eq!(claims.check(Action::List(&listed)), Ok(()));
        let (other, away) = (artifact("a", b"other"), artifact("b", b"mine"));
        let theirs = name("a/results/j2/index.json");
        let elsewhere = name("b/results/j1/index.json");
        let pin = name("a/pins/x");
        for action in [
            Action::Create(&mine),
            Action::Delete(&mine),
            Action::Delete(&report),
            Action::Read(&other),
            Action::Read(&away),
            Action::Read(&theirs),
            Action::Create(&theirs),
            Action::Read(&elsewhere),
            Action::Read(&pin),
            Action::Create(&pin),
        ] {
            assert_eq!(claims.check(action), Err(TokenError::Scope), "{action:?}");
        }
        for folder in ["a/results/", "a/artifacts/", "a/pins/", "a/results/j2/", "b/results/j1/"] {
            let folder = Folder::parse(folder).unwrap();
            assert_eq!(claims.check(Action::List(&folder)), Err(TokenError::Scope), "{folder}");
        }
        let reader = Claims { read_only: true, ..claims.clone() };
        assert_eq!(reader.check(Action::Read(&report)), Ok(()));
        assert_eq!(reader.check(Action::List(&listed)), Ok(()));
        assert_eq!(reader.check(Action::Create(&report)), Err(TokenError::Scope));
        let without = Claims { results: false, ..claims };
        assert_eq!(without.check(Action::Create(&report)), Err(TokenError::Scope));
        let operator = Claims { job: None, ..without };
        assert_eq!(operator.check(Action::Delete(&other)), Ok(()));
        assert_eq!(operator.check(Action::Delete(&away)), Err(TokenError::Scope));
        let every = Claims { namespace: None, ..operator };
        assert_eq!(every.check(Action::Delete(&away)), Ok(()));
    }
}
