//! Looks at the places of ArenaSources, and puts the bundles found there into the store.

use std::path::PathBuf;
use std::sync::Arc;

use arena_bundle::{Files, Limits};
use arena_crd::{ArenaSource, Artifact, SourceContents};
use arena_model::{Class, Fault as _};
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt as _;
use kube::runtime::controller::Action;

use super::archive::{self, Stored};
use super::place::{self, Found};
use crate::conditions::time;
use crate::context::Context;
use crate::{Fetch, OperatorError, Reported, SourceObservation, SourcePlan, plan_source};

pub(super) async fn reconcile(source: Arc<ArenaSource>, context: Arc<Context>) -> Result<Action, OperatorError> {
    let mut source = ArenaSource::clone(&source);
    let uid = source.uid().unwrap_or_default();
    if source.metadata.deletion_timestamp.is_some() {
        context.forget(&uid);
        return Ok(Action::await_change());
    }
    let memory = context.memory(&uid);
    let plan = plan(&source, None, memory.last, memory.failures);
    context.write_status(&source, source.status.as_ref(), &plan.status, |status| &status.conditions).await?;
    source.status = Some(plan.status);
    if !plan.fetch {
        return Ok(plan.again.map_or_else(Action::await_change, Action::requeue));
    }
    let fetch = match look(&context, &source).await {
        Ok(artifact) => Fetch::Got(artifact),
        Err(failed) => failed,
    };
    let (last, failures) = context.remember(&uid, |memory| {
        memory.failures = if matches!(fetch, Fetch::Got(_)) { 0 } else { memory.failures.saturating_add(1) };
        memory.last = Some(Timestamp::now());
        (memory.last, memory.failures)
    });
    let plan = self::plan(&source, Some(fetch), last, failures);
    context.write_status(&source, source.status.as_ref(), &plan.status, |status| &status.conditions).await?;
    let old = source.status.as_ref().and_then(|status| status.artifact.as_ref());
    archive::unpin_old(&context, &source, old, plan.status.artifact.as_ref()).await?;
    Ok(plan.again.map_or_else(Action::await_change, Action::requeue))
}

fn plan(source: &ArenaSource, fetch: Option<Fetch>, last: Option<Timestamp>, failures: u32) -> SourcePlan {
    plan_source(&SourceObservation { source, fetch, last, failures, now: Timestamp::now() })
}

/// What is there now, in the store.
async fn look(context: &Context, source: &ArenaSource) -> Result<Artifact, Fetch> {
    let place = place::of(context, source).await?;
    let revision = place.revision(context).await?;
    let old = source.status.as_ref().and_then(|status| status.artifact.as_ref());
    let generation = source.metadata.generation.unwrap_or_default();
    let same = |old: &&Artifact| old.revision == revision.as_str() && old.observed_generation == generation;
    if let Some(old) = old.filter(same)
        && archive::is_stored(context, source, old).await.map_err(|error| trouble(&error))?
    {
        return Ok(old.clone());
    }
    let Found { folder, revision } = place.fetch(context, revision).await?;
    let bundle = source.spec.contents == SourceContents::Bundle;
    let checked = if bundle { context.freezer.check(&folder.path()).await } else { check_files(folder.path()).await };
    checked.map_err(|problem| {
        // Where it was fetched to says nothing to anybody.
        let message = problem.message.replace(&folder.path().display().to_string(), "the bundle");
        let reason = if bundle { "BundleInvalid" } else { "DatasetInvalid" };
        Fetch::Failed { reason, message: format!("{}: {message}", problem.reason), stalled: false }
    })?;
    let Stored { digest, url, size } =
        archive::store(context, source, folder.path()).await.map_err(|error| trouble(&error))?;
    Ok(Artifact {
        revision: revision.as_str().to_owned(),
        digest: digest.as_str().to_owned(),
        url,
        size: i64::try_from(size).unwrap_or(i64::MAX),
        observed_generation: generation,
        last_update_time: time(Timestamp::now()),
    })
}

/// Whether the files of a folder can travel.
async fn check_files(folder: PathBuf) -> Result<(), Reported> {
    let report = |reason: &str, message: String| Reported { reason: reason.to_owned(), message };
    let list = move || {
        let listed = Files::of(&folder, &Limits::default());
        listed.map(drop).map_err(|problem| report(problem.reason, problem.to_string()))
    };
    let listed = tokio::task::spawn_blocking(list).await;
    listed.unwrap_or_else(|died| Err(report("TaskDied", died.to_string())))
}

/// Our own trouble, which may pass.
pub(super) fn trouble(error: &OperatorError) -> Fetch {
    let stalled = false;
    Fetch::Failed { reason: error.reason(), message: error.to_string(), stalled }
}

/// The remote's word. Only what the spec says can be for ever; what a remote holds can change any time.
pub(super) fn refused(error: &arena_source::SourceError) -> Fetch {
    use arena_source::Reason;
    let of_spec = [Reason::UrlInvalid, Reason::RefInvalid, Reason::PathInvalid, Reason::AuthenticationInsecure];
    let stalled = error.class() == Class::Input && of_spec.contains(&error.reason);
    Fetch::Failed { reason: error.reason.as_str(), message: error.message.clone(), stalled }
}
