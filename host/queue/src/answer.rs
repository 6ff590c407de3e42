//! What the queue answers.

use std::time::Duration;

use arena_model::{Digest, Outcome};

use crate::{CaseAt, SealedJob, Token, WorkerId};

/// Of `create`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// The job is new.
    New,
    /// The same job was there; nothing was changed.
    Exists,
}

/// Of `register`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Register {
    /// The worker may claim.
    Registered,
    /// The id was seen before; take a new one.
    Known,
    /// The job takes no more results.
    Sealed,
}

/// One case under a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Index of the lane.
    pub lane: u32,
    /// Place in the lane.
    pub j: u64,
    /// Guards release and fail.
    pub token: Token,
    /// Which lease of this case it is, from 1.
    pub attempt: u32,
    /// If set, do not run the case but commit an `error` record that says so.
    pub exhausted: Option<Exhausted>,
}

impl Claim {
    /// The case.
    pub fn at(&self) -> CaseAt {
        CaseAt { lane: self.lane, j: self.j }
    }
}

/// Which limit a case ran into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exhausted {
    /// Too many retryable failures.
    Attempts,
    /// Too many lost workers.
    Stalls,
    /// Too many crashes by the case itself.
    Poison,
}

/// Of `claim`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// 1 to k cases.
    Cases(Vec<Claim>),
    /// No case now, but later maybe.
    Nothing {
        /// Time to the lane's next retry, if that is what is waited for.
        retry_in: Option<Duration>,
    },
    /// The lane will give no further case: all done, cancelled or out of budget.
    Closed,
    /// The job takes no more results.
    Sealed,
    /// The worker's leases were taken from it; it must go on under a new id.
    Gone,
}

/// Of `heartbeat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heartbeat {
    /// The leases live on.
    Alive {
        /// Whether the job was cancelled.
        cancelled: bool,
    },
    /// Too late: store and commit what is finished, drop the rest, go on under a new id.
    Gone,
}

/// Of `release`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Released {
    /// The case waits again, with no attempt counted.
    Waiting,
    /// The lane is stopped; the case is not run.
    NotRun,
    /// The lease was no longer there; nothing was changed.
    Stale,
    /// The job takes no more results; nothing was changed.
    Sealed,
}

/// Why an attempt failed; decides whether it is made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureClass {
    /// Trying again may work.
    Retryable,
    /// Trying again gives the same.
    Fatal,
    /// The case broke what ran it.
    Poison,
}

/// A failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Why.
    pub class: FailureClass,
    /// What the attempt cost, millionths of a US dollar; none if not known. Counts only if the attempt is dropped
    /// (`Retry`, `NotRun`): after `Final` it is part of the record and comes with the commit.
    pub cost_usd_micro: Option<u64>,
}

/// Of `fail`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failed {
    /// The case waits again.
    Retry {
        /// How long.
        after: Duration,
    },
    /// No further attempt: the lease stays, commit an `error` record.
    Final,
    /// The lane is stopped; the case is not run.
    NotRun,
    /// The lease was no longer there; nothing was changed.
    Stale,
    /// The job takes no more results; nothing was changed.
    Sealed,
}

/// A case whose record is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Index of the lane.
    pub lane: u32,
    /// Place in the lane.
    pub j: u64,
    /// Of the record; never `not_run`.
    pub outcome: Outcome,
    /// Of the record, millionths of a US dollar; none if not known.
    pub cost_usd_micro: Option<u64>,
}

impl Settled {
    /// The case.
    pub fn at(&self) -> CaseAt {
        CaseAt { lane: self.lane, j: self.j }
    }
}

/// Of `commit`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Commit {
    /// The batch counts, now or since an earlier call.
    Committed {
        /// Cases of the batch that were done already, sorted: their records here do not count.
        losers: Vec<CaseAt>,
    },
    /// An earlier batch is missing; commit from `last + 1` on.
    Behind {
        /// Newest batch the queue knows.
        last: u64,
    },
    /// The job takes no more results; nothing was changed.
    Sealed,
}

/// Of `reclaim`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reclaim {
    /// The worker is gone, its leases are handed back.
    Reclaimed {
        /// How many; 0 if it was gone before.
        leases: u64,
    },
    /// Its heartbeat has not run out; nothing was changed.
    Alive,
    /// It committed in the meantime; nothing was changed. Adopt from `last + 1` on.
    Moved {
        /// Newest batch the queue knows.
        last: u64,
    },
}

/// Of `finalize`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finalize {
    /// The lease is the worker's, for as long as its heartbeat goes on.
    Leased,
    /// Some cases are still in flight or waiting.
    NotYet {
        /// How many.
        open: u64,
    },
    /// Another worker has the lease.
    Held {
        /// Which.
        by: WorkerId,
    },
    /// The job is finished.
    Finished,
    /// Too many leases were lost; the job has failed.
    Failed,
    /// The worker is gone.
    Gone,
}

/// Of `seal`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seal {
    /// The set of results is fixed, now or since an earlier call.
    Sealed(SealedJob),
    /// Some cases are still open; nothing was changed.
    Refused {
        /// Leases.
        in_flight: u64,
        /// Cases still to be given out.
        waiting: u64,
    },
}

/// Of `finish`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finish {
    /// The job is finished with this digest, now or since an earlier call.
    Finished,
    /// It was finished with another digest, which stands.
    Differs {
        /// The one that stands.
        digest: Digest,
    },
    /// The job is not sealed; nothing was changed.
    NotSealed,
    /// Too many finalize leases were lost before; nothing was changed.
    Failed,
}

/// Why waiting for work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idle {
    /// A claim may give a case, or close a lane.
    Work,
    /// Every case is done or not run.
    Over,
    /// The worker is gone.
    Gone,
}
