//! What to do with a job next.

use std::time::Duration;

use arena_crd::{ArenaJobStatus, CaseCounts, Condition, ConditionStatus, JobPhase, JobTrigger, ResultStatus};
use arena_model::Fault;
use k8s_openapi::jiff::Timestamp;

use super::end::{End, deadline, end, never_started};
use super::{Frozen, JobObservation, child, progress};
use crate::conditions::time;
use crate::{Conditions, Kind, Resolved, reference, resolve};

/// Finalizer of a job that runs: nothing of it may stay in Redis.
pub const FINALIZER: &str = "omnia.altairalabs.ai/run";

/// Between two looks at a run that goes on.
const PROGRESS: Duration = Duration::from_secs(5);

/// One thing to do. All of it may be done again without harm. After any of them the caller looks and plans again.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Put [`FINALIZER`] on the job.
    AddFinalizer,
    /// Take it off.
    RemoveFinalizer,
    /// Write the manifest of the run into the store.
    Freeze(Box<Resolved>),
    /// Make the queue's job from the manifest.
    Enqueue,
    /// Make the Redis user and the Secret of the job.
    IssueCredentials,
    /// Make the Kubernetes Job of this many workers.
    CreateWorkers(u32),
    /// Hold the workers, or let them go on.
    SuspendWorkers(bool),
    /// Remove the Kubernetes Job and its pods.
    DeleteWorkers,
    /// Tell the queue that no further case is to be run.
    Cancel,
    /// Remove the Redis user, the job's keys in Redis and its Secret. Results stay.
    Release,
    /// Create a run of this standing job.
    CreateChild(Box<arena_crd::ArenaJob>),
    /// Set `cancelled` on a run of this standing job.
    CancelChild(String),
    /// Delete a run of this standing job.
    DeleteChild(String),
    /// Delete the job itself.
    DeleteJob,
}

/// What to do with a job.
#[derive(Clone, Debug, PartialEq)]
pub struct JobPlan {
    /// In this order; after a failed one the rest waits for the next look.
    pub actions: Vec<Action>,
    /// The status to write when they are done.
    pub status: ArenaJobStatus,
    /// When to look again; none is when something that is watched changes.
    pub again: Option<Duration>,
}

/// Decides.
pub fn plan_job(seen: &JobObservation<'_>) -> JobPlan {
    let old = seen.job.status.clone().unwrap_or_default();
    if seen.job.metadata.deletion_timestamp.is_some() {
        return deleted(seen, old);
    }
    if Condition::is_true(&old.conditions, Kind::Finished.name()) {
        return finished(seen, old);
    }
    let mut status = old.clone();
    let generation = seen.job.metadata.generation;
    status.observed_generation = generation;
    let conditions = Conditions::new(&old.conditions, generation, seen.now);
    match (&seen.job.spec.trigger, &seen.run.frozen) {
        (Some(trigger), _) => standing(seen, trigger, status, conditions),
        (None, None) => not_frozen(seen, status, conditions),
        (None, Some(frozen)) => running(seen, frozen, status, conditions),
    }
}

fn deleted(seen: &JobObservation<'_>, status: ArenaJobStatus) -> JobPlan {
    let mut actions = Vec::new();
    if seen.run.workers.is_some() {
        actions.push(Action::DeleteWorkers);
    }
    if seen.run.credentials || seen.run.queue.is_some() {
        actions.push(Action::Release);
    }
    if actions.is_empty() && has_finalizer(seen) {
        actions.push(Action::RemoveFinalizer);
    }
    JobPlan { actions, status, again: None }
}

fn has_finalizer(seen: &JobObservation<'_>) -> bool {
    seen.job.metadata.finalizers.iter().flatten().any(|finalizer| finalizer == FINALIZER)
}

/// It is over: credentials go when nobody uses them any more, the object goes when its time is up.
fn finished(seen: &JobObservation<'_>, mut status: ArenaJobStatus) -> JobPlan {
    if let Some(workers) = seen.run.workers.as_ref().and_then(progress::workers) {
        // The last pods end after the run.
        status.workers = Some(workers);
    }
    let since = |after: Duration| {
        let ended: Option<Timestamp> = status.completion_time.as_ref().and_then(|text| text.parse().ok());
        let at = ended.and_then(|ended| ended.checked_add(after).ok()).unwrap_or(seen.now);
        Duration::try_from(at - seen.now).unwrap_or_default()
    };
    let (mut actions, mut again) = (Vec::new(), None);
    if seen.job.spec.trigger.is_some() {
        actions.extend(child::to_cancel(seen.children).into_iter().map(Action::CancelChild));
    }
    let active = seen.run.workers.as_ref().and_then(progress::workers).is_some_and(|workers| workers.active > 0);
    if active && since(seen.grace).is_zero() {
        actions.push(Action::DeleteWorkers);
    }
    if seen.run.credentials || seen.run.queue.is_some() {
        let wait = since(seen.grace);
        if active && !wait.is_zero() { again = Some(wait.min(PROGRESS)) } else { actions.push(Action::Release) }
    }
    if let Some(ttl) = seen.job.spec.ttl_seconds_after_finished {
        let wait = since(Duration::from_secs(ttl.into()));
        if wait.is_zero() {
            actions.push(Action::DeleteJob);
        } else {
            again = Some(again.map_or(wait, |again: Duration| again.min(wait)));
        }
    }
    JobPlan { actions, status, again }
}

