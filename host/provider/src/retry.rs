//! When to try again, and how long to wait before.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;

use crate::error::Cause;

/// How often and when a call is tried again. Attempts are counted for each kind of failure apart, so that a vendor's
/// pushing back does not use up what is meant for its accidents; 1 never tries again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts that may end with a limited rate (status 429).
    pub rate_limited: u32,
    /// Attempts that may end with a failed server (status 5xx, a broken answer, no connection).
    pub unavailable: u32,
    /// Attempts that may end because nothing came for too long.
    pub timeout: u32,
    /// Mean wait before the second attempt; it doubles with each further one.
    pub first_delay: Duration,
    /// Longest wait of ours.
    pub max_delay: Duration,
    /// Longest wait that a vendor may ask for (`Retry-After`): whoever asks for more is not asked again.
    pub max_retry_after: Duration,
}

/// What comes of a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// Another, after this wait.
    Again(Duration),
    /// None: the failure is final.
    Enough,
    /// None: the vendor asks for a wait of so long.
    TooLong(Duration),
    /// None: the case ends before this wait does.
    OutOfTime(Duration),
}

/// Most attempts that may end without a connection.
const UNREACHABLE: u32 = 4;

impl RetryPolicy {
    /// Most attempts of one kind of failure.
    pub const MOST: u32 = 100;

    /// Never tries again.
    pub fn off() -> Self {
        Self { rate_limited: 1, unavailable: 1, timeout: 1, ..Self::default() }
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            rate_limited: 8,
            unavailable: 6,
            timeout: 2,
            first_delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(60),
            max_retry_after: Duration::from_secs(300),
        }
    }
}

/// The failed attempts of one call, in order.
#[derive(Debug, Default)]
pub(crate) struct Tries(Vec<&'static str>);

impl Tries {
    pub(crate) fn failed(&self) -> u32 {
        self.0.len() as u32
    }

    /// The same for a call that failed for good: its last attempt was not tried again.
    pub(crate) fn into_retried(mut self) -> Vec<&'static str> {
        self.0.pop();
        self.0
    }

    /// Why they failed, a stable name each.
    pub(crate) fn into_reasons(self) -> Vec<&'static str> {
        self.0
    }
}

/// What waits between attempts. Tests put one in that only takes notes.
#[async_trait]
pub trait Sleep: fmt::Debug + Send + Sync {
    /// Returns after `duration`.
    async fn sleep(&self, duration: Duration);
}

/// The real thing.
#[derive(Debug)]
pub(crate) struct TokioSleep;

#[async_trait]
impl Sleep for TokioSleep {
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

impl RetryPolicy {
    /// What comes after another failed attempt, which is not among `tries` yet.
    pub(crate) fn then(&self, cause: &Cause, tries: &Tries, now: Instant, deadline: Instant) -> Then {
        let most = match cause {
            cause if !cause.is_passing() => return Then::Enough,
            Cause::RateLimited { .. } => self.rate_limited,
            Cause::ProviderTimeout { .. } | Cause::StreamIdle { .. } => self.timeout,
            // Who is not there will hardly be in a moment; who stumbles stands up again.
            Cause::ProviderUnreachable { .. } => self.unavailable.min(UNREACHABLE),
            _ => self.unavailable,
        };
        let alike = tries.0.iter().filter(|reason| kind(reason) == kind(cause.reason())).count() as u32 + 1;
        if alike >= most {
            return Then::Enough;
        }
        let delay = match cause.retry_after() {
            Some(wanted) if wanted > self.max_retry_after => return Then::TooLong(wanted),
            Some(wanted) => wanted,
            None => self.backoff(alike, random_share()),
        };
        // A wait that ends at the deadline or later leaves no time for the attempt.
        match now.checked_add(delay) {
            Some(end) if end < deadline => Then::Again(delay),
            _ => Then::OutOfTime(delay),
        }
    }

