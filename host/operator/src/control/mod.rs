//! The controllers of the four kinds: what wakes them, and how they go on after a failure.

mod act;
mod archive;
mod config;
mod credentials;
mod freeze;
mod job;
mod named;
mod observe;
mod place;
mod provider;
mod source;

use std::sync::Arc;
use std::time::Duration;

use arena_crd::{ArenaConfig, ArenaJob, ArenaSource, Condition, Provider};
use arena_model::Fault as _;
use futures::StreamExt as _;
use futures::future::{BoxFuture, FutureExt as _, join_all};
use k8s_openapi::api::batch::v1::Job;
use kube::ResourceExt as _;
use kube::runtime::controller::{Action, Config};
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::{Controller, watcher};
use tokio::sync::watch;

use crate::context::Context;
use crate::status::Ours;
use crate::{Kind, OperatorError, backoff};

/// Objects of one kind and namespace that are looked at at the same time.
const AT_ONCE: u16 = 16;
/// Longest look at one object.
const LONGEST: Duration = Duration::from_secs(30 * 60);

/// Runs all controllers until `stop` is true and what is under way is done.
pub(crate) async fn run(context: Arc<Context>, stop: watch::Receiver<bool>) {
    let namespaces = context.settings.namespaces.clone();
    let all = namespaces.iter().flat_map(|namespace| of_namespace(&context, namespace, &stop));
    join_all(all).await;
}

fn of_namespace(context: &Arc<Context>, namespace: &str, stop: &watch::Receiver<bool>) -> [BoxFuture<'static, ()>; 4] {
    let any = watcher::Config::default;
    let providers = Controller::new(context.api::<Provider>(namespace), any());
    let sources = Controller::new(context.api::<ArenaSource>(namespace), any());
    let configs = Controller::new(context.api::<ArenaConfig>(namespace), any());
    let all = configs.store();
    let by_source = naming(all.clone(), |config: &ArenaConfig, name| names_source(config, name));
    let by_provider = naming(all, names_provider);
    let configs = configs
        .watches(context.api::<ArenaSource>(namespace), any(), move |source: ArenaSource| by_source(&source.name_any()))
        .watches(context.api::<Provider>(namespace), any(), move |provider: Provider| {
            by_provider(&provider.name_any())
        });
    let jobs = Controller::new(context.api::<ArenaJob>(namespace), any());
    let all = jobs.store();
    let by_config = naming(all.clone(), |job: &ArenaJob, name| job.spec.config_ref.name == name && !is_over(job));
    // Which config names a source is the config's matter: all jobs that are not over look.
    let (by_any_source, by_any_provider) = (naming(all.clone(), waits), naming(all, waits));
    let jobs = jobs
        .owns(context.api::<Job>(namespace), any())
        .owns(context.api::<ArenaJob>(namespace), any())
        .watches(context.api::<ArenaConfig>(namespace), any(), move |config: ArenaConfig| by_config(&config.name_any()))
        .watches(context.api::<ArenaSource>(namespace), any(), move |source: ArenaSource| {
            by_any_source(&source.name_any())
        })
        .watches(context.api::<Provider>(namespace), any(), move |provider: Provider| {
            by_any_provider(&provider.name_any())
        });
    [
        drive(providers, context, stop, |object, context| provider::reconcile(object, context).boxed()),
        drive(sources, context, stop, |object, context| source::reconcile(object, context).boxed()),
        drive(configs, context, stop, |object, context| config::reconcile(object, context).boxed()),
        drive(jobs, context, stop, |object, context| job::reconcile(object, context).boxed()),
    ]
}

/// A map from a name to the objects of a controller that it concerns.
fn naming<K: Ours>(
    all: Store<K>,
    concerns: impl Fn(&K, &str) -> bool + Send + Sync + 'static,
) -> impl Fn(&str) -> Vec<ObjectRef<K>> + Send + Sync + 'static {
    move |name| {
        all.state()
            .iter()
            .filter(|object| concerns(object, name))
            .map(|object| ObjectRef::from_obj(&**object))
            .collect()
    }
}

fn names_provider(config: &ArenaConfig, name: &str) -> bool {
    config.spec.provider_entries().iter().any(|entry| entry.object() == name)
}

fn names_source(config: &ArenaConfig, name: &str) -> bool {
    let dataset = config.spec.dataset.as_ref().map(|dataset| &dataset.source_ref);
    config.spec.source_ref.name == name || dataset.is_some_and(|source| source.name == name)
}

fn is_over(job: &ArenaJob) -> bool {
    let conditions = job.status.as_ref().map_or(&[][..], |status| &status.conditions);
    Condition::is_true(conditions, Kind::Finished.name())
}

/// A job that has not started, or stands: it depends on other objects still.
fn waits(job: &ArenaJob, _: &str) -> bool {
    !is_over(job) && job.status.as_ref().is_none_or(|status| status.manifest.is_none())
}

type Look<K> = fn(Arc<K>, Arc<Context>) -> BoxFuture<'static, Result<Action, OperatorError>>;

fn drive<K: Ours>(
    controller: Controller<K>,
    context: &Arc<Context>,
    stop: &watch::Receiver<bool>,
    look: Look<K>,
) -> BoxFuture<'static, ()> {
    let mut stop = stop.clone();
    let stopped = async move {
        // An error means that the sender is gone, which is a stop as well.
        let _ = stop.wait_for(|stop| *stop).await;
    };
    let reconcile = move |object: Arc<K>, context: Arc<Context>| async move {
        let done = tokio::time::timeout(LONGEST, look(object.clone(), context.clone())).await;
        let done = done.unwrap_or(Err(OperatorError::TooLong { seconds: LONGEST.as_secs() }));
        let uid = object.uid().unwrap_or_default();
        if done.is_err() || context.memory(&uid).errors > 0 {
            let count = |errors: u32| if done.is_ok() { 0 } else { errors.saturating_add(1) };
            context.remember(&uid, |memory| memory.errors = count(memory.errors));
        }
        done
    };
    let run = controller.with_config(Config::default().concurrency(AT_ONCE)).graceful_shutdown_on(stopped).run(
        reconcile,
        failed,
        context.clone(),
    );
    let kind = K::kind(&());
    run.for_each(move |done| {
        if let Err(kube::runtime::controller::Error::QueueError(error)) = done {
            tracing::warn!(%kind, %error, "the API server cannot be watched; again");
        }
        std::future::ready(())
    })
    .boxed()
}

/// The object is looked at again, later after each failure in a row.
fn failed<K: Ours>(object: Arc<K>, error: &OperatorError, context: Arc<Context>) -> Action {
    let uid = object.uid().unwrap_or_default();
    let wait = backoff(context.memory(&uid).errors.max(1), &uid);
    let (kind, name, reason) = (K::kind(&()), object.name_any(), error.reason());
    tracing::warn!(%kind, name, reason, %error, wait_s = wait.as_secs_f64(), "a look failed");
    Action::requeue(wait)
}
