//! The contract written as simply as possible: one state per case, everything found by looking at all of them.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::{
    CaseAt, Commit, Exhausted, Failed, Failure, FailureClass, Finalize, Heartbeat, JobSpec, LaneCounts, Reclaim,
    Released, Seal, SealedJob, SealedWorker, Settled, WorkerId,
};

#[derive(Clone, Copy, Debug, Default)]
struct History {
    attempts: u32,
    stalls: u32,
    poison: u32,
    exhausted: Option<Exhausted>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Fresh,
    Retry { at: Duration, history: History },
    Leased { worker: WorkerId, lease: usize, history: History, reserved: u64 },
    Done,
    NotRun,
}

#[derive(Debug)]
struct Worker {
    beat: Duration,
    gone: bool,
    /// Losers of each batch; the length is the newest sequence number.
    batches: Vec<Vec<CaseAt>>,
}

/// What a claim should give.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Given {
    /// Place, attempt, exhausted.
    Cases(Vec<(u64, u32, Option<Exhausted>)>),
    Nothing(Option<Duration>),
    Closed,
    Sealed,
    Gone,
}

pub(super) struct Model {
    spec: JobSpec,
    pub now: Duration,
    cases: Vec<Vec<State>>,
    stopped: Vec<bool>,
    counts: Vec<LaneCounts>,
    workers: BTreeMap<WorkerId, Worker>,
    /// Case and worker of every lease ever given; the number of the lease is its position.
    pub leases: Vec<(WorkerId, CaseAt)>,
    charges: BTreeMap<(WorkerId, CaseAt), u64>,
    spent: u64,
    cancelled: bool,
    sealed: bool,
    finalizer: Option<WorkerId>,
    finalize_lost: u32,
}

impl Model {
    pub fn new(spec: JobSpec) -> Self {
        let lanes = spec.lanes.len();
        let cases = spec.lanes.iter().map(|lane| vec![State::Fresh; lane.length as usize]).collect();
        Self {
            spec,
            now: Duration::ZERO,
            cases,
            stopped: vec![false; lanes],
            counts: vec![LaneCounts::default(); lanes],
            workers: BTreeMap::new(),
            leases: vec![],
            charges: BTreeMap::new(),
            spent: 0,
            cancelled: false,
            sealed: false,
            finalizer: None,
            finalize_lost: 0,
        }
    }

    pub fn register(&mut self, worker: WorkerId) {
        self.workers.insert(worker, Worker { beat: self.now, gone: false, batches: vec![] });
    }

    pub fn last(&self, worker: WorkerId) -> u64 {
        self.workers[&worker].batches.len() as u64
    }

    pub fn sealed(&self) -> bool {
        self.sealed
    }

    pub fn claim(&mut self, worker: WorkerId, lane: usize, k: usize) -> Given {
        if self.sealed {
            return Given::Sealed;
        }
        if self.workers[&worker].gone {
            return Given::Gone;
        }
        let mut given = vec![];
        while given.len() < k {
            let Some((j, history)) = self.next(lane) else { break };
            let reserved = if history.exhausted.is_some() { 0 } else { self.reserve(lane) };
            let (reserved_so_far, charged) = self.promised();
            let fits = self
                .spec
                .budget_usd_micro
                .is_none_or(|limit| self.spent + reserved_so_far + charged + reserved <= limit);
            if reserved > 0 && !fits {
                if !self.cases.iter().flatten().any(|state| matches!(state, State::Leased { .. })) {
                    self.stop(lane);
                }
                break;
            }
            self.cases[lane][j] = State::Leased { worker, lease: self.leases.len(), history, reserved };
            self.leases.push((worker, CaseAt { lane: lane as u32, j: j as u64 }));
            let attempt = 1 + history.attempts + history.stalls + history.poison;
            given.push((j as u64, attempt, history.exhausted));
        }
        if !given.is_empty() {
            return Given::Cases(given);
        }
        let states = &self.cases[lane];
        if self.stopped[lane] || states.iter().all(|state| matches!(state, State::Done)) {
            return Given::Closed;
        }
        let first =
            states.iter().filter_map(|state| if let State::Retry { at, .. } = state { Some(*at) } else { None }).min();
        Given::Nothing(first.and_then(|at| at.checked_sub(self.now)).filter(|wait| !wait.is_zero()))
    }

    fn next(&self, lane: usize) -> Option<(usize, History)> {
        let states = &self.cases[lane];
        let leased = states.iter().filter(|state| matches!(state, State::Leased { .. })).count();
        if leased >= self.spec.lanes[lane].in_flight as usize {
            return None;
        }
        let retries = states.iter().enumerate().filter_map(|(j, state)| match state {
            State::Retry { at, history } => Some((*at, j, *history)),
            _ => None,
        });
        let backlog = retries.clone().count();
        let due = retries.filter(|(at, ..)| *at <= self.now).min_by_key(|(at, j, _)| (*at, *j));
        if let Some((_, j, history)) = due {
            return Some((j, history));
        }
        if backlog >= self.spec.lanes[lane].retry_backlog as usize {
            return None;
        }
        states.iter().position(|state| matches!(state, State::Fresh)).map(|j| (j, History::default()))
    }

