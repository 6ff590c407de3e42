//! Intervals that need no resampling.

use crate::{normal_quantile, student_t_quantile};

/// Wilson's score interval of a share, over `of` independent cases of which `passed` passed; both may be fractions, as
/// with an effective number of cases. None without cases.
pub fn wilson(passed: f64, of: f64, confidence: f64) -> Option<(f64, f64)> {
    if of.is_nan() || of <= 0.0 {
        return None;
    }
    let z = normal_quantile(0.5 + 0.5 * confidence);
    let (share, square) = (passed / of, z * z);
    let center = (share + square / (2.0 * of)) / (1.0 + square / of);
    let half = z / (1.0 + square / of) * (share * (1.0 - share) / of + square / (4.0 * of * of)).sqrt();
    // At the edges the end is exact, whatever rounding says.
    let low = if passed <= 0.0 { 0.0 } else { (center - half).max(0.0) };
    let high = if passed >= of { 1.0 } else { (center + half).min(1.0) };
    Some((low, high))
}

/// Student's interval of a mean with its standard error over `n` independent values; none below two.
pub fn student_t(mean: f64, standard_error: f64, n: u64, confidence: f64) -> Option<(f64, f64)> {
    if n < 2 {
        return None;
    }
    let half = student_t_quantile(0.5 + 0.5 * confidence, (n - 1) as f64) * standard_error;
    Some((mean - half, mean + half))
}

/// Interval of the mean of paired differences, each from -1 to 1: that of Bonett and Price, which adds one pair for and
/// one against, so that pairs without any difference do not pretend to prove that there is none. None without pairs.
pub fn adjusted_paired(differences: &[f64], confidence: f64) -> Option<(f64, f64)> {
    if differences.is_empty() {
        return None;
    }
    let (mean, error) = adjusted_moments(differences);
    let half = normal_quantile(0.5 + 0.5 * confidence) * error;
    Some(((mean - half).max(-1.0), (mean + half).min(1.0)))
}

/// Mean and standard error of differences with one pair for and one against added.
pub(crate) fn adjusted_moments(differences: &[f64]) -> (f64, f64) {
    let n = differences.len() as f64 + 2.0;
    let mean = differences.iter().sum::<f64>() / n;
    let squares = differences.iter().map(|difference| difference * difference).sum::<f64>() + 2.0;
    (mean, ((squares / n - mean * mean) / n).max(0.0).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wilson_at_the_edges() {
        assert_eq!(wilson(0.0, 0.0, 0.95), None);
        let (low, high) = wilson(0.0, 10.0, 0.95).unwrap();
        assert_eq!(low, 0.0);
        assert!((high - 0.277_532_799_862_889_2).abs() < 1e-9, "{high}");
        let (low, high) = wilson(10.0, 10.0, 0.95).unwrap();
        assert!((low - 0.722_467_200_137_110_6).abs() < 1e-9, "{low}");
        assert_eq!(high, 1.0);
    }

    #[test]
    fn pairs_without_a_difference_leave_room_for_one() {
        let (low, high) = adjusted_paired(&[0.0; 10], 0.95).unwrap();
        assert!(low < -0.2 && high > 0.2);
        let (low, high) = adjusted_paired(&[0.0; 10_000], 0.95).unwrap();
        assert!(low > -0.001 && high < 0.001);
        assert_eq!(adjusted_paired(&[], 0.95), None);
        assert_eq!(student_t(0.5, 0.1, 1, 0.95), None);
    }
}
