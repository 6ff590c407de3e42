//! When to look again.

use std::time::Duration;

use arena_model::Digest;

/// Wait after the first failure.
pub const BACKOFF_MIN: Duration = Duration::from_millis(750);
/// Longest wait after failures.
pub const BACKOFF_MAX: Duration = Duration::from_secs(15 * 60);

/// Part of an interval that the jitter may add or take away, in hundredths.
const JITTER_PERCENT: u32 = 5;

/// Wait after the `failures`-th failure in a row (1 is the first): doubles, with the jitter of `salt`.
pub fn backoff(failures: u32, salt: &str) -> Duration {
    let doublings = 2u32.saturating_pow(failures.saturating_sub(1));
    let wait = BACKOFF_MIN.saturating_mul(doublings).min(BACKOFF_MAX);
    jittered(wait, &format!("{salt} {failures}")).min(BACKOFF_MAX)
}

/// An interval within 5 % of the one given, by the text: objects that were made at once do not stay in step, and one
/// object's is the same in every process.
pub fn jittered(interval: Duration, salt: &str) -> Duration {
    let digest = Digest::of(salt.as_bytes());
    let part = u32::from_str_radix(digest.hex().get(..4).unwrap_or("0"), 16).unwrap_or(0);
    // From 95 to 105 hundredths, in 65,536 steps.
    let hundredths = f64::from(100 - JITTER_PERCENT) + f64::from(2 * JITTER_PERCENT) * f64::from(part) / 65_535.0;
    interval.mul_f64(hundredths / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_up_to_its_limit() {
        for (failures, nominal) in [(1, 0.75), (2, 1.5), (3, 3.0), (11, 768.0), (12, 900.0), (u32::MAX, 900.0)] {
            let wait = backoff(failures, "uid").as_secs_f64();
            assert!((nominal * 0.95..=(nominal * 1.05_f64).min(900.0)).contains(&wait), "{failures}: {wait}");
        }
    }

    #[test]
    fn jitter_differs_by_object_and_stays_within_five_percent() {
        let interval = Duration::from_secs(100);
        let all: Vec<f64> = (0..200).map(|n| jittered(interval, &format!("uid-{n}")).as_secs_f64()).collect();
        assert!(all.iter().all(|wait| (95.0..=105.0).contains(wait)));
        assert!(all.iter().any(|wait| *wait < 97.0) && all.iter().any(|wait| *wait > 103.0));
        assert_eq!(jittered(interval, "uid-0"), jittered(interval, "uid-0"));
    }
}
