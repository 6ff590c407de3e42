//! Chances over several trials of one test.

/// pass@k: the chance that at least one of `k` trials passes, unbiased, from `passed` of `trials`. None if there are
/// fewer than `k` trials.
pub fn pass_any(passed: u64, trials: u64, k: u64) -> Option<f64> {
    Some(1.0 - drawn_alike(trials.checked_sub(passed)?, trials, k)?)
}

/// pass^k: the chance that all of `k` trials pass, unbiased.
pub fn pass_all(passed: u64, trials: u64, k: u64) -> Option<f64> {
    drawn_alike(passed, trials, k)
}

/// The chance that `k` of `trials`, drawn without putting back, are all among `alike` ones.
fn drawn_alike(alike: u64, trials: u64, k: u64) -> Option<f64> {
    if k == 0 || k > trials || alike > trials {
        return None;
    }
    Some((0..k).map(|drawn| alike.saturating_sub(drawn) as f64 / (trials - drawn) as f64).product())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_formulas_of_the_papers() {
        // 1 - C(7,5)/C(10,5) and C(3,2)/C(10,2).
        assert!((pass_any(3, 10, 5).unwrap() - (1.0 - 21.0 / 252.0)).abs() < 1e-15);
        assert!((pass_all(3, 10, 2).unwrap() - 3.0 / 45.0).abs() < 1e-15);
        assert_eq!(pass_any(8, 10, 3), Some(1.0));
        assert_eq!(pass_all(2, 10, 3), Some(0.0));
        assert_eq!((pass_all(10, 10, 10), pass_any(0, 10, 10)), (Some(1.0), Some(0.0)));
        for refused in [pass_any(1, 3, 4), pass_any(1, 3, 0), pass_any(4, 3, 1), pass_all(4, 3, 1)] {
            assert_eq!(refused, None);
        }
    }

    #[test]
    fn one_trial_is_the_pass_rate() {
        for passed in 0..=7 {
            assert!((pass_any(passed, 7, 1).unwrap() - passed as f64 / 7.0).abs() < 1e-15);
            assert!((pass_all(passed, 7, 1).unwrap() - passed as f64 / 7.0).abs() < 1e-15);
        }
    }
}
