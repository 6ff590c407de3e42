//! Counts of a job, and what is frozen when it is sealed.

use std::collections::BTreeMap;

use arena_model::{Digest, Outcome};

use crate::{CaseAt, WorkerId};

/// How far a job is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Cases are given out and taken back.
    Open,
    /// The set of results is fixed.
    Sealed,
    /// The results are written; digest of the summary.
    Finished(Digest),
    /// Too many finalize leases were lost.
    FinalizeFailed,
}

/// Done cases by their outcome. A case that was not run is not done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub struct OutcomeCounts {
    pub passed: u64,
    pub failed: u64,
    pub error: u64,
    pub skipped: u64,
}

impl OutcomeCounts {
    /// Counts one more; `not_run` is refused before it comes here and counts nowhere.
    pub(crate) fn add(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Passed => self.passed += 1,
            Outcome::Failed => self.failed += 1,
            Outcome::Error => self.error += 1,
            Outcome::Skipped => self.skipped += 1,
            Outcome::NotRun => {}
        }
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.passed + self.failed + self.error + self.skipped
    }
}

/// One lane: `length = done + in_flight + waiting + not_run`, always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LaneCounts {
    /// Number of cases.
    pub length: u64,
    /// Cases with a committed record.
    pub done: u64,
    /// Leases.
    pub in_flight: u64,
    /// Cases still to be given out, retries included.
    pub waiting: u64,
    /// Those of `waiting` that were given out before.
    pub retrying: u64,
    /// Cases a cancel or the budget kept from running.
    pub not_run: u64,
    /// `done` by outcome.
    pub outcomes: OutcomeCounts,
    /// Sum of all known costs, millionths of a US dollar, losers and retried attempts included.
    pub spent_usd_micro: u64,
    /// Costs that were not known.
    pub unpriced: u64,
    /// Retryable failures.
    pub attempts: u64,
    /// Leases lost with their worker.
    pub stalls: u64,
    /// Crashes by a case itself.
    pub poison: u64,
}

/// A job at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// How far it is.
    pub phase: Phase,
    /// Whether it was cancelled.
    pub cancelled: bool,
    /// In the order of the spec.
    pub lanes: Vec<LaneCounts>,
    /// What counts against the budget as spent, millionths of a US dollar. Zero without a budget.
    pub budget_spent_usd_micro: u64,
    /// Reserved by leases, millionths of a US dollar.
    pub reserved_usd_micro: u64,
    /// Charged for lost leases until their cost is known, millionths of a US dollar.
    pub charged_usd_micro: u64,
    /// Worker processes ever seen.
    pub workers: u64,
    /// Records of cases that were done already.
    pub losers: u64,
}

impl Snapshot {
    /// All lanes added up.
    pub fn total(&self) -> LaneCounts {
        let mut sum = LaneCounts::default();
        for lane in &self.lanes {
            sum.length += lane.length;
            sum.done += lane.done;
            sum.in_flight += lane.in_flight;
            sum.waiting += lane.waiting;
            sum.retrying += lane.retrying;
            sum.not_run += lane.not_run;
            sum.outcomes.passed += lane.outcomes.passed;
            sum.outcomes.failed += lane.outcomes.failed;
            sum.outcomes.error += lane.outcomes.error;
            sum.outcomes.skipped += lane.outcomes.skipped;
            sum.spent_usd_micro = sum.spent_usd_micro.saturating_add(lane.spent_usd_micro);
            sum.unpriced += lane.unpriced;
            sum.attempts += lane.attempts;
            sum.stalls += lane.stalls;
            sum.poison += lane.poison;
        }
        sum
    }
}

/// A worker as an adopter sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkerView {
    /// Its id.
    pub id: WorkerId,
    /// Sequence number of its newest committed batch; 0 if there is none.
    pub last: u64,
    /// Whether its heartbeat has run out.
    pub expired: bool,
    /// Whether its leases were taken from it.
    pub gone: bool,
}

/// What the index is a function of; it changes no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedJob {
    /// Every worker ever registered, sorted by id.
    pub workers: Vec<SealedWorker>,
    /// Cases not run, per lane.
    pub not_run: Vec<u64>,
}

/// One worker's part of a sealed job: its batches 1 to `last` count, minus the losers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedWorker {
    /// Its id.
    pub id: WorkerId,
    /// Sequence number of its newest batch; 0 if there is none.
    pub last: u64,
    /// Per batch that has any, the cases of it that were done already, sorted.
    pub losers: BTreeMap<u64, Vec<CaseAt>>,
}
