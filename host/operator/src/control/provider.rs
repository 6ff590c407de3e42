//! Looks at Providers, and at the Secrets that they name.

use std::sync::Arc;
use std::time::Duration;

use arena_crd::Provider;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt as _;
use kube::runtime::controller::Action;

use crate::context::Context;
use crate::{OperatorError, ProviderObservation, SecretSeen, backoff, plan_provider};

/// Between two looks at a Secret that is there. Secrets are not watched.
const AGAIN: Duration = Duration::from_secs(300);

pub(super) async fn reconcile(provider: Arc<Provider>, context: Arc<Context>) -> Result<Action, OperatorError> {
    let uid = provider.uid().unwrap_or_default();
    if provider.metadata.deletion_timestamp.is_some() {
        context.forget(&uid);
        return Ok(Action::await_change());
    }
    let secret = look(&context, &provider).await?;
    let status = plan_provider(&ProviderObservation { provider: &provider, secret, now: Timestamp::now() });
    context.write_status(&*provider, provider.status.as_ref(), &status, |status| &status.conditions).await?;
    let failures = context.remember(&uid, |memory| {
        let waits = !matches!(secret, SecretSeen::NotNamed | SecretSeen::Good);
        memory.failures = if waits { memory.failures.saturating_add(1) } else { 0 };
        memory.failures
    });
    Ok(match secret {
        SecretSeen::NotNamed => Action::await_change(),
        SecretSeen::Good => Action::requeue(AGAIN),
        _ => Action::requeue(backoff(failures, &uid).min(AGAIN)),
    })
}

async fn look(context: &Context, provider: &Provider) -> Result<SecretSeen, OperatorError> {
    if provider.spec.credential.is_none() {
        return Ok(SecretSeen::NotNamed);
    }
    let namespace = provider.namespace().unwrap_or_default();
    Ok(match key(context, &namespace, provider).await? {
        Ok(_) => SecretSeen::Good,
        Err(seen) => seen,
    })
}

/// The key of a Provider without the white space around it, or why there is none.
pub(super) async fn key(
    context: &Context,
    namespace: &str,
    provider: &Provider,
) -> Result<Result<Vec<u8>, SecretSeen>, OperatorError> {
    let Some(credential) = &provider.spec.credential else { return Ok(Err(SecretSeen::NotNamed)) };
    let named = &credential.secret_ref;
    let secret = match secret(context, namespace, &named.name).await? {
        Found::Secret(secret) => secret,
        Found::Absent | Found::Forbidden => return Ok(Err(SecretSeen::NotFound)),
    };
    let Some(bytes) = secret.data.as_ref().and_then(|data| data.get(&named.key)) else {
        return Ok(Err(SecretSeen::KeyMissing));
    };
    let text = std::str::from_utf8(&bytes.0).map(str::trim).unwrap_or_default();
    Ok(if text.is_empty() { Err(SecretSeen::KeyInvalid) } else { Ok(text.as_bytes().to_vec()) })
}

/// A Secret by its name.
pub(super) enum Found {
    Secret(Box<Secret>),
    Absent,
    /// The operator may not get it, so nobody knows.
    Forbidden,
}

pub(super) async fn secret(context: &Context, namespace: &str, name: &str) -> Result<Found, OperatorError> {
    match context.api::<Secret>(namespace).get_opt(name).await {
        Ok(Some(secret)) => Ok(Found::Secret(Box::new(secret))),
        Ok(None) => Ok(Found::Absent),
        Err(kube::Error::Api(status)) if status.code == 403 => Ok(Found::Forbidden),
        Err(error) => Err(error.into()),
    }
}
