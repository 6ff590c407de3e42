//! How many pairs show how small a difference.

use crate::{normal_cdf, normal_quantile};

/// The smallest mean difference that `pairs` pairs show at `alpha` (two-sided) with the chance `power`, if single
/// differences spread by `deviation`. None without pairs.
pub fn minimum_detectable(deviation: f64, pairs: u64, alpha: f64, power: f64) -> Option<f64> {
    (pairs > 0).then(|| reach(alpha, power) * deviation / (pairs as f64).sqrt())
}

/// Pairs that show a mean difference of `difference` at `alpha` (two-sided) with the chance `power`, for an exact test on
/// whole cases: without a difference they spread a little more than with one, and the test's steps cost it one pair.
pub fn pairs_needed(deviation: f64, difference: f64, alpha: f64, power: f64) -> Option<u64> {
    if difference.is_nan() || difference <= 0.0 || !deviation.is_finite() {
        return None;
    }
    let without = normal_quantile(1.0 - 0.5 * alpha) * deviation.hypot(difference);
    let reach = without + normal_quantile(power) * deviation;
    // n * difference - 1 = reach * sqrt(n), solved for sqrt(n).
    let root = (reach + (reach * reach + 4.0 * difference).sqrt()) / (2.0 * difference);
    Some((root * root).ceil() as u64)
}

/// The chance that `pairs` pairs show a mean difference of `difference`.
pub fn paired_power(deviation: f64, difference: f64, pairs: u64, alpha: f64) -> f64 {
    let shift = difference.abs() * (pairs as f64).sqrt() / deviation;
    let critical = normal_quantile(1.0 - 0.5 * alpha);
    normal_cdf(shift - critical) + normal_cdf(-shift - critical)
}

/// Standard errors between no difference and one that is found.
fn reach(alpha: f64, power: f64) -> f64 {
    normal_quantile(1.0 - 0.5 * alpha) + normal_quantile(power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_difference_and_power_fit_together() {
        let difference = minimum_detectable(0.5, 200, 0.05, 0.8).unwrap();
        assert!((difference - 2.801_585_218_1 * 0.5 / 200f64.sqrt()).abs() < 1e-9);
        assert!((paired_power(0.5, difference, 200, 0.05) - 0.8).abs() < 1e-5);
        // (1.95996 * hypot(0.5, 0.1) + 0.84162 * 0.5) / 0.1 is 14.2016; the step makes of its 201.7 pairs 222.
        assert_eq!(pairs_needed(0.5, 0.1, 0.05, 0.8), Some(222));
        assert_eq!((pairs_needed(0.5, 0.0, 0.05, 0.8), minimum_detectable(0.5, 0, 0.05, 0.8)), (None, None));
    }
}
