//! An end to calls that cannot succeed: a refused key, a model nobody knows, a dead endpoint.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arena_model::{Class, Fault as _};

use crate::error::Cause;

/// Calls in a row that end alike before nobody is called any more.
const CALLS: u32 = 5;
/// How long an endpoint that could not be reached is left alone before one call finds out whether it is back.
const PROBE_AFTER: Duration = Duration::from_secs(5);

/// Counts failures that have nothing to do with what was asked. A single success shows that it is not hopeless.
#[derive(Debug, Default)]
pub(super) struct Breaker(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    failed: u32,
    open: Option<(String, Class)>,
    /// When the next call may find out whether it still is so; none if it will stay so.
    probe: Option<Instant>,
}

impl Breaker {
    /// Errs once it is open.
    pub(super) fn check(&self, endpoint: &str) -> Result<(), Cause> {
        self.check_at(endpoint, Instant::now())
    }

    fn check_at(&self, endpoint: &str, now: Instant) -> Result<(), Cause> {
        let mut state = self.state();
        let Some((text, class)) = &state.open else { return Ok(()) };
        if state.probe.is_some_and(|at| at <= now) {
            state.probe = Some(now + PROBE_AFTER);
            return Ok(());
        }
        let (endpoint, failed) = (endpoint.to_owned(), state.failed);
        Err(Cause::CircuitOpen { endpoint, failed, text: text.clone(), class: *class })
    }

    pub(super) fn succeeded(&self) {
        *self.state() = State::default();
    }

    /// A call failed for good.
    pub(super) fn failed(&self, cause: &Cause) {
        self.failed_at(cause, Instant::now());
    }

    fn failed_at(&self, cause: &Cause, now: Instant) {
        let passing = matches!(cause, Cause::ProviderUnreachable { .. });
        let hopeless = matches!(
            cause,
            // A status 403 may be about what was asked.
            Cause::CredentialRefused { status: 401, .. }
                | Cause::ModelNotFound { .. }
                | Cause::QuotaExhausted { .. }
                | Cause::RedirectRefused { .. }
        );
        let mut state = self.state();
        if !(passing || hopeless) || state.open.is_some() {
            return;
        }
        state.failed += 1;
        if state.failed >= CALLS {
            state.open = Some((cause.to_string(), cause.clone().by("", 0).class()));
            state.probe = passing.then(|| now + PROBE_AFTER);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused() -> Cause {
        Cause::CredentialRefused { endpoint: "h".into(), status: 401, text: "no".into() }
    }

    #[test]
    fn opens_after_a_handful_of_hopeless_calls_in_a_row() {
        let breaker = Breaker::default();
        for _ in 0..4 {
            breaker.failed(&refused());
        }
        breaker.succeeded();
        for _ in 0..4 {
            breaker.failed(&refused());
            breaker.failed(&Cause::RequestRefused { endpoint: "h".into(), status: 400, text: String::new() });
        }
        assert!(breaker.check("h").is_ok());
        breaker.failed(&refused());
        let open = breaker.check("h").unwrap_err();
        assert!(matches!(open, Cause::CircuitOpen { failed: 5, class: Class::Input, .. }), "{open}");
    }

    #[test]
    fn an_endpoint_that_was_away_is_asked_again_now_and_then() {
        let (breaker, start) = (Breaker::default(), Instant::now());
        let away = Cause::ProviderUnreachable { endpoint: "h".into(), text: "refused".into() };
        (0..5).for_each(|_| breaker.failed_at(&away, start));
        assert!(breaker.check_at("h", start).is_err());
        let later = start + PROBE_AFTER;
        assert!(breaker.check_at("h", later).is_ok() && breaker.check_at("h", later).is_err(), "one finds out");
        breaker.succeeded();
        assert!(breaker.check_at("h", later).is_ok());
        (0..5).for_each(|_| breaker.failed_at(&refused(), start));
        assert!(breaker.check_at("h", start + PROBE_AFTER * 100).is_err(), "a refused key stays so");
    }
}
