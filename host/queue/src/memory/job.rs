//! One job: its lanes, workers, money and end. Every method is one step of the contract.

use std::collections::BTreeSet;

use arena_model::Digest;

use super::budget::Budget;
use super::ending::Ending;
use super::lane::{Lane, Lease};
use super::roster::{Roster, Worker};
use crate::{
    CaseAt, Claim, Claimed, Commit, Exhausted, Failed, Failure, FailureClass, Finalize, Finish, Heartbeat, Idle, JobId,
    JobSpec, MAX_CLAIM, QueueError, Reassert, Reclaim, Register, Released, Seal, SealedJob, Settled, Snapshot,
    Timestamp, TokenSource, WorkerId, WorkerView, check_batch,
};

pub(super) struct Job {
    id: JobId,
    spec: JobSpec,
    lanes: Vec<Lane>,
    roster: Roster,
    budget: Budget,
    ending: Ending,
    cancelled: bool,
}

impl Job {
    /// A new job of a checked spec.
    pub fn new(id: JobId, mut spec: JobSpec) -> Self {
        let (limit, spent) = (spec.budget_usd_micro, spec.restored_spend());
        let lanes: Vec<_> = spec.lanes.iter().map(|lane| Lane::new(lane, limit.is_some())).collect();
        spec.lanes.iter_mut().for_each(|lane| lane.restored = None);
        let (roster, ending, budget) = (Roster::default(), Ending::default(), Budget::new(limit, spent));
        Self { id, spec, lanes, roster, budget, ending, cancelled: false }
    }

    pub fn spec(&self) -> &JobSpec {
        &self.spec
    }

    pub fn register(&mut self, worker: WorkerId, now: Timestamp) -> Result<Register, QueueError> {
        let (sealed, known) = (self.ending.sealed, self.roster.get(worker).is_some());
        if self.ending.finished() || (sealed && known) {
            return Ok(Register::Sealed);
        }
        if known {
            return Ok(Register::Known);
        }
        let limit = self.spec.max_workers;
        if self.roster.len() >= limit.into() {
            return Err(QueueError::TooManyWorkers { job: self.id.clone(), limit });
        }
        self.roster.add(worker, now);
        // Who comes to a sealed job may end it, should whoever was about to be lost.
        Ok(if sealed { Register::Sealed } else { Register::Registered })
    }

    pub fn claim(
        &mut self,
        worker: WorkerId,
        number: u32,
        k: usize,
        now: Timestamp,
        tokens: &mut dyn TokenSource,
    ) -> Result<Claimed, QueueError> {
        if !(1..=MAX_CLAIM).contains(&k) {
            return Err(QueueError::ClaimInvalid { k, limit: MAX_CLAIM });
        }
        self.lane(number)?;
        let gone = self.worker(worker)?.gone;
        if self.ending.sealed {
            return Ok(Claimed::Sealed);
        }
        if gone {
            return Ok(Claimed::Gone);
        }
        let mut claims = vec![];
        while claims.len() < k {
            let idle = self.idle_lanes();
            let lane = &mut self.lanes[number as usize];
            let Some((j, history)) = lane.next(now) else { break };
            let reserved = if history.exhausted.is_some() { 0 } else { lane.reserve };
            if !self.budget.fits(reserved) {
                if idle {
                    lane.stop();
                }
                break;
            }
            let token = match tokens.next() {
                Ok(token) => token,
                Err(error) if claims.is_empty() => return Err(error),
                Err(_) => break,
            };
            self.budget.reserve(reserved);
            lane.lease(j, Lease { worker, token, history, reserved });
            let (attempt, exhausted) = (history.next_attempt(), history.exhausted);
            claims.push(Claim { lane: number, j, token, attempt, exhausted });
        }
        if !claims.is_empty() {
            return Ok(Claimed::Cases(claims));
        }
        let lane = &self.lanes[number as usize];
        if lane.closed() {
            return Ok(Claimed::Closed);
        }
        let retry_in = lane.retries.next_at().map(|at| at.since(now)).filter(|wait| !wait.is_zero());
        Ok(Claimed::Nothing { retry_in })
    }

