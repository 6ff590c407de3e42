//! How much a provider is asked at once: a limit that shrinks when the vendor pushes back and grows when it does not, the
//! limits that the settings name, and an end to calls that cannot succeed. All that call one provider in this process
//! share it.

mod adaptive;
mod breaker;
mod local;
mod permits;

use std::sync::Arc;
use std::time::{Duration, Instant};

use adaptive::{Adaptive, Slot};
use breaker::Breaker;

pub use adaptive::{TrafficChange, TrafficReport};
pub(crate) use local::Local;
pub use local::LocalPermits;
pub use permits::{Admission, Ask, PermitSource, Permits, PermitsError};

use crate::error::Cause;
use crate::retry::Sleep;
use crate::settings::Limits;

/// Longest time a permit is held without being given back: who died does not hold it for ever.
const HOLD: Duration = Duration::from_secs(900);
/// Most tokens that a call is charged for: a vendor may claim any number.
const MOST_TOKENS: u64 = 4_000_000;
/// Shortest and longest wait before a permit is asked for again.
const ASK_AGAIN: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(1));

/// The traffic of one provider.
#[derive(Debug)]
pub(crate) struct Traffic {
    endpoint: String,
    adaptive: Adaptive,
    breaker: Breaker,
    permits: Option<Arc<dyn Permits>>,
}

/// One attempt within the limits; it counts until it leaves or is dropped.
pub(crate) struct Pass<'a> {
    traffic: &'a Traffic,
    slot: Slot<'a>,
    held: Option<Held>,
}

/// A permit to be given back, also by an attempt that is cut short.
struct Held {
    permits: Arc<dyn Permits>,
    admission: Option<Admission>,
    asked: u64,
}

impl Traffic {
    /// `most` is the number of calls at once that the process makes at all.
    pub(crate) fn new(endpoint: &str, most: u32, limits: Limits, permits: Option<Arc<dyn Permits>>) -> Self {
        let most = limits.concurrency.unwrap_or(most).min(most).max(1);
        let permits = permits.filter(|_| !limits.is_none());
        Self { endpoint: endpoint.to_owned(), adaptive: Adaptive::new(most), breaker: Breaker::default(), permits }
    }

    /// Waits for the turn of an attempt that is thought to take `tokens`.
    pub(crate) async fn enter(&self, tokens: u64, sleep: &dyn Sleep, deadline: Instant) -> Result<Pass<'_>, Cause> {
        let no_room = || Cause::NoRoom { endpoint: self.endpoint.clone() };
        let slot = tokio::time::timeout_at(deadline.into(), self.adaptive.enter()).await.map_err(|_| no_room())?;
        // Behind the wait: it may have opened meanwhile.
        self.breaker.check(&self.endpoint)?;
        let Some(permits) = &self.permits else { return Ok(Pass { traffic: self, slot, held: None }) };
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let ask = Ask { tokens, within: left, hold: HOLD };
            let asked = tokio::time::timeout_at(deadline.into(), permits.ask(ask)).await.map_err(|_| no_room())?;
            let admission = asked
                .map_err(|PermitsError(text)| Cause::LimitsUnavailable { endpoint: self.endpoint.clone(), text })?;
            match admission {
                Admission::At { wait, permit } => {
                    let admission = Some(Admission::At { wait, permit });
                    let held = Some(Held { permits: permits.clone(), admission, asked: tokens });
                    if !wait.is_zero() {
                        sleep.sleep(wait).await;
                        self.breaker.check(&self.endpoint)?;
                    }
                    return Ok(Pass { traffic: self, slot, held });
                }
                Admission::Never => return Err(no_room()),
                Admission::Busy { again } => {
                    let wait = again.clamp(ASK_AGAIN.0, ASK_AGAIN.1);
                    if wait >= left {
                        return Err(no_room());
                    }
                    sleep.sleep(wait).await;
                }
            }
        }
    }

    /// A call has failed for good.
    pub(crate) fn gave_up(&self, cause: &Cause) {
        self.breaker.failed(cause);
    }

    /// What the limit has done so far.
    pub(crate) fn report(&self) -> TrafficReport {
        self.adaptive.report()
    }
}

impl Pass<'_> {
    /// The attempt has ended, with this failure or with this many tokens.
    pub(crate) async fn leave(mut self, failure: Option<&Cause>, tokens: Option<u64>) {
        match failure {
            None => {
                self.traffic.breaker.succeeded();
                self.slot.succeeded();
            }
            Some(Cause::RateLimited { .. }) => self.slot.pushed_back(),
            Some(
                Cause::ProviderUnavailable { .. }
                | Cause::ProviderUnreachable { .. }
                | Cause::ProviderTimeout { .. }
                | Cause::StreamBroken { .. }
                | Cause::StreamIdle { .. }
                | Cause::ErrorReply { .. },
            ) => self.slot.stumbled(),
            Some(_) => {}
        }
        if let Some(mut held) = self.held.take()
            && let Some(admission) = held.admission.take()
        {
            // Tokens that nobody counted were as many as thought.
            let used = tokens.unwrap_or(held.asked).min(MOST_TOKENS);
            held.permits.give_back(admission, held.asked, used).await;
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Some(admission) = self.admission.take() else { return };
        let (permits, asked) = (self.permits.clone(), self.asked);
        // Without a runtime the permit runs out by itself.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { permits.give_back(admission, asked, asked).await });
        }
    }
}
