//! An end to calls that cannot succeed: a refused key, a model nobody knows, a dead endpoint.

use std::sync::{Mutex, PoisonError};

use arena_model::{Class, Fault as _};

use crate::error::Cause;

/// Calls in a row that end alike before nobody is called any more.
const CALLS: u32 = 5;

/// Counts failures that have nothing to do with what was asked. A single success shows that it is not hopeless.
#[derive(Debug, Default)]
pub(super) struct Breaker(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    failed: u32,
    open: Option<(String, Class)>,
}

impl Breaker {
    /// Errs once it is open.
    pub(super) fn check(&self, endpoint: &str) -> Result<(), Cause> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &state.open {
            None => Ok(()),
            Some((text, class)) => Err(Cause::CircuitOpen {
                endpoint: endpoint.to_owned(),
                failed: state.failed,
                text: text.clone(),
                class: *class,
            }),
        }
    }

    pub(super) fn succeeded(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).failed = 0;
    }

    /// A call failed for good.
    pub(super) fn failed(&self, cause: &Cause) {
        let hopeless = matches!(
            cause,
            Cause::CredentialRefused { .. }
                | Cause::ModelNotFound { .. }
                | Cause::QuotaExhausted { .. }
                | Cause::RedirectRefused { .. }
                | Cause::ProviderUnreachable { .. }
        );
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !hopeless || state.open.is_some() {
            return;
        }
        state.failed += 1;
        if state.failed >= CALLS {
            state.open = Some((cause.to_string(), cause.clone().by("", 0).class()));
        }
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
}