    /// Whether nothing of the job is in flight. Only the budget asks, so that jobs without one pay nothing for it.
    fn idle_lanes(&self) -> bool {
        self.budget.limited() && self.lanes.iter().all(|lane| lane.leases.is_empty())
    }

    pub fn heartbeat(&mut self, worker: WorkerId, now: Timestamp) -> Result<Heartbeat, QueueError> {
        let cancelled = self.cancelled;
        let worker = self.worker_mut(worker)?;
        if worker.gone {
            return Ok(Heartbeat::Gone);
        }
        worker.beat = now;
        Ok(Heartbeat::Alive { cancelled })
    }

    pub fn release(&mut self, claim: &Claim, now: Timestamp) -> Result<Released, QueueError> {
        self.case(claim.at())?;
        if self.ending.sealed {
            return Ok(Released::Sealed);
        }
        let Some(lease) = self.held(claim) else { return Ok(Released::Stale) };
        self.budget.unreserve(lease.reserved);
        let waits = self.lanes[claim.lane as usize].wait(claim.j, now, lease.history);
        Ok(if waits { Released::Waiting } else { Released::NotRun })
    }

    pub fn fail(&mut self, claim: &Claim, failure: Failure, now: Timestamp) -> Result<Failed, QueueError> {
        self.case(claim.at())?;
        if self.ending.sealed {
            return Ok(Failed::Sealed);
        }
        let Some(mut lease) = self.held(claim) else { return Ok(Failed::Stale) };
        let retry = self.spec.retry;
        let lane = &mut self.lanes[claim.lane as usize];
        if lease.history.exhausted.is_some() || failure.class == FailureClass::Fatal {
            return Ok(Failed::Final);
        }
        let after = if failure.class == FailureClass::Poison {
            lane.poison += 1;
            lease.history.poison += 1;
            if lease.history.poison > retry.poison {
                lease.history.exhaust(Exhausted::Poison);
            }
            std::time::Duration::ZERO
        } else {
            lane.attempts += 1;
            lease.history.attempts += 1;
            if lease.history.attempts > retry.attempts {
                lease.history.exhaust(Exhausted::Attempts);
            }
            retry.wait(lease.history.attempts)
        };
        if lease.history.exhausted.is_some() {
            lane.leases.insert(claim.j, lease);
            return Ok(Failed::Final);
        }
        self.budget.unreserve(lease.reserved);
        self.budget.spend(failure.cost_usd_micro, lease.reserved);
        lane.pay(failure.cost_usd_micro);
        let waits = lane.wait(claim.j, now.plus(after), lease.history);
        Ok(if waits { Failed::Retry { after } } else { Failed::NotRun })
    }

    pub fn commit(&mut self, id: WorkerId, seq: u64, cases: &[Settled]) -> Result<Commit, QueueError> {
        check_batch(id, seq, cases)?;
        cases.iter().try_for_each(|case| self.case(case.at()))?;
        let worker = self.worker(id)?;
        if self.ending.sealed {
            return Ok(Commit::Sealed);
        }
        if worker.last >= seq {
            return Ok(Commit::Committed { losers: worker.losers.get(&seq).cloned().unwrap_or_default() });
        }
        if worker.last < seq - 1 {
            return Ok(Commit::Behind { last: worker.last });
        }
        let done = |at: &CaseAt| self.lanes[at.lane as usize].done.contains(at.j);
        let mut losers: Vec<_> = cases.iter().map(Settled::at).filter(done).collect();
        losers.sort_unstable();
        let limit = self.spec.max_losers;
        if self.roster.losers + losers.len() as u64 > limit.into() {
            return Err(QueueError::TooManyLosers { job: self.id.clone(), limit });
        }
        for case in cases {
            self.settle(id, case);
        }
        self.roster.losers += losers.len() as u64;
        let worker = self.worker_mut(id)?;
        worker.last = seq;
        if !losers.is_empty() {
            worker.losers.insert(seq, losers.clone());
        }
        Ok(Commit::Committed { losers })
    }

