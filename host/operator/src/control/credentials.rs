//! A job's credentials: user in Redis, token of the store, keys of its providers.

use std::collections::BTreeMap;

use arena_artifact::Claims;
use arena_crd::{ArenaJob, Provider, endpoint};
use arena_model::{Digest, Endpoint, RedisAccess, StoreAccess, Ticket};
use arena_queue::RedisQueue;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt as _;
use kube::api::PostParams;

use super::observe::{is_of, job_id};
use super::provider::{Found, key, secret as find_secret};
use crate::context::{Context, seconds};
use crate::record::Run;
use crate::{OperatorError, Reported, secret, worker_name};

/// Makes what is missing of user and Secret. The password is always the same, so that a user who is lost can be made
/// again for the pods that run.
pub(super) async fn issue(context: &Context, job: &ArenaJob, run: &Run) -> Result<(), OperatorError> {
    let (namespace, id) = (job.namespace().unwrap_or_default(), job_id(job)?);
    let password = password(context, job)?;
    let (mut endpoints, mut keys) = (BTreeMap::new(), BTreeMap::new());
    for (id, object) in &run.record.providers {
        let (endpoint, key) = of_provider(context, &namespace, id, object).await?;
        endpoints.insert(id.clone(), endpoint);
        keys.extend(key.map(|key| (id.clone(), key)));
    }
    let ticket = Ticket {
        v: 1,
        namespace: namespace.clone(),
        job: job.uid().unwrap_or_default(),
        job_name: job.name_any(),
        manifest: run.frozen.manifest.clone(),
        archive: run.record.archive.clone(),
        store: StoreAccess { url: context.settings.store_url.clone(), token: token(context, job, run)? },
        redis: RedisAccess {
            url: context.settings.redis_worker_url.clone(),
            username: RedisQueue::job_user(&id),
            password: password.clone(),
        },
        queue: run.record.queue,
        concurrency: run.record.evaluation.concurrency,
        dataset: run.record.dataset.as_ref().map(|dataset| dataset.pin.clone()),
        endpoints,
    };
    let permits: Vec<&str> = ticket.endpoints.values().filter_map(|endpoint| endpoint.shared.as_deref()).collect();
    context.queue.create_job_user(&id, &password, &permits).await?;
    let ticket = serde_json::to_vec(&ticket).map_err(|error| OperatorError::ManifestInvalid {
        digest: run.frozen.manifest.as_str().to_owned(),
        why: error.to_string(),
    })?;
    let api = context.api::<Secret>(&namespace);
    match api.create(&PostParams::default(), &secret(job, ticket, keys)).await {
        Ok(_) => {}
        Err(kube::Error::Api(status)) if status.code == 409 => not_foreign(context, job).await?,
        Err(error) => return Err(error.into()),
    }
    context.remember(&job.uid().unwrap_or_default(), |memory| (memory.issued, memory.trouble) = (true, None));
    Ok(())
}

/// The Secret is there: it must be ours.
async fn not_foreign(context: &Context, job: &ArenaJob) -> Result<(), OperatorError> {
    let (namespace, name) = (job.namespace().unwrap_or_default(), worker_name(&job.name_any()));
    match find_secret(context, &namespace, &name).await? {
        Found::Secret(found) if !is_of(&*found, job) => Err(OperatorError::NameTaken { kind: "Secret", name }),
        _ => Ok(()),
    }
}

/// Nobody can guess it who has not the store's key, and it opens nothing else: a token with these claims has expired
/// since ever.
fn password(context: &Context, job: &ArenaJob) -> Result<String, OperatorError> {
    let (namespace, job) = (job.namespace(), job.uid());
    let claims = Claims { v: 1, namespace, job, read: Vec::new(), results: false, read_only: false, expires: 0 };
    let token = context.settings.store_key.mint(&claims)?;
    Ok(Digest::of(token.as_bytes()).hex().to_owned())
}

/// Good until the deadline and the grace after it.
fn token(context: &Context, job: &ArenaJob, run: &Run) -> Result<String, OperatorError> {
    let deadline = seconds(run.frozen.at).saturating_add(job.spec.active_deadline_seconds.into());
    let expires = deadline.saturating_add(context.settings.token_grace.as_secs());
    let claims = Claims {
        v: 1,
        namespace: job.namespace(),
        job: job.uid(),
        read: run.artifacts(),
        results: true,
        read_only: false,
        expires: expires.max(seconds(Timestamp::now()).saturating_add(1)),
    };
    Ok(context.settings.store_key.mint(&claims)?)
}

/// Address and key of a provider as they are now.
async fn of_provider(
    context: &Context,
    namespace: &str,
    id: &str,
    object: &str,
) -> Result<(Endpoint, Option<Vec<u8>>), OperatorError> {
    let refused =
        |reason: &str, message: String| OperatorError::NotFrozen(Reported { reason: reason.to_owned(), message });
    let found = context.api::<Provider>(namespace).get_opt(object).await?;
    let provider = found.ok_or_else(|| {
        refused("ProviderNotFound", format!("Provider {object:?} (entry {id:?}) is gone; create it again"))
    })?;
    let endpoint = endpoint(id, &provider);
    if provider.spec.credential.is_none() {
        return Ok((endpoint, None));
    }
    let key = key(context, namespace, &provider).await?.map_err(|_| {
        refused(
            "ProviderNotReady",
            format!("the key of Provider {object:?} (entry {id:?}) cannot be read; see its status"),
        )
    })?;
    Ok((endpoint, Some(key)))
}
