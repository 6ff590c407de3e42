//! Carries out one action of a job's plan.

use arena_crd::ArenaJob;
use arena_queue::{Queue as _, QueueError};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::{Api, ResourceExt as _};
use serde_json::json;

use super::freeze::freeze;
use super::observe::{is_of, job_id, pin_name, table_pin_name};
use super::{credentials, observe};
use crate::context::Context;
use crate::record::Run;
use crate::status::{MANAGER, Ours, apply, head};
use crate::{Action, FINALIZER, OperatorError, queue_spec, worker_job, worker_name};

pub(super) async fn act(context: &Context, job: &ArenaJob, action: &Action) -> Result<(), OperatorError> {
    let namespace = job.namespace().unwrap_or_default();
    let jobs = context.api::<ArenaJob>(&namespace);
    match action {
        Action::AddFinalizer => finalizers(&jobs, job, &[FINALIZER]).await,
        Action::RemoveFinalizer => {
            // Keys that are left of another life of Redis are not seen as a job.
            context.queue.remove(&job_id(job)?).await?;
            context.store()?.delete(&pin_name(job)).await?;
            context.store()?.delete(&table_pin_name(job)).await?;
            finalizers(&jobs, job, &[]).await
        }
        Action::Freeze(resolved) => freeze(context, job, resolved).await,
        Action::Enqueue => enqueue(context, job).await,
        Action::IssueCredentials => credentials::issue(context, job, &*frozen(context, job).await?).await,
        Action::CreateWorkers(count) => create_workers(context, job, *count).await,
        Action::SuspendWorkers(suspend) => {
            let patch = Patch::Merge(json!({"spec": {"suspend": suspend}}));
            let name = worker_name(&job.name_any());
            context.api::<Job>(&namespace).patch(&name, &PatchParams::default(), &patch).await?;
            Ok(())
        }
        Action::DeleteWorkers => {
            let workers = context.api::<Job>(&namespace);
            match workers.get_opt(&worker_name(&job.name_any())).await? {
                Some(found) if is_of(&found, job) => delete(&workers, &found.name_any(), found.uid()).await,
                _ => Ok(()),
            }
        }
        Action::Cancel => match context.queue.cancel(&job_id(job)?).await {
            Ok(_) | Err(QueueError::Rebuild { .. } | QueueError::JobUnknown { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        },
        Action::Release => release(context, job).await,
        Action::CreateChild(child) => created(jobs.create(&PostParams::default(), child).await),
        Action::CancelChild(name) => {
            let patch = Patch::Merge(json!({"spec": {"cancelled": true}}));
            let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
            match jobs.patch(name, &params, &patch).await {
                Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
                done => Ok(done.map(drop)?),
            }
        }
        Action::DeleteChild(name) => delete(&jobs, name, None).await,
        Action::DeleteJob => delete(&jobs, &job.name_any(), job.uid()).await,
    }
}

/// Makes these our finalizers of the job; those of others stay.
async fn finalizers(jobs: &Api<ArenaJob>, job: &ArenaJob, ours: &[&str]) -> Result<(), OperatorError> {
    let mut patch = head(job);
    patch["metadata"]["finalizers"] = json!(ours);
    match jobs.patch(&job.name_any(), &apply(), &Patch::Apply(&patch)).await {
        // It is gone, or another by now.
        Err(kube::Error::Api(status)) if ours.is_empty() && matches!(status.code, 404 | 409) => Ok(()),
        done => Ok(done.map(drop)?),
    }
}

async fn frozen(context: &Context, job: &ArenaJob) -> Result<std::sync::Arc<Run>, OperatorError> {
    observe::run(context, job).await?.ok_or_else(|| OperatorError::ManifestInvalid {
        digest: "(none)".to_owned(),
        why: "the run is not frozen any more".to_owned(),
    })
}

/// Makes the queue's job, once. One that was lost later is made again by the workers, who know what is stored.
async fn enqueue(context: &Context, job: &ArenaJob) -> Result<(), OperatorError> {
    if job.status.as_ref().is_some_and(|status| status.cases.is_some()) {
        tracing::warn!(job = job.name_any(), "the queue lost the job; its workers put it right");
        return Ok(());
    }
    let run = frozen(context, job).await?;
    match context.queue.create(&job_id(job)?, queue_spec(&run.lanes(), run.record.queue)).await {
        Ok(_) | Err(QueueError::Rebuild { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

async fn create_workers(context: &Context, job: &ArenaJob, count: u32) -> Result<(), OperatorError> {
    let workers = context.api::<Job>(&job.namespace().unwrap_or_default());
    let new = worker_job(job, count, context.settings.token_grace, &context.settings.pod);
    match workers.create(&PostParams::default(), &new).await {
        Err(kube::Error::Api(status)) if status.code == 409 => {
            let name = worker_name(&job.name_any());
            match workers.get_opt(&name).await? {
                Some(found) if !is_of(&found, job) => Err(OperatorError::NameTaken { kind: "Job", name }),
                _ => Ok(()),
            }
        }
        done => Ok(done.map(drop)?),
    }
}

/// The user first: a worker could build the queue's job again.
async fn release(context: &Context, job: &ArenaJob) -> Result<(), OperatorError> {
    let id = job_id(job)?;
    context.queue.delete_job_user(&id).await?;
    context.queue.remove(&id).await?;
    let secrets = context.api::<Secret>(&job.namespace().unwrap_or_default());
    let name = worker_name(&job.name_any());
    let foreign = match super::provider::secret(context, &job.namespace().unwrap_or_default(), &name).await? {
        super::provider::Found::Secret(found) => !is_of(&*found, job),
        super::provider::Found::Absent => true,
        super::provider::Found::Forbidden => false,
    };
    if !foreign {
        delete(&secrets, &name, None).await?;
    }
    context.remember(&job.uid().unwrap_or_default(), |memory| memory.issued = false);
    Ok(())
}

async fn delete<K: Ours>(api: &Api<K>, name: &str, uid: Option<String>) -> Result<(), OperatorError> {
    let preconditions = uid.map(|uid| Preconditions { uid: Some(uid), resource_version: None });
    let params = DeleteParams { preconditions, ..DeleteParams::background() };
    match api.delete(name, &params).await {
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(()),
        done => Ok(done.map(drop)?),
    }
}

fn created<T>(done: Result<T, kube::Error>) -> Result<(), OperatorError> {
    match done {
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
        done => Ok(done.map(drop)?),
    }
}