    /// Takes one case to done from whatever state it is in, and pays for its record.
    fn settle(&mut self, worker: WorkerId, case: &Settled) {
        let lane = &mut self.lanes[case.lane as usize];
        if lane.done.insert(case.j) {
            lane.outcomes.add(case.outcome);
            lane.retries.remove(case.j);
            match lane.leases.remove(&case.j) {
                Some(lease) if lease.worker == worker => self.budget.unreserve(lease.reserved),
                // The holder may be calling the provider this moment.
                Some(lease) => self.budget.charge(lease.worker, case.at(), lease.reserved),
                None => {}
            }
        }
        self.budget.uncharge(worker, case.at());
        self.budget.spend(case.cost_usd_micro, lane.reserve);
        lane.pay(case.cost_usd_micro);
    }

    pub fn reassert(&mut self, id: WorkerId, claims: &[Claim], now: Timestamp) -> Result<Reassert, QueueError> {
        claims.iter().try_for_each(|claim| self.case(claim.at()))?;
        match self.register(id, now)? {
            Register::Sealed => return Ok(Reassert::Sealed),
            Register::Known if self.heartbeat(id, now)? == Heartbeat::Gone => return Ok(Reassert::Gone),
            Register::Known | Register::Registered => {}
        }
        let named: BTreeSet<CaseAt> = claims.iter().map(Claim::at).collect();
        let ours = |claim: &&Claim| self.held(claim).is_some_and(|lease| lease.worker == id);
        let lost = claims.iter().filter(|claim| !ours(claim)).map(Claim::at).collect();
        for (number, lane) in (0u32..).zip(&mut self.lanes) {
            let dropped = |(&j, lease): (&u64, &Lease)| {
                (lease.worker == id && !named.contains(&CaseAt { lane: number, j })).then_some((j, *lease))
            };
            let dropped: Vec<_> = lane.leases.iter().filter_map(dropped).collect();
            for (j, lease) in dropped {
                self.budget.unreserve(lease.reserved);
                lane.wait(j, now, lease.history);
            }
        }
        Ok(Reassert::Held { lost })
    }

    pub fn last(&self, worker: WorkerId) -> Result<u64, QueueError> {
        Ok(self.worker(worker)?.last)
    }

    pub fn workers(&self, now: Timestamp) -> Vec<WorkerView> {
        self.roster.views(now, self.spec.lease)
    }

    pub fn reclaim(&mut self, id: WorkerId, last: u64, now: Timestamp) -> Result<Reclaim, QueueError> {
        let (retry, lease_time) = (self.spec.retry, self.spec.lease);
        let worker = self.worker_mut(id)?;
        if worker.gone {
            return Ok(Reclaim::Reclaimed { leases: 0 });
        }
        if !worker.expired(now, lease_time) {
            return Ok(Reclaim::Alive);
        }
        if worker.last != last {
            return Ok(Reclaim::Moved { last: worker.last });
        }
        worker.gone = true;
        self.ending.lose(id);
        let mut leases = 0;
        for (number, lane) in self.lanes.iter_mut().enumerate() {
            let of_worker: Vec<_> =
                lane.leases.iter().filter(|(_, lease)| lease.worker == id).map(|(&j, _)| j).collect();
            for j in of_worker {
                let Some(mut lease) = lane.leases.remove(&j) else { continue };
                leases += 1;
                lane.stalls += 1;
                lease.history.stalls += 1;
                if lease.history.stalls > retry.stalls {
                    lease.history.exhaust(Exhausted::Stalls);
                }
                self.budget.charge(id, CaseAt { lane: number as u32, j }, lease.reserved);
                lane.wait(j, now, lease.history);
            }
        }
        Ok(Reclaim::Reclaimed { leases })
    }

