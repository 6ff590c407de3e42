//! The controller of ArenaSource: when to fetch, and what to say of it.

use std::time::Duration;

use arena_crd::{ArenaSource, ArenaSourceStatus, Artifact, Condition, ConditionStatus, REQUESTED_AT};
use k8s_openapi::jiff::Timestamp;

use crate::{Conditions, Kind, backoff, jittered};

/// How a look at the place ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Fetch {
    /// The bundle that is there, fetched now or known already.
    Got(Artifact),
    /// It failed. The reason is that of the error.
    Failed {
        /// Stable name.
        reason: &'static str,
        /// For people; names no credential.
        message: String,
        /// Whether only a changed spec can help.
        stalled: bool,
    },
}

/// What was seen of a source.
#[derive(Clone, Debug)]
pub struct SourceObservation<'a> {
    /// The source.
    pub source: &'a ArenaSource,
    /// How the look that was just made ended; none before one.
    pub fetch: Option<Fetch>,
    /// When the last look ended, by this process; none if it made none yet.
    pub last: Option<Timestamp>,
    /// Failures in a row, that of `fetch` included.
    pub failures: u32,
    /// Of this look.
    pub now: Timestamp,
}

/// What to do with a source.
#[derive(Clone, Debug, PartialEq)]
pub struct SourcePlan {
    /// Look at the place now, then plan again with how it ended.
    pub fetch: bool,
    /// The status to write.
    pub status: ArenaSourceStatus,
    /// When to plan again; none is when the object changes.
    pub again: Option<Duration>,
}

/// Decides.
pub fn plan_source(seen: &SourceObservation<'_>) -> SourcePlan {
    let source = seen.source;
    let uid = source.metadata.uid.as_deref().unwrap_or_default();
    let generation = source.metadata.generation;
    let mut status = source.status.clone().unwrap_or_default();
    let old = std::mem::take(&mut status.conditions);
    let mut conditions = Conditions::new(&old, generation, seen.now);
    let requested = source.metadata.annotations.as_ref().and_then(|all| all.get(REQUESTED_AT));
    let poked = requested.is_some() && requested != status.last_handled_reconcile_at.as_ref();
    let changed = status.observed_generation != generation;
    if source.spec.suspend {
        conditions.keep(Kind::Ready);
        if Condition::find(&old, Kind::Ready.name()).is_none() {
            let message = "suspended before the first fetch; set spec.suspend to false";
            conditions.set(Kind::Ready, ConditionStatus::False, "Suspended", message);
        }
        status.observed_generation = generation;
        status.conditions = conditions.finish();
        return SourcePlan { fetch: false, status, again: None };
    }
    let interval = jittered(source.spec.interval.get(), uid);
    let Some(fetch) = &seen.fetch else {
        let elapsed = seen.last.map(|last| Duration::try_from(seen.now - last).unwrap_or_default());
        let wait = if seen.failures > 0 { backoff(seen.failures, uid) } else { interval };
        match elapsed {
            Some(elapsed) if elapsed < wait && !poked && !changed => {
                status.conditions = old;
                return SourcePlan { fetch: false, status, again: Some(wait - elapsed) };
            }
            _ => {}
        }
        // A look that finds nothing new is not worth a write; the first one, and one that was asked for, is.
        if poked || changed || status.artifact.is_none() {
            conditions.set(Kind::Reconciling, ConditionStatus::True, "Fetching", "the place is being looked at");
            conditions.keep(Kind::Ready).keep(Kind::FetchFailed);
            status.conditions = conditions.finish();
        } else {
            status.conditions = old;
        }
        return SourcePlan { fetch: true, status, again: None };
    };
    status.observed_generation = generation;
    status.last_handled_reconcile_at = requested.map(|value| value.chars().take(256).collect());
    let again = match fetch {
        Fetch::Got(artifact) => {
            let same = |old: &&mut Artifact| {
                (&old.revision, &old.digest, &old.url) == (&artifact.revision, &artifact.digest, &artifact.url)
            };
            match status.artifact.as_mut().filter(same) {
                // A look that finds nothing new does not move the time.
                Some(old) => old.observed_generation = generation.unwrap_or_default(),
                None => status.artifact = Some(artifact.clone()),
            }
            conditions.ready("Fetched", format!("bundle {} is available", artifact.revision));
            interval
        }
        Fetch::Failed { reason, message, stalled } => {
            let mut text = message.clone();
            if let Some(artifact) = &status.artifact {
                text.push_str(&format!("; bundle {} stays available", artifact.revision));
            }
            conditions.set(Kind::FetchFailed, ConditionStatus::True, reason, text.as_str());
            if *stalled {
                conditions.stalled(reason, text)
            } else {
                conditions.waiting(reason, text)
            };
            if *stalled { interval } else { backoff(seen.failures, uid).min(interval) }
        }
    };
    status.conditions = conditions.finish();
    SourcePlan { fetch: false, status, again: Some(again) }
}