    /// Between half and three halves of the exponential delay, so that workers that failed together part ways.
    fn backoff(&self, attempt: u32, share: f64) -> Duration {
        let doubled = self.first_delay.saturating_mul(1u32.checked_shl(attempt - 1).unwrap_or(u32::MAX));
        doubled.min(self.max_delay).mul_f64(0.5 + share).min(self.max_delay)
    }
}

/// Which of the policy's numbers a reason counts for.
fn kind(reason: &str) -> u8 {
    match reason {
        "RateLimited" => 0,
        "ProviderTimeout" | "StreamIdle" => 1,
        "ProviderUnreachable" => 2,
        _ => 3,
    }
}

/// 0 to 1; one half if the system has no randomness to give, since jitter is a courtesy.
fn random_share() -> f64 {
    getrandom::u32().map_or(0.5, |bits| f64::from(bits) / f64::from(u32::MAX))
}

/// Reads a `Retry-After` header: seconds, or an HTTP date. Anything else counts as not given.
pub(crate) fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<f64>() {
        // What no clock can count is longer than any.
        let longest = (seconds > 0.0).then_some(Duration::MAX);
        return Duration::try_from_secs_f64(seconds).ok().or(longest);
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

/// The sleeper and policy of one provider.
#[derive(Clone, Debug)]
pub(crate) struct Retries {
    pub(crate) policy: RetryPolicy,
    pub(crate) sleep: Arc<dyn Sleep>,
}

impl Retries {
    /// Waits for the next attempt after a failed one; gives the failure back if it is final.
    pub(crate) async fn wait(&self, cause: Cause, tries: &mut Tries, deadline: Instant) -> Result<(), Cause> {
        let then = self.policy.then(&cause, tries, Instant::now(), deadline);
        // What never came to an attempt is none.
        if !matches!(cause, Cause::CircuitOpen { .. } | Cause::NoRoom { .. } | Cause::LimitsUnavailable { .. }) {
            tries.0.push(cause.reason());
        }
        let delay = match then {
            Then::Again(delay) => delay,
            Then::Enough => return Err(cause),
            Then::OutOfTime(delay) => return Err(cause.out_of_time(delay)),
            Then::TooLong(wanted) => return Err(cause.too_long(wanted, self.policy.max_retry_after)),
        };
        let attempt = tries.failed();
        tracing::debug!(attempt, delay_ms = delay.as_millis() as u64, %cause, "provider call is tried again");
        self.sleep.sleep(delay).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn limited(retry_after: Option<u64>) -> Cause {
        let retry_after = retry_after.map(Duration::from_secs);
        Cause::RateLimited { endpoint: "h".into(), retry_after, text: String::new() }
    }

    #[test]
    fn honours_the_vendor_up_to_the_cap_and_never_past_the_deadline() {
        let (policy, now) = (RetryPolicy { rate_limited: 4, ..RetryPolicy::default() }, Instant::now());
        let far = now + Duration::from_secs(3600);
        let tries = |reasons: &[&'static str]| Tries(reasons.to_vec());
        let none = tries(&[]);
        let seconds = Duration::from_secs;
        assert_eq!(policy.then(&limited(Some(7)), &none, now, far), Then::Again(seconds(7)));
        assert_eq!(policy.then(&limited(Some(300)), &none, now, far), Then::Again(seconds(300)));
        assert_eq!(policy.then(&limited(Some(301)), &none, now, far), Then::TooLong(seconds(301)));
        assert_eq!(policy.then(&limited(Some(u64::MAX)), &none, now, far), Then::TooLong(seconds(u64::MAX)));
        assert_eq!(policy.then(&limited(Some(7)), &none, now, now + seconds(7)), Then::OutOfTime(seconds(7)));
        assert_eq!(policy.then(&limited(Some(301)), &none, now, now + seconds(300)), Then::TooLong(seconds(301)));
        let refused = Cause::RequestRefused { endpoint: "h".into(), status: 400, text: String::new() };
        assert_eq!(policy.then(&refused, &none, now, far), Then::Enough);
        assert_eq!(RetryPolicy::off().then(&limited(Some(900)), &none, now, far), Then::Enough);
    }

    #[test]
    fn each_kind_of_failure_is_counted_apart() {
        let (policy, now) = (RetryPolicy { rate_limited: 3, unavailable: 2, ..RetryPolicy::default() }, Instant::now());
        let far = now + Duration::from_secs(3600);
        let again = |cause: &Cause, reasons: &[&'static str]| {
            policy.then(cause, &Tries(reasons.to_vec()), now, far) != Then::Enough
        };
        let broken = Cause::StreamBroken { endpoint: "h".into(), text: String::new() };
        let slow = Cause::ProviderTimeout { endpoint: "h".into(), limit: Duration::ZERO };
        assert!(again(&limited(None), &["RateLimited", "ProviderUnavailable"]));
        assert!(!again(&limited(None), &["RateLimited", "RateLimited"]));
        assert!(again(&broken, &["RateLimited", "RateLimited"]));
        assert!(!again(&broken, &["ProviderUnavailable"]), "all accidents count together");
        assert!(again(&slow, &["ProviderUnavailable"]) && !again(&slow, &["StreamIdle"]));
    }

    #[test]
    fn reads_retry_after() {
        let now = httpdate::parse_http_date("Wed, 21 Oct 2026 07:28:00 GMT").unwrap();
        assert_eq!(retry_after("120", now), Some(Duration::from_secs(120)));
        assert_eq!(retry_after("0.5", now), Some(Duration::from_millis(500)));
        assert_eq!(retry_after("Wed, 21 Oct 2026 07:28:30 GMT", now), Some(Duration::from_secs(30)));
        assert_eq!(retry_after("Wed, 21 Oct 2026 07:00:00 GMT", now), Some(Duration::ZERO));
        for endless in ["inf", "1e400", "99999999999999999999999"] {
            assert_eq!(retry_after(endless, now), Some(Duration::MAX), "{endless}");
        }
        for wrong in ["soon", "-1", "NaN", ""] {
            assert_eq!(retry_after(wrong, now), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn backoff_grows_and_is_bounded(attempt in 1u32..200, share in 0.0f64..=1.0) {
            let policy = RetryPolicy::default();
            let mean = policy.first_delay.as_secs_f64() * 2f64.powi(attempt as i32 - 1);
            let delay = policy.backoff(attempt, share);
            prop_assert!(delay <= policy.max_delay);
            prop_assert!(delay.as_secs_f64() >= (mean * 0.5).min(policy.max_delay.as_secs_f64() * 0.5) - 1e-6);
            prop_assert!(delay.as_secs_f64() <= mean * 1.5 + 1e-6);
        }
    }
}
