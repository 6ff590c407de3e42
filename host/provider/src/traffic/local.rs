//! Limits of a provider within one process.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;

use super::permits::{Admission, Ask, PermitSource, Permits, PermitsError};
use crate::settings::Limits;

/// Requests of one minute are a little further apart than they need to be: their journeys to the vendor differ in length,
/// and it counts arrivals.
const MINUTE: Duration = Duration::from_millis(60_500);

/// Every provider's limits within this process.
#[derive(Debug)]
pub(crate) struct Local;

impl PermitSource for Local {
    fn permits(&self, _id: &str, limits: Limits) -> Arc<dyn Permits> {
        Arc::new(LocalPermits::new(limits))
    }
}

/// Spaces requests evenly (the generic cell rate algorithm), so that no minute, wherever it begins, has more than its
/// share.
#[derive(Debug)]
pub struct LocalPermits {
    limits: Limits,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// When the next request is due, by the number of requests.
    requests: Instant,
    /// The same by their tokens.
    tokens: Instant,
    under_way: u32,
}

impl LocalPermits {
    /// Nothing is under way yet.
    pub fn new(limits: Limits) -> Self {
        let now = Instant::now();
        Self { limits, state: Mutex::new(State { requests: now, tokens: now, under_way: 0 }) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask_at(&self, ask: Ask, now: Instant) -> Admission {
        let mut state = self.state();
        if self.limits.concurrency.is_some_and(|most| state.under_way >= most.max(1)) {
            return Admission::Busy { again: Duration::ZERO };
        }
        let (mut at, mut requests, mut tokens) = (now, state.requests, state.tokens);
        if let Some(most) = self.limits.requests_per_minute {
            let gap = MINUTE / most.max(1);
            let ahead = gap * self.limits.burst.unwrap_or(1).clamp(1, most.max(1)).saturating_sub(1);
            at = at.max(state.requests.checked_sub(ahead).unwrap_or(now));
            requests = at.max(state.requests) + gap;
        }
        if let Some(most) = self.limits.tokens_per_minute {
            at = at.max(state.tokens);
            tokens = at + span(ask.tokens, most);
        }
        let wait = at - now;
        if wait >= ask.within {
            return Admission::Never;
        }
        (state.requests, state.tokens) = (requests, tokens);
        state.under_way += 1;
        Admission::At { wait, permit: String::new() }
    }
}

/// The time that so many tokens take up; at most a day, since a vendor may claim any number.
fn span(tokens: u64, per_minute: u32) -> Duration {
    let seconds = tokens as f64 * MINUTE.as_secs_f64() / f64::from(per_minute.max(1));
    Duration::from_secs_f64(seconds.min(86_400.0))
}

#[async_trait]
impl Permits for LocalPermits {
    async fn ask(&self, ask: Ask) -> Result<Admission, PermitsError> {
        Ok(self.ask_at(ask, Instant::now()))
    }

    async fn give_back(&self, admission: Admission, asked: u64, used: u64) {
        let Admission::At { .. } = admission else { return };
        let mut state = self.state();
        state.under_way = state.under_way.saturating_sub(1);
        if let Some(most) = self.limits.tokens_per_minute {
            match used.checked_sub(asked) {
                Some(more) => state.tokens += span(more, most),
                None => state.tokens = state.tokens.checked_sub(span(asked - used, most)).unwrap_or(state.tokens),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ask(tokens: u64) -> Ask {
        Ask { tokens, within: Duration::from_secs(10_000_000), hold: Duration::from_secs(60) }
    }

    fn wait(admission: Admission) -> Duration {
        let Admission::At { wait, .. } = admission else { panic!("{admission:?}") };
        wait
    }

    proptest! {
        #[test]
        fn no_minute_has_more_than_its_share(
            most in 1u32..900,
            burst in prop::option::of(1u32..20),
            pauses in prop::collection::vec(0u64..3000, 1..200),
        ) {
            let permits = LocalPermits::new(Limits { requests_per_minute: Some(most), burst, ..Limits::default() });
            let start = Instant::now();
            let (mut now, mut sent) = (start, Vec::new());
            for pause in pauses {
                now += Duration::from_millis(pause);
                for _ in 0..5 {
                    sent.push(now + wait(permits.ask_at(ask(0), now)));
                }
            }
            sent.sort();
            let share = most + burst.unwrap_or(1).min(most) - 1;
            for (index, first) in sent.iter().enumerate() {
                let within = sent[index..].iter().take_while(|at| **at < *first + Duration::from_secs(60)).count();
                prop_assert!(within as u32 <= share, "{} of {}", within, share);
            }
        }
    }

    #[test]
    fn tokens_have_a_minute_of_their_own_and_are_settled() {
        let permits = LocalPermits::new(Limits { tokens_per_minute: Some(6000), ..Limits::default() });
        let now = Instant::now();
        let first = permits.ask_at(ask(600), now);
        assert_eq!(wait(first.clone()), Duration::ZERO);
        assert_eq!(wait(permits.ask_at(ask(0), now)), MINUTE / 10);
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(permits.give_back(first, 600, 300));
        let waited = wait(permits.ask_at(ask(0), now));
        assert!(waited <= MINUTE / 20 + Duration::from_millis(1) && waited >= MINUTE / 20 - Duration::from_millis(1));
    }

    #[test]
    fn only_so_many_are_under_way_and_who_cannot_wait_takes_nothing() {
        let limits = Limits { concurrency: Some(1), requests_per_minute: Some(60), ..Limits::default() };
        let (permits, now) = (LocalPermits::new(limits), Instant::now());
        let first = permits.ask_at(ask(0), now);
        assert!(matches!(permits.ask_at(ask(0), now), Admission::Busy { .. }));
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(permits.give_back(first, 0, 0));
        let hurried = Ask { within: Duration::from_millis(10), ..ask(0) };
        assert_eq!(permits.ask_at(hurried, now), Admission::Never);
        assert_eq!(wait(permits.ask_at(ask(0), now)), MINUTE / 60);
    }
}