fn standing(
    seen: &JobObservation<'_>,
    trigger: &JobTrigger,
    mut status: ArenaJobStatus,
    mut conditions: Conditions<'_>,
) -> JobPlan {
    let mut actions: Vec<Action> = child::beyond(seen.children, trigger).into_iter().map(Action::DeleteChild).collect();
    status.last_job = child::newest(seen.children).and_then(|child| child.metadata.name.clone());
    if seen.job.spec.cancelled {
        actions.extend(child::to_cancel(seen.children).into_iter().map(Action::CancelChild));
        let message = "the standing job was cancelled; it starts no further run";
        conditions.ready("Cancelled", message).set(Kind::Finished, ConditionStatus::True, "Cancelled", message);
        status.phase = Some(JobPhase::Cancelled);
        status.completion_time = Some(time(seen.now));
        status.conditions = conditions.finish();
        return JobPlan { actions, status, again: None };
    }
    conditions.set(Kind::Finished, ConditionStatus::False, "Standing", "a job with a trigger does not end by itself");
    let resolved = reference::config(&seen.job.spec.config_ref.name, seen.config)
        .and_then(|config| resolve(&config.spec, seen.source, seen.dataset, seen.providers));
    match resolved {
        _ if seen.job.spec.suspend => {
            conditions.waiting("Suspended", "spec.suspend is true: no run is started");
            status.phase = Some(JobPhase::Suspended);
        }
        Err(error) => {
            conditions.waiting(error.reason(), error.to_string());
            status.phase = Some(JobPhase::Pending);
        }
        Ok(resolved) => {
            if let Some(run) = child::due(seen.job, seen.children, &resolved.source.revision) {
                status.last_job.clone_from(&run.metadata.name);
                actions.push(Action::CreateChild(Box::new(run)));
            }
            conditions.ready("Standing", format!("the newest revision is {}", resolved.source.revision));
            status.source = Some(resolved.source);
            status.phase = Some(JobPhase::Standing);
        }
    }
    status.conditions = conditions.finish();
    JobPlan { actions, status, again: None }
}

/// Nothing runs yet: everything it needs must be there first.
fn not_frozen(seen: &JobObservation<'_>, mut status: ArenaJobStatus, mut conditions: Conditions<'_>) -> JobPlan {
    if seen.job.spec.cancelled {
        close(seen, &mut status, &mut conditions, never_started());
        status.conditions = conditions.finish();
        return JobPlan { actions: Vec::new(), status, again: None };
    }
    status.phase = Some(JobPhase::Pending);
    let mut actions = Vec::new();
    let resolved = reference::config(&seen.job.spec.config_ref.name, seen.config)
        .and_then(|config| resolve(&config.spec, seen.source, seen.dataset, seen.providers));
    let waiting = match resolved {
        _ if seen.job.spec.suspend => {
            status.phase = Some(JobPhase::Suspended);
            ("Suspended".to_owned(), "spec.suspend is true: the run does not start".to_owned())
        }
        Err(error) => (error.reason().to_owned(), error.to_string()),
        Ok(resolved) => {
            if !has_finalizer(seen) {
                actions.push(Action::AddFinalizer);
            }
            actions.push(Action::Freeze(Box::new(resolved)));
            // What went wrong the last time stands there until it goes right.
            match &seen.run.trouble {
                Some(trouble) => (trouble.reason.clone(), trouble.message.clone()),
                None => ("Freezing".to_owned(), "bundle and config are being frozen".to_owned()),
            }
        }
    };
    let (reason, message) = waiting;
    conditions.waiting(&reason, message.as_str());
    conditions.set(Kind::Resolved, ConditionStatus::False, &reason, message);
    conditions.set(Kind::Finished, ConditionStatus::False, "Pending", "the run has not started");
    status.conditions = conditions.finish();
    JobPlan { actions, status, again: None }
}

