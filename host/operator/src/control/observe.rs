//! A run as it stands outside of the job's own object.

use std::sync::Arc;

use arena_artifact::{DOCUMENT_BYTES, Name, Pin};
use arena_crd::{ArenaJob, Condition};
use arena_model::{Digest, Summary};
use arena_queue::{JobId, Phase, Queue as _, QueueError, Snapshot};
use k8s_openapi::api::batch::v1::Job;
use kube::{Resource, ResourceExt as _};

use super::provider::{Found, secret};
use crate::context::Context;
use crate::record::Run;
use crate::{FINALIZER, Kind, Observed, OperatorError, worker_name};

pub(super) async fn observe(context: &Context, job: &ArenaJob) -> Result<Observed, OperatorError> {
    let uid = job.uid().unwrap_or_default();
    let mut seen = Observed { trouble: context.memory(&uid).trouble, ..Observed::default() };
    let conditions = job.status.as_ref().map_or(&[][..], |status| &status.conditions);
    let over = job.metadata.deletion_timestamp.is_some() || Condition::is_true(conditions, Kind::Finished.name());
    if !over {
        if job.spec.trigger.is_none() {
            seen.frozen = run(context, job).await?.map(|run| run.frozen.clone());
        }
        if seen.frozen.is_none() {
            return Ok(seen);
        }
    }
    // Without it nothing was ever made for this job.
    if !job.finalizers().iter().any(|finalizer| finalizer == FINALIZER) {
        return Ok(seen);
    }
    seen.workers = workers(context, job).await?;
    let id = job_id(job)?;
    let (secret, user) = (has_secret(context, job).await?, context.queue.has_job_user(&id).await?);
    // A run needs both; while there is any there is something to take away.
    seen.credentials = if over { secret || user } else { secret && user };
    seen.queue = snapshot(context, &id).await?;
    if let (false, Some(Snapshot { phase: Phase::Finished(digest), .. })) = (over, &seen.queue) {
        seen.summary = Some((digest.clone(), Box::new(summary(context, job, digest).await?)));
    }
    Ok(seen)
}

/// Of the queue's job.
pub(super) fn job_id(job: &ArenaJob) -> Result<JobId, OperatorError> {
    Ok(JobId::new(job.uid().unwrap_or_default())?)
}

async fn snapshot(context: &Context, id: &JobId) -> Result<Option<Snapshot>, OperatorError> {
    match context.queue.snapshot(id).await {
        Ok(snapshot) => Ok(Some(snapshot)),
        Err(QueueError::JobUnknown { .. } | QueueError::Rebuild { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn workers(context: &Context, job: &ArenaJob) -> Result<Option<Job>, OperatorError> {
    let namespace = job.namespace().unwrap_or_default();
    let found = context.api::<Job>(&namespace).get_opt(&worker_name(&job.name_any())).await?;
    // One that is on its way out is gone already: its name is not free yet, so making a new one is tried again.
    Ok(found.filter(|found| is_of(found, job) && found.metadata.deletion_timestamp.is_none()))
}

/// Whether the job owns it.
pub(super) fn is_of<K: Resource>(object: &K, job: &ArenaJob) -> bool {
    object.owner_references().iter().any(|owner| Some(&owner.uid) == job.metadata.uid.as_ref())
}

async fn has_secret(context: &Context, job: &ArenaJob) -> Result<bool, OperatorError> {
    let (namespace, name) = (job.namespace().unwrap_or_default(), worker_name(&job.name_any()));
    Ok(match secret(context, &namespace, &name).await? {
        Found::Secret(secret) => is_of(&*secret, job),
        Found::Absent => false,
        Found::Forbidden => context.memory(&job.uid().unwrap_or_default()).issued,
    })
}

/// The frozen run of a job: by its status, or by its pin where the status was not written any more.
pub(super) async fn run(context: &Context, job: &ArenaJob) -> Result<Option<Arc<Run>>, OperatorError> {
    let uid = job.uid().unwrap_or_default();
    if let Some(run) = context.memory(&uid).run {
        return Ok(Some(run));
    }
    let (store, namespace) = (context.store()?, job.namespace().unwrap_or_default());
    let known = job.status.as_ref().and_then(|status| status.manifest.as_deref()).and_then(Digest::parse);
    let digest = match &known {
        Some(digest) => digest.clone(),
        None => match pinned(context, job).await? {
            Some(digest) => digest,
            None => return Ok(None),
        },
    };
    let name = Name::Artifact { namespace, digest: digest.clone() };
    let Some(bytes) = store.get(&name, DOCUMENT_BYTES).await? else {
        if known.is_none() {
            // The pin is the first step of freezing; the second was never made.
            store.delete(&pin_name(job)).await?;
            return Ok(None);
        }
        let (digest, why) = (digest.as_str().to_owned(), "it is gone from the store".to_owned());
        return Err(OperatorError::ManifestInvalid { digest, why });
    };
    let run = Arc::new(Run::parse(&digest, &bytes)?);
    context.remember(&uid, |memory| memory.run = Some(run.clone()));
    Ok(Some(run))
}

/// Pin of a job: its manifest, then its archive.
pub(super) fn pin_name(job: &ArenaJob) -> Name {
    Name::Pin { namespace: job.namespace().unwrap_or_default(), name: format!("job.{}", job.uid().unwrap_or_default()) }
}

/// Pin of a table that was indexed for a job, until the job's own pin is there.
pub(super) fn table_pin_name(job: &ArenaJob) -> Name {
    Name::Pin {
        namespace: job.namespace().unwrap_or_default(),
        name: format!("table.{}", job.uid().unwrap_or_default()),
    }
}

/// Manifest that the job's pin names.
async fn pinned(context: &Context, job: &ArenaJob) -> Result<Option<Digest>, OperatorError> {
    let Some(bytes) = context.store()?.get(&pin_name(job), 1 << 20).await? else { return Ok(None) };
    Ok(Pin::parse(&bytes).ok().and_then(|pin| pin.artifacts.into_iter().next()))
}

async fn summary(context: &Context, job: &ArenaJob, digest: &Digest) -> Result<Summary, OperatorError> {
    let invalid = |why: String| OperatorError::SummaryInvalid { digest: digest.as_str().to_owned(), why };
    let name = Name::Result {
        namespace: job.namespace().unwrap_or_default(),
        job: job.uid().unwrap_or_default(),
        file: "summary.json".to_owned(),
    };
    let bytes = context.store()?.get(&name, DOCUMENT_BYTES).await?;
    let bytes = bytes.ok_or_else(|| invalid("it is not in the store".to_owned()))?;
    let found = Digest::of(&bytes);
    if found != *digest {
        return Err(invalid(format!("the store has {found}")));
    }
    serde_json::from_slice(&bytes).map_err(|error| invalid(error.to_string()))
}
