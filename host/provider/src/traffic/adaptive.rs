//! Calls at once: fewer when the vendor pushes back, more again while it does not.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, SemaphorePermit};

/// What a push back leaves of the limit.
const CUT: f64 = 0.5;
/// After a vendor has stumbled the limit does not grow for this long.
const PAUSE: Duration = Duration::from_secs(10);
/// Changes that are kept; the oldest go first.
const HISTORY: usize = 64;

/// Additive increase, multiplicative decrease, between 1 and the most that was asked for.
#[derive(Debug)]
pub(super) struct Adaptive {
    most: u32,
    start: Instant,
    slots: Semaphore,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// The limit as it grows, a fraction included.
    limit: f64,
    /// Slots that are to be taken away once they come free.
    owed: u32,
    /// Attempts that began before this tell nothing new.
    cut_at: Option<Instant>,
    paused_until: Option<Instant>,
    changes: VecDeque<TrafficChange>,
    lowest: u32,
    push_backs: u64,
}

/// A change of the number of calls at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrafficChange {
    /// Since the provider was set up.
    pub at: Duration,
    /// Calls at once from then on.
    pub limit: u32,
}

/// How a provider's limit went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrafficReport {
    /// The most calls at once that were allowed.
    pub most: u32,
    /// The fewest.
    pub lowest: u32,
    /// Attempts that the vendor answered with a limited rate.
    pub push_backs: u64,
    /// The last changes, oldest first; empty if there was none.
    pub changes: Vec<TrafficChange>,
}

/// A call under way.
pub(super) struct Slot<'a> {
    adaptive: &'a Adaptive,
    permit: Option<SemaphorePermit<'a>>,
    began: Instant,
}

impl Adaptive {
    pub(super) fn new(most: u32) -> Self {
        let state = State {
            limit: f64::from(most),
            owed: 0,
            cut_at: None,
            paused_until: None,
            changes: VecDeque::new(),
            lowest: most,
            push_backs: 0,
        };
        Self { most, start: Instant::now(), slots: Semaphore::new(most as usize), state: Mutex::new(state) }
    }

    /// Waits for a slot.
    pub(super) async fn enter(&self) -> Slot<'_> {
        // It is never closed.
        let permit = self.slots.acquire().await.ok();
        Slot { adaptive: self, permit, began: Instant::now() }
    }

    pub(super) fn report(&self) -> TrafficReport {
        let state = self.state();
        TrafficReport {
            most: self.most,
            lowest: state.lowest,
            push_backs: state.push_backs,
            changes: state.changes.iter().copied().collect(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pushed_back(&self, began: Instant, now: Instant) {
        let mut state = self.state();
        state.push_backs += 1;
        // All that were under way when the limit was cut are pushed back alike: that is one reason to cut, not many.
        if state.cut_at.is_some_and(|at| began < at) {
            return;
        }
        state.cut_at = Some(now);
        let before = state.limit as u32;
        state.limit = (state.limit * CUT).max(1.0);
        let after = state.limit as u32;
        let taken = self.slots.forget_permits((before - after) as usize) as u32;
        state.owed += before - after - taken;
        self.note(&mut state, before, now);
    }

    fn stumbled(&self, now: Instant) {
        self.state().paused_until = Some(now + PAUSE);
    }

    fn succeeded(&self, now: Instant) {
        let mut state = self.state();
        if state.limit >= f64::from(self.most) || state.paused_until.is_some_and(|until| now < until) {
            return;
        }
        let before = state.limit as u32;
        state.limit = (state.limit + 1.0 / state.limit).min(f64::from(self.most));
        if state.limit as u32 > before {
            if state.owed > 0 {
                state.owed -= 1;
            } else {
                self.slots.add_permits(1);
            }
            self.note(&mut state, before, now);
        }
    }

    fn note(&self, state: &mut State, before: u32, now: Instant) {
        let limit = state.limit as u32;
        if limit == before {
            return;
        }
        state.lowest = state.lowest.min(limit);
        if state.changes.len() == HISTORY {
            state.changes.pop_front();
        }
        state.changes.push_back(TrafficChange { at: now - self.start, limit });
    }
}

impl Slot<'_> {
    pub(super) fn succeeded(&self) {
        self.adaptive.succeeded(Instant::now());
    }

    /// The vendor limits the rate.
    pub(super) fn pushed_back(&self) {
        self.adaptive.pushed_back(self.began, Instant::now());
    }

    /// The vendor failed: this is no time to ask for more.
    pub(super) fn stumbled(&self) {
        self.adaptive.stumbled(Instant::now());
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        let mut state = self.adaptive.state();
        if let Some(permit) = self.permit.take()
            && state.owed > 0
        {
            state.owed -= 1;
            permit.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(adaptive: &Adaptive) -> (u32, usize) {
        (adaptive.state().limit as u32, adaptive.slots.available_permits())
    }

    #[tokio::test]
    async fn shrinks_once_for_all_that_were_under_way() {
        let adaptive = Adaptive::new(8);
        let mut slots = Vec::new();
        for _ in 0..8 {
            slots.push(adaptive.enter().await);
        }
        slots[0].pushed_back();
        slots[1].pushed_back();
        assert_eq!(limit(&adaptive), (4, 0));
        slots.truncate(4);
        assert_eq!(limit(&adaptive), (4, 0), "four are still under way, and no more may be");
        slots.clear();
        assert_eq!(limit(&adaptive), (4, 4));
        assert_eq!(adaptive.report().push_backs, 2);
        adaptive.enter().await.pushed_back();
        assert_eq!(limit(&adaptive), (2, 2));
    }

    #[tokio::test]
    async fn grows_by_one_a_round_and_never_past_the_most() {
        let adaptive = Adaptive::new(4);
        adaptive.enter().await.pushed_back();
        assert_eq!(limit(&adaptive), (2, 2));
        for _ in 0..100 {
            adaptive.enter().await.succeeded();
        }
        assert_eq!(limit(&adaptive), (4, 4));
        let limits: Vec<_> = adaptive.report().changes.iter().map(|change| change.limit).collect();
        assert_eq!((limits, adaptive.report().lowest), (vec![2, 3, 4], 2));
    }

    #[tokio::test]
    async fn never_falls_below_one_and_waits_after_a_stumble() {
        let adaptive = Adaptive::new(2);
        for _ in 0..5 {
            adaptive.enter().await.pushed_back();
        }
        assert_eq!(limit(&adaptive), (1, 1));
        adaptive.enter().await.stumbled();
        for _ in 0..10 {
            adaptive.enter().await.succeeded();
        }
        assert_eq!(limit(&adaptive), (1, 1));
        adaptive.succeeded(Instant::now() + PAUSE);
        adaptive.succeeded(Instant::now() + PAUSE);
        assert_eq!(limit(&adaptive), (2, 2));
    }
}
