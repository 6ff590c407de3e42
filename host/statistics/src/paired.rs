//! Tests on pairs: the same item before and after.

use crate::chi_square_1_upper;
use crate::distributions::fair_binomial;
use crate::random::Random;

/// Pairs with a difference up to which all choices of signs are counted.
pub const EXACT_PAIRS: usize = 16;
/// Choices that are drawn where they are too many to count.
pub const PERMUTATIONS: u64 = 20_000;

/// Seed of the drawn choices.
const SEED: u64 = 0x7369_676e_2066_6c69;

/// The exact two-sided p-value of McNemar's test, which is the sign test: of the pairs that changed, `better` and
/// `worse`, would a fair coin split them so unevenly?
pub fn mcnemar_exact(better: u64, worse: u64) -> f64 {
    let (few, all) = (better.min(worse), better + worse);
    if better == worse {
        return 1.0;
    }
    // From the largest term downwards, each from the one before, until the rest no longer counts.
    let mut term = fair_binomial(few, all);
    let mut tail = term;
    for k in (1..=few).rev() {
        term *= k as f64 / (all - k + 1) as f64;
        tail += term;
        if term < tail * 1e-18 {
            break;
        }
    }
    (2.0 * tail).min(1.0)
}

/// The p-value of McNemar's test by chi-square with Edwards' correction for continuity.
pub fn mcnemar_corrected(better: u64, worse: u64) -> f64 {
    let all = better + worse;
    if all == 0 {
        return 1.0;
    }
    let distance = better.abs_diff(worse).saturating_sub(1) as f64;
    chi_square_1_upper(distance * distance / all as f64)
}

/// The two-sided p-value of the paired permutation test on differences: if before and after were alike, each sign could
/// as well be the other. Exact up to [`EXACT_PAIRS`] pairs with a difference and where all differences have one size,
/// else from [`PERMUTATIONS`] choices drawn from a fixed seed, in which the data themselves count as one.
pub fn sign_flip(differences: &[i64]) -> f64 {
    let sizes: Vec<i128> =
        differences.iter().filter(|difference| **difference != 0).map(|d| i128::from(*d).abs()).collect();
    let observed = differences.iter().map(|difference| i128::from(*difference)).sum::<i128>().abs();
    let Some(first) = sizes.first() else { return 1.0 };
    if sizes.iter().all(|size| size == first) {
        let better = differences.iter().filter(|difference| **difference > 0).count() as u64;
        return mcnemar_exact(better, sizes.len() as u64 - better);
    }
    if sizes.len() <= EXACT_PAIRS {
        return counted(&sizes, observed);
    }
    let mut random = Random::new(SEED);
    let mut reached = 0u64;
    for _ in 0..PERMUTATIONS {
        let mut sum = 0;
        for chunk in sizes.chunks(64) {
            let mut signs = random.next();
            for size in chunk {
                // Without a branch: signs are what no processor predicts.
                let sign = -i128::from((signs & 1) as u8);
                sum += (size ^ sign) - sign;
                signs >>= 1;
            }
        }
        reached += u64::from(sum.abs() >= observed);
    }
    (reached + 1) as f64 / (PERMUTATIONS + 1) as f64
}

/// The share of all choices of signs whose sum is at least as far from zero.
fn counted(sizes: &[i128], observed: i128) -> f64 {
    let all = 1u32 << sizes.len();
    // Gray code: one sign changes from each choice to the next.
    let mut sum: i128 = sizes.iter().sum();
    let mut signs = 0u32;
    let mut reached = u32::from(sum.abs() >= observed);
    for choice in 1..all {
        let place = choice.trailing_zeros();
        signs ^= 1 << place;
        let size = sizes[place as usize];
        sum += if signs >> place & 1 == 1 { -2 * size } else { 2 * size };
        reached += u32::from(sum.abs() >= observed);
    }
    f64::from(reached) / f64::from(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sign_test_counts_outcomes_of_a_coin() {
        assert!((mcnemar_exact(1, 9) - 2.0 * 11.0 / 1024.0).abs() < 1e-16);
        assert_eq!(mcnemar_exact(0, 0), 1.0);
        assert_eq!(mcnemar_exact(5, 5), 1.0);
        assert_eq!(mcnemar_exact(0, 3), 0.25);
        assert!(mcnemar_exact(0, 5000) < 1e-300);
        assert_eq!(mcnemar_exact(1_000_000, 1_000_000), 1.0);
        assert!(mcnemar_corrected(5, 5) == 1.0 && mcnemar_corrected(0, 0) == 1.0);
    }

    #[test]
    fn signs_are_counted_where_they_are_few() {
        // Of the 8 choices of 1, 2, 3 only +++ and --- reach 6.
        assert_eq!(sign_flip(&[1, 2, 3]), 0.25);
        assert_eq!(sign_flip(&[1, 2, 3, 0, 0]), 0.25);
        assert_eq!(sign_flip(&[]), 1.0);
        assert_eq!(sign_flip(&[3, -1, -2]), 1.0);
        assert_eq!(sign_flip(&[7; 10]), mcnemar_exact(10, 0));
    }

    #[test]
    fn drawn_signs_come_close_to_counted_ones() {
        let differences: Vec<i64> = (0..17).map(|n| if n % 3 == 0 { -n - 1 } else { n + 1 }).collect();
        let sizes: Vec<i128> = differences.iter().map(|difference| i128::from(*difference).abs()).collect();
        let observed = i128::from(differences.iter().sum::<i64>());
        let wanted = counted(&sizes, observed.abs());
        // Four standard errors of what is drawn.
        let error = 4.0 * (wanted * (1.0 - wanted) / PERMUTATIONS as f64).sqrt();
        assert!((sign_flip(&differences) - wanted).abs() < error, "{} for {wanted}", sign_flip(&differences));
    }
}