fn running(
    seen: &JobObservation<'_>,
    frozen: &Frozen,
    mut status: ArenaJobStatus,
    mut conditions: Conditions<'_>,
) -> JobPlan {
    let run = seen.run;
    status.start_time = Some(time(frozen.at));
    status.manifest = Some(frozen.manifest.as_str().to_owned());
    status.work_digest = Some(frozen.work.as_str().to_owned());
    status.source = Some(frozen.source.clone());
    status.workers = run.workers.as_ref().and_then(progress::workers);
    let message = format!("{} with manifest {}", frozen.source.revision, frozen.manifest);
    conditions.set(Kind::Resolved, ConditionStatus::True, "Frozen", message);
    if let Some((cases, cost)) = figures(seen) {
        status.progress = Some(progress::ended(&cases));
        status.pass_rate = progress::pass_rate(&cases);
        status.cost_usd = progress::cost(cost);
        status.cases = Some(cases);
    }
    if let Some(end) = end(seen, frozen) {
        if let Some((digest, summary)) = &run.summary {
            status.latency = progress::latency(summary);
            status.result = Some(ResultStatus { url: results_url(seen), digest: digest.as_str().to_owned() });
        }
        close(seen, &mut status, &mut conditions, end);
        status.conditions = conditions.finish();
        return JobPlan { actions: Vec::new(), status, again: Some(Duration::ZERO) };
    }
    let actions = drive(seen, frozen);
    let (reason, message) = if seen.job.spec.suspend {
        status.phase = Some(JobPhase::Suspended);
        ("Suspended", "spec.suspend is true: no worker runs".to_owned())
    } else if let (false, Some(trouble)) = (run.credentials, &run.trouble) {
        // Without credentials no worker can do a thing.
        status.phase = Some(JobPhase::Pending);
        (trouble.reason.as_str(), trouble.message.clone())
    } else {
        status.phase = Some(JobPhase::Running);
        ("Running", format!("{} cases ended", status.progress.as_deref().unwrap_or("no")))
    };
    let progressing = if seen.job.spec.suspend || status.phase == Some(JobPhase::Pending) {
        ConditionStatus::False
    } else {
        ConditionStatus::True
    };
    conditions.waiting(reason, message.as_str());
    conditions.set(Kind::Progressing, progressing, reason, message.as_str());
    conditions.set(Kind::Finished, ConditionStatus::False, reason, message);
    status.conditions = conditions.finish();
    let left = Duration::try_from(deadline(seen, frozen, Duration::ZERO) - seen.now).unwrap_or_default();
    let again = if left.is_zero() { PROGRESS } else { left.min(PROGRESS) };
    JobPlan { actions, status, again: Some(again) }
}

/// Counts, and the cost in millionths of a US dollar.
fn figures(seen: &JobObservation<'_>) -> Option<(CaseCounts, Option<u64>)> {
    if let Some((_, summary)) = &seen.run.summary {
        return Some((progress::from_summary(&summary.cases), summary.cost_usd_micro));
    }
    seen.run.queue.as_ref().map(|queue| (progress::from_queue(queue), progress::spent(queue)))
}

/// Makes what is missing, and passes on what the user wants.
fn drive(seen: &JobObservation<'_>, frozen: &Frozen) -> Vec<Action> {
    let run = seen.run;
    let mut actions = Vec::new();
    match &run.queue {
        None => actions.push(Action::Enqueue),
        Some(queue) => {
            let late = seen.now >= deadline(seen, frozen, Duration::ZERO);
            if (seen.job.spec.cancelled || late) && !queue.cancelled {
                actions.push(Action::Cancel);
            }
        }
    }
    if !run.credentials {
        actions.push(Action::IssueCredentials);
    }
    let suspend = seen.job.spec.suspend;
    match &run.workers {
        None if suspend => {}
        None => actions.push(Action::CreateWorkers(frozen.workers)),
        // All pods said finished and the queue says otherwise: it lost its data. New workers put it right.
        Some(workers) if complete(workers) => actions.push(Action::DeleteWorkers),
        Some(workers) => {
            let held = workers.spec.as_ref().and_then(|spec| spec.suspend).unwrap_or(false);
            if held != suspend {
                actions.push(Action::SuspendWorkers(suspend));
            }
        }
    }
    actions
}

fn complete(workers: &k8s_openapi::api::batch::v1::Job) -> bool {
    let conditions = workers.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions.into_iter().flatten().any(|condition| condition.type_ == "Complete" && condition.status == "True")
}

fn close(seen: &JobObservation<'_>, status: &mut ArenaJobStatus, conditions: &mut Conditions<'_>, end: End) {
    let (reason, message) = end.finished;
    if end.phase == JobPhase::Error {
        conditions.stalled(reason, message.as_str());
    } else {
        conditions.ready(reason, message.as_str());
    }
    conditions.set(Kind::Progressing, ConditionStatus::False, reason, "no worker is at it any more");
    conditions.set(Kind::Finished, ConditionStatus::True, reason, message);
    let (passed, reason, message) = end.passed;
    let passed = if passed { ConditionStatus::True } else { ConditionStatus::False };
    conditions.set(Kind::Passed, passed, reason, message);
    status.gates = end.gates;
    status.phase = Some(end.phase);
    status.completion_time = Some(time(seen.now));
}

/// Where a run's results lie in the store.
fn results_url(seen: &JobObservation<'_>) -> String {
    let namespace = seen.job.metadata.namespace.as_deref().unwrap_or_default();
    let uid = seen.job.metadata.uid.as_deref().unwrap_or_default();
    format!("{}/v1/{namespace}/results/{uid}/", seen.store_url.trim_end_matches('/'))
}
