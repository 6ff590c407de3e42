//! Cases of one lane that were given out before and wait to be given out again.

use std::collections::{BTreeSet, HashMap};

use crate::{Exhausted, Timestamp};

/// What happened to a case so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct History {
    pub attempts: u32,
    pub stalls: u32,
    pub poison: u32,
    pub exhausted: Option<Exhausted>,
}

impl History {
    /// Number of the next lease, from 1.
    pub fn next_attempt(&self) -> u32 {
        1 + self.attempts + self.stalls + self.poison
    }

    /// Keeps the first limit that was run into.
    pub fn exhaust(&mut self, by: Exhausted) {
        self.exhausted = self.exhausted.or(Some(by));
    }
}

/// Ordered by due time, then place; one entry per case.
#[derive(Debug, Default)]
pub(super) struct RetrySet {
    due: BTreeSet<(Timestamp, u64)>,
    waiting: HashMap<u64, (Timestamp, History)>,
}

impl RetrySet {
    /// Adds a case. An exhausted one waits for nothing, and comes before all others.
    pub fn insert(&mut self, j: u64, at: Timestamp, history: History) {
        let at = if history.exhausted.is_some() { Timestamp::default() } else { at };
        self.due.insert((at, j));
        self.waiting.insert(j, (at, history));
    }

    pub fn remove(&mut self, j: u64) {
        if let Some((at, _)) = self.waiting.remove(&j) {
            self.due.remove(&(at, j));
        }
    }

    /// The first case, if it is due.
    pub fn first_due(&self, now: Timestamp) -> Option<(u64, History)> {
        let &(at, j) = self.due.first()?;
        let (_, history) = self.waiting.get(&j)?;
        (at <= now).then_some((j, *history))
    }

    /// When the first case is due.
    pub fn next_at(&self) -> Option<Timestamp> {
        self.due.first().map(|&(at, _)| at)
    }

    pub fn len(&self) -> u64 {
        self.waiting.len() as u64
    }

    pub fn clear(&mut self) {
        self.due.clear();
        self.waiting.clear();
    }
}
