//! The bootstrap over items: what would another choice of as many items have given?

use crate::random::Random;
use crate::{normal_cdf, student_t_quantile};

/// Choices that are drawn.
pub const RESAMPLES: usize = 1000;

/// Everything is drawn from this.
const SEED: u64 = 0x6172_656e_6120_3037;

/// Interval of the sum of sums over the sum of weights, items drawn with replacement. Percentiles, expanded for few items
/// as Hesterberg has it: the plain ones are too narrow by the factor sqrt((n-1)/n) and by normal instead of Student
/// tails. None below two items.
pub fn bootstrap_ratio(items: &[(u64, u64)], confidence: f64) -> Option<(f64, f64)> {
    let count = u32::try_from(items.len()).ok().filter(|count| *count >= 2)?;
    let mut random = Random::new(SEED);
    let ratios = (0..RESAMPLES).map(|_| {
        let (mut sum, mut weight) = (0u128, 0u128);
        for _ in 0..count {
            let (more, heavier) = items[random.below(count)];
            sum += u128::from(more);
            weight += u128::from(heavier);
        }
        sum as f64 / weight as f64
    });
    percentiles(ratios.collect(), count, confidence)
}

/// The same of the mean of signed values, each item of weight one.
pub fn bootstrap_mean(values: &[i64], confidence: f64) -> Option<(f64, f64)> {
    let count = u32::try_from(values.len()).ok().filter(|count| *count >= 2)?;
    let mut random = Random::new(SEED);
    let means = (0..RESAMPLES).map(|_| {
        let sum: i128 = (0..count).map(|_| i128::from(values[random.below(count)])).sum();
        sum as f64 / f64::from(count)
    });
    percentiles(means.collect(), count, confidence)
}

/// The expanded percentiles of what was drawn.
fn percentiles(mut drawn: Vec<f64>, items: u32, confidence: f64) -> Option<(f64, f64)> {
    drawn.sort_by(f64::total_cmp);
    let n = f64::from(items);
    let tail = normal_cdf((n / (n - 1.0)).sqrt() * student_t_quantile(0.5 - 0.5 * confidence, n - 1.0));
    let last = drawn.len().checked_sub(1)?;
    // Between two values the straight line, as NumPy has it.
    let at = |share: f64| {
        let place = share * last as f64;
        let below = (place.floor() as usize).min(last);
        let above = (below + 1).min(last);
        drawn[below] + (drawn[above] - drawn[below]) * (place - below as f64)
    };
    Some((at(tail), at(1.0 - tail)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_agree_and_repeat() {
        let values: Vec<i64> = (0..40).map(|n| (n * n) % 17).collect();
        let items: Vec<(u64, u64)> = values.iter().map(|value| (*value as u64, 1)).collect();
        assert_eq!(bootstrap_mean(&values, 0.95), bootstrap_ratio(&items, 0.95));
        assert_eq!(bootstrap_mean(&values, 0.95), bootstrap_mean(&values, 0.95));
        assert_eq!(bootstrap_mean(&[1], 0.95), None);
        assert_eq!(bootstrap_ratio(&[], 0.95), None);
    }

    #[test]
    fn a_higher_confidence_is_wider() {
        let values: Vec<i64> = (0..30).collect();
        let [narrow, wide] = [0.9, 0.99].map(|confidence| bootstrap_mean(&values, confidence).unwrap());
        assert!(wide.0 < narrow.0 && narrow.1 < wide.1);
    }
}
