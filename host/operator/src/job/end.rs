//! How a run ended, if it did.

use std::time::Duration;

use arena_crd::{GateStatus, JobPhase, verdict};
use arena_model::Summary;
use arena_queue::Phase;
use k8s_openapi::jiff::Timestamp;

use super::{Frozen, JobObservation};

/// The end of a run.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct End {
    /// Reason and message of the condition Finished.
    pub(super) finished: (&'static str, String),
    /// Whether what was tested is good, with reason and message.
    pub(super) passed: (bool, &'static str, String),
    /// In one word.
    pub(super) phase: JobPhase,
    /// Decided gates.
    pub(super) gates: Vec<GateStatus>,
}

/// Cancelled before anything ran.
pub(super) fn never_started() -> End {
    let message = "the job was cancelled before it started".to_owned();
    End {
        finished: ("Cancelled", message.clone()),
        passed: (false, "Cancelled", message),
        phase: JobPhase::Cancelled,
        gates: Vec::new(),
    }
}

/// The end of a frozen run; none while it goes on.
pub(super) fn end(seen: &JobObservation<'_>, frozen: &Frozen) -> Option<End> {
    let run = seen.run;
    if let Some((_, summary)) = &run.summary {
        return Some(by_summary(seen, frozen, summary));
    }
    if run.queue.as_ref().is_some_and(|queue| queue.phase == Phase::FinalizeFailed) {
        return Some(broken("FinalizeFailed", "the results could not be put together; the workers' logs say why"));
    }
    if let Some(message) = workers_failed(seen) {
        return Some(broken("WorkersFailed", &format!("the workers gave up: {message}; their logs say why")));
    }
    if seen.now >= deadline(seen, frozen, seen.grace) {
        let seconds = seen.job.spec.active_deadline_seconds;
        let message = format!("no results within activeDeadlineSeconds ({seconds}) and the grace after it");
        return Some(broken("DeadlineExceeded", &message));
    }
    None
}

/// The end of the time that the run has, and more.
pub(super) fn deadline(seen: &JobObservation<'_>, frozen: &Frozen, more: Duration) -> Timestamp {
    let allowed = Duration::from_secs(seen.job.spec.active_deadline_seconds.into()).saturating_add(more);
    frozen.at.checked_add(allowed).unwrap_or(Timestamp::MAX)
}

/// What the failed Kubernetes Job of the workers says.
fn workers_failed(seen: &JobObservation<'_>) -> Option<String> {
    let conditions = seen.run.workers.as_ref()?.status.as_ref()?.conditions.as_ref()?;
    let failed = conditions.iter().find(|condition| condition.type_ == "Failed" && condition.status == "True")?;
    let texts = [failed.reason.as_deref(), failed.message.as_deref()];
    Some(texts.into_iter().flatten().collect::<Vec<_>>().join(": "))
}

fn broken(reason: &'static str, message: &str) -> End {
    End {
        finished: (reason, message.to_owned()),
        passed: (false, reason, message.to_owned()),
        phase: JobPhase::Error,
        gates: Vec::new(),
    }
}

fn by_summary(seen: &JobObservation<'_>, frozen: &Frozen, summary: &Summary) -> End {
    let gates: Vec<GateStatus> = frozen.gates.iter().map(|gate| gate.judge(summary)).collect();
    let cases = &summary.cases;
    let most = summary.most_frequent_error();
    let error = most.map(|(name, cases)| format!("; most frequent error: {name} ({cases})")).unwrap_or_default();
    let all = format!(
        "{} cases: {} passed, {} failed, {} error, {} skipped, {} not run{error}",
        cases.planned, cases.passed, cases.failed, cases.error, cases.skipped, cases.not_run
    );
    let bundled = [&summary.gates[..], &summary.measured.gates].concat();
    let passed = verdict(&summary.decisive(), &gates, &bundled);
    let cut_short = cases.not_run > 0;
    let (reason, phase) = match (cut_short, seen.job.spec.cancelled, passed.0) {
        (true, true, _) => ("Cancelled", JobPhase::Cancelled),
        (true, false, _) => ("DeadlineExceeded", JobPhase::Error),
        (false, _, true) => ("Completed", JobPhase::Passed),
        (false, _, false) => ("Completed", JobPhase::Failed),
    };
    End { finished: (reason, all), passed, phase, gates }
}
