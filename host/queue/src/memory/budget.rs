//! The money of a job: reserved by leases, charged for lost ones, spent by records.

use std::collections::HashMap;

use crate::spec::add_usd;
use crate::{CaseAt, WorkerId};

/// All zero if the job has no budget.
#[derive(Debug, Default)]
pub(super) struct Budget {
    limit: Option<u64>,
    pub spent: u64,
    pub reserved: u64,
    pub charged: u64,
    /// Reservations of leases that ended without a word, until a late commit tells the cost. Each takes its part of
    /// the budget, which bounds them.
    charges: HashMap<(WorkerId, CaseAt), u64>,
}

impl Budget {
    pub fn new(limit: Option<u64>, spent: u64) -> Self {
        Self { limit, spent: if limit.is_some() { spent } else { 0 }, ..Self::default() }
    }

    pub fn limited(&self) -> bool {
        self.limit.is_some()
    }

    /// Whether so much more can be reserved. What costs nothing always fits.
    pub fn fits(&self, amount: u64) -> bool {
        let Some(limit) = self.limit else { return true };
        let taken =
            [self.spent, self.reserved, self.charged, amount].iter().map(|&part| u128::from(part)).sum::<u128>();
        amount == 0 || taken <= limit.into()
    }

    pub fn reserve(&mut self, amount: u64) {
        self.reserved += amount;
    }

    pub fn unreserve(&mut self, amount: u64) {
        self.reserved -= amount;
    }

    /// A cost that is known, or else the most it can be.
    pub fn spend(&mut self, cost: Option<u64>, at_most: u64) {
        if self.limit.is_some() {
            self.spent = add_usd(self.spent, cost.unwrap_or(at_most));
        }
    }

    /// The lease ended without a word, but its call may have been paid.
    pub fn charge(&mut self, worker: WorkerId, at: CaseAt, reserved: u64) {
        self.reserved -= reserved;
        if reserved > 0 {
            self.charged += reserved;
            self.charges.insert((worker, at), reserved);
        }
    }

    /// The worker's record of the case came after all.
    pub fn uncharge(&mut self, worker: WorkerId, at: CaseAt) {
        if !self.charges.is_empty() {
            self.charged -= self.charges.remove(&(worker, at)).unwrap_or(0);
        }
    }
}
