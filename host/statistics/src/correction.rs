//! Corrections for looking at many metrics at once.

/// Holm's adjusted p-values, in the order given: below alpha means significant with at most that chance of any false
/// alarm among all.
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let order = rising(p_values);
    let mut adjusted = vec![1.0; p_values.len()];
    let mut floor = 0f64;
    for (rank, place) in order.iter().enumerate() {
        floor = floor.max(p_values[*place] * (p_values.len() - rank) as f64).min(1.0);
        adjusted[*place] = floor;
    }
    adjusted
}

/// Benjamini and Hochberg's adjusted p-values, in the order given: below alpha means that at most that share of what is
/// called significant is false on average.
pub fn benjamini_hochberg(p_values: &[f64]) -> Vec<f64> {
    let order = rising(p_values);
    let mut adjusted = vec![1.0; p_values.len()];
    let mut ceiling = 1f64;
    for (rank, place) in order.iter().enumerate().rev() {
        ceiling = ceiling.min(p_values[*place] * p_values.len() as f64 / (rank + 1) as f64);
        adjusted[*place] = ceiling;
    }
    adjusted
}

fn rising(p_values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|a, b| p_values[*a].total_cmp(&p_values[*b]));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corrected_values_stand_where_their_originals_stood() {
        let close = |found: Vec<f64>, wanted: [f64; 4]| {
            assert!(found.iter().zip(wanted).all(|(found, wanted)| (found - wanted).abs() < 1e-15), "{found:?}");
        };
        close(holm(&[0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02]);
        close(benjamini_hochberg(&[0.01, 0.04, 0.03, 0.005]), [0.02, 0.04, 0.04, 0.02]);
        assert_eq!(holm(&[0.9, 0.8]), [1.0, 1.0]);
        assert!(holm(&[]).is_empty() && benjamini_hochberg(&[]).is_empty());
    }
}
