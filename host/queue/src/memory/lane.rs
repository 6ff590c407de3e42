//! One lane: done bits, a cursor, the leases in flight and the retries. O(in flight + retries) + N bits.

use std::collections::HashMap;

use super::retry::{History, RetrySet};
use crate::restored::{Bitmap, Restored};
use crate::spec::add_usd;
use crate::{LaneCounts, LaneSpec, OutcomeCounts, Timestamp, Token, WorkerId};

/// A case in flight.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lease {
    pub worker: WorkerId,
    pub token: Token,
    pub history: History,
    /// Of the budget, micro-USD.
    pub reserved: u64,
}

#[derive(Debug)]
pub(super) struct Lane {
    pub length: u64,
    pub done: Bitmap,
    pub leases: HashMap<u64, Lease>,
    pub retries: RetrySet,
    /// Cancelled or out of budget: what is neither done nor leased is not run.
    pub stopped: bool,
    /// Most that one attempt can cost, micro-USD; 0 without a budget.
    pub reserve: u64,
    pub outcomes: OutcomeCounts,
    pub spent: u64,
    pub unpriced: u64,
    pub attempts: u64,
    pub stalls: u64,
    pub poison: u64,
    /// Every case before it is done, leased or in `retries`.
    cursor: u64,
    in_flight_limit: u64,
    backlog: u64,
}

impl Lane {
    pub fn new(spec: &LaneSpec, budget: bool) -> Self {
        let Restored { done, outcomes, spent_usd_micro, unpriced } =
            spec.restored.clone().unwrap_or_else(|| Restored::new(spec.length));
        Self {
            length: spec.length,
            done,
            leases: HashMap::new(),
            retries: RetrySet::default(),
            stopped: false,
            reserve: if budget { spec.reserve_usd_micro.unwrap_or(0) } else { 0 },
            outcomes,
            spent: spent_usd_micro,
            unpriced,
            attempts: 0,
            stalls: 0,
            poison: 0,
            cursor: 0,
            in_flight_limit: spec.in_flight.into(),
            backlog: spec.retry_backlog.into(),
        }
    }

    /// The case that is given out next: the first due retry, else the first case the cursor comes to, unless a
    /// limit forbids it.
    pub fn next(&self, now: Timestamp) -> Option<(u64, History)> {
        if self.stopped || self.leases.len() as u64 >= self.in_flight_limit {
            return None;
        }
        if let Some(retry) = self.retries.first_due(now) {
            return Some(retry);
        }
        let fresh = self.done.next_zero(self.cursor);
        (fresh < self.length && self.retries.len() < self.backlog).then(|| (fresh, History::default()))
    }

    /// Leases the case that [`Lane::next`] gave.
    pub fn lease(&mut self, j: u64, lease: Lease) {
        self.retries.remove(j);
        self.cursor = self.cursor.max(j + 1);
        self.leases.insert(j, lease);
    }

    /// Stops giving out cases.
    pub fn stop(&mut self) {
        self.stopped = true;
        self.retries.clear();
    }

    /// Takes a case out of flight; false if the lane is stopped and the case therefore not run.
    pub fn wait(&mut self, j: u64, at: Timestamp, history: History) -> bool {
        self.leases.remove(&j);
        if !self.stopped {
            self.retries.insert(j, at, history);
        }
        !self.stopped
    }

    /// Adds a cost to the lane's sum.
    pub fn pay(&mut self, cost: Option<u64>) {
        match cost {
            Some(cost) => self.spent = add_usd(self.spent, cost),
            None => self.unpriced += 1,
        }
    }

    /// Neither done nor leased.
    fn rest(&self) -> u64 {
        self.length - self.done.ones() - self.leases.len() as u64
    }

    pub fn waiting(&self) -> u64 {
        if self.stopped { 0 } else { self.rest() }
    }

    /// In flight or waiting.
    pub fn open(&self) -> u64 {
        self.waiting() + self.leases.len() as u64
    }

    /// Whether no further case will ever be given out.
    pub fn closed(&self) -> bool {
        self.stopped || self.done.ones() == self.length
    }

    pub fn counts(&self) -> LaneCounts {
        LaneCounts {
            length: self.length,
            done: self.done.ones(),
            in_flight: self.leases.len() as u64,
            waiting: self.waiting(),
            retrying: self.retries.len(),
            not_run: if self.stopped { self.rest() } else { 0 },
            outcomes: self.outcomes,
            spent_usd_micro: self.spent,
            unpriced: self.unpriced,
            attempts: self.attempts,
            stalls: self.stalls,
            poison: self.poison,
        }
    }
}