    pub fn cancel(&mut self) -> u64 {
        if !self.ending.sealed {
            self.cancelled = true;
            self.lanes.iter_mut().for_each(Lane::stop);
        }
        self.lanes.iter().map(|lane| lane.counts().not_run).sum()
    }

    pub fn finalize(&mut self, worker: WorkerId) -> Result<Finalize, QueueError> {
        if self.ending.finished() {
            return Ok(Finalize::Finished);
        }
        if self.worker(worker)?.gone {
            return Ok(Finalize::Gone);
        }
        let open = self.open();
        Ok(self.ending.finalize(worker, open))
    }

    pub fn seal(&mut self) -> Seal {
        if self.open() > 0 {
            let total = self.snapshot().total();
            return Seal::Refused { in_flight: total.in_flight, waiting: total.waiting };
        }
        self.ending.sealed = true;
        let not_run = self.lanes.iter().map(|lane| lane.counts().not_run).collect();
        Seal::Sealed(SealedJob { workers: self.roster.sealed(), not_run })
    }

    pub fn finish(&mut self, digest: &Digest) -> Finish {
        self.ending.finish(digest)
    }

    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            phase: self.ending.phase(),
            cancelled: self.cancelled,
            lanes: self.lanes.iter().map(Lane::counts).collect(),
            budget_spent_usd_micro: self.budget.spent,
            reserved_usd_micro: self.budget.reserved,
            charged_usd_micro: self.budget.charged,
            workers: self.roster.len(),
            losers: self.roster.losers,
        }
    }

    /// Whether waiting for work is over, or else when to look again without being told.
    pub fn idle(&self, worker: WorkerId, now: Timestamp) -> Result<Result<Idle, Option<Timestamp>>, QueueError> {
        if self.worker(worker)?.gone {
            return Ok(Ok(Idle::Gone));
        }
        if self.open() == 0 {
            return Ok(Ok(Idle::Over));
        }
        let idle = self.idle_lanes();
        let claimable = |lane: &Lane| {
            let reserve = |exhausted: bool| if exhausted { 0 } else { lane.reserve };
            lane.next(now).is_some_and(|(_, history)| idle || self.budget.fits(reserve(history.exhausted.is_some())))
        };
        if self.lanes.iter().any(claimable) {
            return Ok(Ok(Idle::Work));
        }
        Ok(Err(self.lanes.iter().filter_map(|lane| lane.retries.next_at()).filter(|&at| at > now).min()))
    }

    fn open(&self) -> u64 {
        self.lanes.iter().map(Lane::open).sum()
    }

    fn held(&self, claim: &Claim) -> Option<Lease> {
        let lease = self.lanes[claim.lane as usize].leases.get(&claim.j)?;
        (lease.token == claim.token).then_some(*lease)
    }

    fn lane(&self, lane: u32) -> Result<&Lane, QueueError> {
        self.lanes.get(lane as usize).ok_or(QueueError::LaneUnknown { lane, lanes: self.lanes.len() })
    }

    fn case(&self, at: CaseAt) -> Result<(), QueueError> {
        let length = self.lane(at.lane)?.length;
        if at.j < length { Ok(()) } else { Err(QueueError::CaseUnknown { at, length }) }
    }

    fn worker(&self, worker: WorkerId) -> Result<&Worker, QueueError> {
        self.roster.get(worker).ok_or_else(|| QueueError::WorkerUnknown { job: self.id.clone(), worker })
    }

    fn worker_mut(&mut self, worker: WorkerId) -> Result<&mut Worker, QueueError> {
        self.roster.get_mut(worker).ok_or_else(|| QueueError::WorkerUnknown { job: self.id.clone(), worker })
    }
}
