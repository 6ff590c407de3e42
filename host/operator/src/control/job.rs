//! Looks at ArenaJobs, does what is to be done, and looks again.

use std::sync::Arc;
use std::time::Duration;

use arena_crd::{ArenaConfig, ArenaJob, ArenaSource};
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt as _;
use kube::api::ListParams;
use kube::runtime::controller::Action as Next;

use super::act::act;
use super::named::{dataset_source, providers};
use super::observe::observe;
use crate::context::Context;
use crate::job::PARENT;
use crate::{Action, JobObservation, JobPlan, OperatorError, backoff, plan_job};

/// Looks in a row; a run starts in four.
const ROUNDS: usize = 8;
/// Before the next look, when these were not enough.
const PAUSE: Duration = Duration::from_secs(1);

pub(super) async fn reconcile(seen: Arc<ArenaJob>, context: Arc<Context>) -> Result<Next, OperatorError> {
    let (namespace, uid) = (seen.namespace().unwrap_or_default(), seen.uid().unwrap_or_default());
    let api = context.api::<ArenaJob>(&namespace);
    let mut done: Vec<Action> = Vec::new();
    for _ in 0..ROUNDS {
        // Not the one that was seen: our own last write may be newer.
        let Some(job) = api.get_opt(&seen.name_any()).await?.filter(|job| job.uid().as_ref() == Some(&uid)) else {
            context.forget(&uid);
            return Ok(Next::await_change());
        };
        let plan = look(&context, &job).await?;
        // What did not help a moment ago waits for its time.
        let new = plan.actions != done;
        if new && let Some(next) = carry_out(&context, &job, &plan).await? {
            return Ok(next);
        }
        write(&context, &job, &plan).await?;
        let once_more = plan.again == Some(Duration::ZERO) || new && !plan.actions.is_empty();
        if !once_more {
            return Ok(plan.again.map_or_else(Next::await_change, Next::requeue));
        }
        done = plan.actions;
    }
    Ok(Next::requeue(PAUSE))
}

async fn write(context: &Context, job: &ArenaJob, plan: &JobPlan) -> Result<(), OperatorError> {
    if job.metadata.deletion_timestamp.is_some() {
        return Ok(());
    }
    context.write_status(job, job.status.as_ref(), &plan.status, |status| &status.conditions).await
}

async fn look(context: &Context, job: &ArenaJob) -> Result<JobPlan, OperatorError> {
    let namespace = job.namespace().unwrap_or_default();
    let run = observe(context, job).await?;
    let config = context.api::<ArenaConfig>(&namespace).get_opt(&job.spec.config_ref.name).await?;
    let (mut source, mut dataset, mut named) = (None, None, Default::default());
    if let Some(config) = &config {
        source = context.api::<ArenaSource>(&namespace).get_opt(&config.spec.source_ref.name).await?;
        dataset = dataset_source(context, &namespace, &config.spec).await?;
        named = providers(context, &namespace, &config.spec).await?;
    }
    let mut children = Vec::new();
    if job.spec.trigger.is_some() {
        let of_job = ListParams::default().labels(&format!("{PARENT}={}", job.uid().unwrap_or_default()));
        children = context.api::<ArenaJob>(&namespace).list(&of_job).await?.items;
    }
    Ok(plan_job(&JobObservation {
        job,
        config: config.as_ref(),
        source: source.as_ref(),
        dataset: dataset.as_ref(),
        providers: &named,
        children: &children,
        run: &run,
        store_url: &context.settings.store_url,
        grace: context.settings.token_grace,
        now: Timestamp::now(),
    }))
}

/// Does it all. When a run cannot be frozen, the status says why, and when to try again is given.
async fn carry_out(context: &Context, job: &ArenaJob, plan: &JobPlan) -> Result<Option<Next>, OperatorError> {
    let uid = job.uid().unwrap_or_default();
    for action in &plan.actions {
        tracing::info!(job = job.name_any(), action = name(action), "acting");
        match act(context, job, action).await {
            Ok(()) => {}
            Err(OperatorError::NotFrozen(trouble)) => {
                tracing::warn!(job = job.name_any(), reason = trouble.reason, trouble.message, "not frozen");
                let failures = context.remember(&uid, |memory| {
                    memory.trouble = Some(trouble);
                    memory.failures = memory.failures.saturating_add(1);
                    memory.failures
                });
                let told = look(context, job).await?;
                write(context, job, &told).await?;
                return Ok(Some(Next::requeue(backoff(failures, &uid))));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

fn name(action: &Action) -> &'static str {
    match action {
        Action::AddFinalizer => "add finalizer",
        Action::RemoveFinalizer => "remove finalizer",
        Action::Freeze(_) => "freeze",
        Action::Enqueue => "enqueue",
        Action::IssueCredentials => "issue credentials",
        Action::CreateWorkers(_) => "create workers",
        Action::SuspendWorkers(_) => "suspend workers",
        Action::DeleteWorkers => "delete workers",
        Action::Cancel => "cancel",
        Action::Release => "release",
        Action::CreateChild(_) => "create child",
        Action::CancelChild(_) => "cancel child",
        Action::DeleteChild(_) => "delete child",
        Action::DeleteJob => "delete job",
    }
}
