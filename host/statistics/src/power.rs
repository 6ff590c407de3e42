//! How many pairs show how small a difference.

use crate::{normal_cdf, normal_quantile};

/// The smallest mean difference that `pairs` pairs show at `alpha` (two-sided) with the chance `power`, if single
/// differences spread by `deviation`. None without pairs.
pub fn minimum_detectable(deviation: f64, pairs: u64, alpha: f64, power: f64) -> Option<f64> {
    (pairs > 0).then(|| reach(alpha, power) * deviation / (pairs as f64).sqrt())
}

/// Pairs that show a mean difference of `difference` at `alpha` (two-sided) with the chance `power`. Exact tests on
/// whole cases lose a little to their steps, which is added (as Fleiss does for continuity).
pub fn pairs_needed(deviation: f64, difference: f64, alpha: f64, power: f64) -> Option<u64> {
    if difference.is_nan() || difference <= 0.0 || !deviation.is_finite() {
        return None;
    }
    let plain = (reach(alpha, power) * deviation / difference).powi(2);
    Some((plain + 1.0 / difference).ceil() as u64)
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
        assert_eq!(pairs_needed(0.5, difference, 0.05, 0.8), Some(200 + (1.0 / difference).ceil() as u64));
        assert_eq!((pairs_needed(0.5, 0.0, 0.05, 0.8), minimum_detectable(0.5, 0, 0.05, 0.8)), (None, None));
    }
}