    fn reserve(&self, lane: usize) -> u64 {
        if self.spec.budget_usd_micro.is_none() { 0 } else { self.spec.lanes[lane].reserve_usd_micro.unwrap_or(0) }
    }

    /// Reserved and charged.
    fn promised(&self) -> (u64, u64) {
        let reserved = self.cases.iter().flatten().map(|state| match state {
            State::Leased { reserved, .. } => *reserved,
            _ => 0,
        });
        (reserved.sum(), self.charges.values().sum())
    }

    pub fn heartbeat(&mut self, worker: WorkerId) -> Heartbeat {
        let (now, cancelled) = (self.now, self.cancelled);
        match self.workers.get_mut(&worker) {
            Some(worker) if !worker.gone => {
                worker.beat = now;
                Heartbeat::Alive { cancelled }
            }
            _ => Heartbeat::Gone,
        }
    }

    fn held(&self, lease: usize) -> Option<(usize, usize, History, u64)> {
        let at = self.leases[lease].1;
        match self.cases[at.lane as usize][at.j as usize] {
            State::Leased { lease: held, history, reserved, .. } if held == lease => {
                Some((at.lane as usize, at.j as usize, history, reserved))
            }
            _ => None,
        }
    }

    fn wait(&mut self, lane: usize, j: usize, after: Duration, history: History) -> bool {
        let at = if history.exhausted.is_some() { Duration::ZERO } else { self.now + after };
        let stopped = self.stopped[lane];
        self.cases[lane][j] = if stopped { State::NotRun } else { State::Retry { at, history } };
        !stopped
    }

    pub fn release(&mut self, lease: usize) -> Released {
        match self.held(lease) {
            _ if self.sealed => Released::Sealed,
            None => Released::Stale,
            Some((lane, j, history, _)) if self.wait(lane, j, Duration::ZERO, history) => Released::Waiting,
            Some(_) => Released::NotRun,
        }
    }

    pub fn fail(&mut self, lease: usize, failure: Failure) -> Failed {
        if self.sealed {
            return Failed::Sealed;
        }
        let Some((lane, j, mut history, reserved)) = self.held(lease) else { return Failed::Stale };
        if history.exhausted.is_some() || failure.class == FailureClass::Fatal {
            return Failed::Final;
        }
        let retry = self.spec.retry;
        let after = match failure.class {
            FailureClass::Poison => {
                history.poison += 1;
                self.counts[lane].poison += 1;
                history.exhausted = (history.poison > retry.poison).then_some(Exhausted::Poison);
                Duration::ZERO
            }
            _ => {
                history.attempts += 1;
                self.counts[lane].attempts += 1;
                history.exhausted = (history.attempts > retry.attempts).then_some(Exhausted::Attempts);
                retry.wait(history.attempts)
            }
        };
        if history.exhausted.is_some() {
            self.cases[lane][j] = State::Leased { worker: self.leases[lease].0, lease, history, reserved };
            return Failed::Final;
        }
        self.pay(lane, failure.cost_usd_micro, reserved);
        if self.wait(lane, j, after, history) { Failed::Retry { after } } else { Failed::NotRun }
    }

    fn pay(&mut self, lane: usize, cost: Option<u64>, at_most: u64) {
        match cost {
            Some(cost) => self.counts[lane].spent_usd_micro += cost,
            None => self.counts[lane].unpriced += 1,
        }
        if self.spec.budget_usd_micro.is_some() {
            self.spent += cost.unwrap_or(at_most);
        }
    }

    pub fn commit(&mut self, id: WorkerId, seq: u64, cases: &[Settled]) -> Commit {
        let last = self.last(id);
        if self.sealed {
            return Commit::Sealed;
        }
        if seq <= last {
            return Commit::Committed { losers: self.workers[&id].batches[seq as usize - 1].clone() };
        }
        if seq > last + 1 {
            return Commit::Behind { last };
        }
        let mut losers = vec![];
        for case in cases {
            let (lane, j) = (case.lane as usize, case.j as usize);
            match self.cases[lane][j] {
                State::Done => losers.push(case.at()),
                State::Leased { worker, reserved, .. } if worker != id && reserved > 0 => {
                    self.charges.insert((worker, case.at()), reserved);
                }
                _ => {}
            }
            if !losers.contains(&case.at()) {
                self.cases[lane][j] = State::Done;
                self.counts[lane].outcomes.add(case.outcome);
            }
            self.charges.remove(&(id, case.at()));
            self.pay(lane, case.cost_usd_micro, self.reserve(lane));
        }
        losers.sort_unstable();
        self.workers.entry(id).and_modify(|worker| worker.batches.push(losers.clone()));
        Commit::Committed { losers }
    }

