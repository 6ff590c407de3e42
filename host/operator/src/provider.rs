//! The controller of Provider: says whether the key that it names is there.

use arena_crd::{Provider, ProviderStatus};
use k8s_openapi::jiff::Timestamp;

use crate::Conditions;

/// What was seen of the Secret that a Provider names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretSeen {
    /// The Provider names none.
    NotNamed,
    /// There is no such Secret, or the operator may not get it.
    NotFound,
    /// The Secret has no such key.
    KeyMissing,
    /// The value is empty, or is not text.
    KeyInvalid,
    /// All is well.
    Good,
}

/// What was seen of a Provider.
#[derive(Clone, Copy, Debug)]
pub struct ProviderObservation<'a> {
    /// The Provider.
    pub provider: &'a Provider,
    /// The Secret it names.
    pub secret: SecretSeen,
    /// Of this look.
    pub now: Timestamp,
}

/// The status to write. Secrets are not watched: a Provider that waits for one is looked at again after a backoff.
pub fn plan_provider(seen: &ProviderObservation<'_>) -> ProviderStatus {
    let generation = seen.provider.metadata.generation;
    let old = seen.provider.status.as_ref().map_or(&[][..], |status| &status.conditions);
    let mut conditions = Conditions::new(old, generation, seen.now);
    let named = seen.provider.spec.credential.as_ref().map(|credential| &credential.secret_ref);
    let (secret, key) = named.map_or(("", ""), |named| (named.name.as_str(), named.key.as_str()));
    match seen.secret {
        SecretSeen::NotNamed => conditions.ready("Ready", "requests carry no key"),
        SecretSeen::Good => conditions.ready("Ready", format!("the key is in Secret {secret:?}")),
        SecretSeen::NotFound => {
            let message = format!("Secret {secret:?} does not exist in this namespace, or the operator may not get it");
            conditions.waiting("SecretNotFound", message)
        }
        SecretSeen::KeyMissing => {
            let message = format!("Secret {secret:?} has no key {key:?}; add it, or mend credential.secretRef.key");
            conditions.waiting("SecretKeyMissing", message)
        }
        SecretSeen::KeyInvalid => {
            let message = format!("key {key:?} of Secret {secret:?} is empty or no text; put the vendor's key there");
            conditions.waiting("SecretKeyInvalid", message)
        }
    };
    ProviderStatus { observed_generation: generation, conditions: conditions.finish() }
}
