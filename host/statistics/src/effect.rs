//! Sizes of effects: how much, not how surely.

/// Cohen's h between two shares: 0.2 is small, 0.5 medium, 0.8 large.
pub fn cohen_h(from: f64, to: f64) -> f64 {
    let angle = |share: f64| 2.0 * share.clamp(0.0, 1.0).sqrt().asin();
    angle(to) - angle(from)
}

/// Cohen's d of paired differences: their mean in standard deviations. None below two pairs or without any spread.
pub fn cohen_d_paired(differences: &[f64]) -> Option<f64> {
    if differences.len() < 2 {
        return None;
    }
    let n = differences.len() as f64;
    let mean = differences.iter().sum::<f64>() / n;
    let squares: f64 = differences.iter().map(|difference| (difference - mean).powi(2)).sum();
    let deviation = (squares / (n - 1.0)).sqrt();
    (deviation > 0.0).then(|| mean / deviation)
}

/// The odds ratio of matched pairs: those that got better to those that got worse. None if none got worse.
pub fn odds_ratio(better: u64, worse: u64) -> Option<f64> {
    (worse > 0).then(|| better as f64 / worse as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        assert!((cohen_h(0.5, 0.7) - 0.411_516_846_067_488_1).abs() < 1e-14);
        assert_eq!(cohen_h(0.3, 0.3), 0.0);
        assert!((cohen_d_paired(&[1.0, 2.0, 3.0]).unwrap() - 2.0).abs() < 1e-15);
        assert_eq!((cohen_d_paired(&[1.0]), cohen_d_paired(&[1.0, 1.0])), (None, None));
        assert_eq!((odds_ratio(6, 3), odds_ratio(6, 0)), (Some(2.0), None));
    }
}