    pub fn reclaim(&mut self, id: WorkerId, last: u64) -> Reclaim {
        let (now, newest) = (self.now, self.last(id));
        let lease_time = self.spec.lease;
        match self.workers.get_mut(&id) {
            Some(worker) if worker.gone => return Reclaim::Reclaimed { leases: 0 },
            Some(worker) if now - worker.beat < lease_time => return Reclaim::Alive,
            Some(_) if newest != last => return Reclaim::Moved { last: newest },
            Some(worker) => worker.gone = true,
            None => {}
        }
        if self.finalizer == Some(id) {
            self.finalizer = None;
            self.finalize_lost += 1;
        }
        let mut leases = 0;
        for lane in 0..self.cases.len() {
            for j in 0..self.cases[lane].len() {
                let State::Leased { worker, mut history, reserved, .. } = self.cases[lane][j] else { continue };
                if worker != id {
                    continue;
                }
                leases += 1;
                history.stalls += 1;
                self.counts[lane].stalls += 1;
                if history.stalls > self.spec.retry.stalls {
                    history.exhausted = history.exhausted.or(Some(Exhausted::Stalls));
                }
                if reserved > 0 {
                    self.charges.insert((id, CaseAt { lane: lane as u32, j: j as u64 }), reserved);
                }
                self.wait(lane, j, Duration::ZERO, history);
            }
        }
        Reclaim::Reclaimed { leases }
    }

    fn stop(&mut self, lane: usize) {
        self.stopped[lane] = true;
        for state in &mut self.cases[lane] {
            if matches!(state, State::Fresh | State::Retry { .. }) {
                *state = State::NotRun;
            }
        }
    }

    pub fn cancel(&mut self) -> u64 {
        if !self.sealed {
            self.cancelled = true;
            (0..self.cases.len()).for_each(|lane| self.stop(lane));
        }
        self.counts().iter().map(|lane| lane.not_run).sum()
    }

    pub fn finalize(&mut self, worker: WorkerId) -> Finalize {
        let open = self.counts().iter().map(|lane| lane.in_flight + lane.waiting).sum();
        match self.finalizer {
            _ if self.workers[&worker].gone => Finalize::Gone,
            _ if self.finalize_lost >= crate::MAX_FINALIZE_LEASES => Finalize::Failed,
            _ if open > 0 => Finalize::NotYet { open },
            Some(by) if by != worker => Finalize::Held { by },
            _ => {
                self.finalizer = Some(worker);
                Finalize::Leased
            }
        }
    }

    pub fn seal(&mut self) -> Seal {
        let counts = self.counts();
        let in_flight = counts.iter().map(|lane| lane.in_flight).sum();
        let waiting = counts.iter().map(|lane| lane.waiting).sum();
        if in_flight + waiting > 0 {
            return Seal::Refused { in_flight, waiting };
        }
        self.sealed = true;
        let stored = self.workers.iter().filter(|(_, worker)| !worker.batches.is_empty());
        let workers = stored.map(|(&id, worker)| {
            let losers = worker.batches.iter().enumerate().filter(|(_, losers)| !losers.is_empty());
            let losers = losers.map(|(number, losers)| (number as u64 + 1, losers.clone())).collect();
            SealedWorker { id, last: worker.batches.len() as u64, losers }
        });
        Seal::Sealed(SealedJob {
            workers: workers.collect(),
            not_run: counts.iter().map(|lane| lane.not_run).collect(),
        })
    }

    /// Spent, reserved, charged, losers.
    pub fn totals(&self) -> (u64, u64, u64, u64) {
        let (reserved, charged) = self.promised();
        let losers = self.workers.values().flat_map(|worker| &worker.batches).map(|batch| batch.len() as u64).sum();
        (self.spent, reserved, charged, losers)
    }

    pub fn counts(&self) -> Vec<LaneCounts> {
        let count = |(lane, states): (usize, &Vec<State>)| {
            let mut counts = LaneCounts { length: self.spec.lanes[lane].length, ..self.counts[lane] };
            for state in states {
                match state {
                    State::Fresh => counts.waiting += 1,
                    State::Retry { .. } => {
                        counts.waiting += 1;
                        counts.retrying += 1;
                    }
                    State::Leased { .. } => counts.in_flight += 1,
                    State::Done => counts.done += 1,
                    State::NotRun => counts.not_run += 1,
                }
            }
            counts
        };
        self.cases.iter().enumerate().map(count).collect()
    }
}
