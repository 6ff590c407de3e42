//! Distribution functions and their inverses, each within 1e-9 of its true value and mostly within 1e-13.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// Chance that a standard normal variable is at most `x`.
pub fn normal_cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x * FRAC_1_SQRT_2)
}

/// The inverse of [`normal_cdf`]; infinite at 0 and 1, not a number outside.
pub fn normal_quantile(p: f64) -> f64 {
    if p > 0.5 {
        return -normal_quantile(1.0 - p);
    }
    if p <= 0.0 || p.is_nan() {
        return if p == 0.0 { f64::NEG_INFINITY } else { f64::NAN };
    }
    // Abramowitz and Stegun 26.2.23 is within 4.5e-4, and each step of Halley's method triples the number of digits.
    let t = (-2.0 * p.ln()).sqrt();
    let mut x = (2.515517 + t * (0.802853 + t * 0.010328)) / (1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308))) - t;
    for _ in 0..3 {
        let density = (-0.5 * x * x).exp() / (2.0 * PI).sqrt();
        let step = (normal_cdf(x) - p) / density;
        x -= step / (1.0 + 0.5 * x * step);
    }
    x
}

/// Chance that a chi-square variable with one degree of freedom is over `x`.
pub fn chi_square_1_upper(x: f64) -> f64 {
    libm::erfc((0.5 * x.max(0.0)).sqrt())
}

/// Chance that a variable of Student's t with `freedom` degrees of freedom is at most `t`.
pub fn student_t_cdf(t: f64, freedom: f64) -> f64 {
    // Of the two forms the one whose first argument is not close to 1 keeps its digits.
    let square = t * t;
    let upper = if square < freedom {
        0.5 - 0.5 * beta_regularized(square / (freedom + square), 0.5, 0.5 * freedom)
    } else {
        0.5 * beta_regularized(freedom / (freedom + square), 0.5 * freedom, 0.5)
    };
    if t > 0.0 { 1.0 - upper } else { upper }
}

/// The inverse of [`student_t_cdf`].
pub fn student_t_quantile(p: f64, freedom: f64) -> f64 {
    if p > 0.5 {
        return -student_t_quantile(1.0 - p, freedom);
    }
    if p == 0.5 {
        return 0.0;
    }
    let mut low = -1.0;
    while student_t_cdf(low, freedom) > p && low > f64::MIN / 4.0 {
        low *= 2.0;
    }
    let mut high = 0.0;
    // Halving ends when there is no number between the two.
    loop {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            return middle;
        }
        if student_t_cdf(middle, freedom) > p { high = middle } else { low = middle }
    }
}

/// The regularized incomplete beta function I_x(a, b), by the continued fraction of DLMF 8.17.22 (Lentz's method).
fn beta_regularized(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return if x <= 0.0 { 0.0 } else { 1.0 };
    }
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - beta_regularized(1.0 - x, b, a);
    }
    let front = (a * x.ln() + b * (-x).ln_1p() - ln_beta(a, b)).exp() / a;
    let keep = |value: f64| if value.abs() < 1e-300 { 1e-300 } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / keep(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = d;
    for step in 1..10_000 {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / keep(1.0 + even * d);
        c = keep(1.0 + even / c);
        fraction *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / keep(1.0 + odd * d);
        c = keep(1.0 + odd / c);
        fraction *= d * c;
        if (d * c - 1.0).abs() < 1e-16 {
            break;
        }
    }
    front * fraction
}

/// The logarithm of the beta function. For a large argument, differences of log-gammas lose digits to cancellation;
/// Stirling's series of the difference does not.
fn ln_beta(a: f64, b: f64) -> f64 {
    let (small, large) = if a < b { (a, b) } else { (b, a) };
    if large < 50.0 {
        return libm::lgamma(small) + libm::lgamma(large) - libm::lgamma(small + large);
    }
    let sum = small + large;
    let difference =
        (large - 0.5) * (-small / sum).ln_1p() - small * (sum.ln() - 1.0) + stirling(large) - stirling(sum);
    libm::lgamma(small) + difference
}

/// What Stirling's formula lacks to the log-gamma of an x of 15 or more.
pub(crate) fn stirling(x: f64) -> f64 {
    let square = x * x;
    (1.0 / 12.0 - (1.0 / 360.0 - (1.0 / 1260.0 - (1.0 / 1680.0 - 1.0 / (1188.0 * square)) / square) / square) / square)
        / x
}

/// The chance of exactly `k` heads in `n` throws of a fair coin.
pub(crate) fn fair_binomial(k: u64, n: u64) -> f64 {
    let k = k.min(n - k);
    if n < 60 {
        // Exact: each product is a binomial coefficient below 2^57.
        let ways = (0..k).fold(1u128, |ways, i| ways * u128::from(n - i) / u128::from(i + 1));
        return ways as f64 / 2f64.powi(n as i32);
    }
    if k < 16 {
        let ways = (0..k).fold(0.0, |ways, i| ways + ((n - i) as f64 / (i + 1) as f64).ln());
        return (ways - n as f64 * std::f64::consts::LN_2).exp();
    }
    // Loader's saddle point: no difference of large numbers.
    let (heads, tails, all) = (k as f64, (n - k) as f64, n as f64);
    let deviance = deviance(heads, 0.5 * all) + deviance(tails, 0.5 * all);
    let correction = stirling(all) - stirling(heads) - stirling(tails) - deviance;
    correction.exp() * (all / (2.0 * PI * heads * tails)).sqrt()
}

/// x ln(x / mean) + mean - x, also where the two are close.
fn deviance(x: f64, mean: f64) -> f64 {
    let v = (x - mean) / (x + mean);
    if v.abs() >= 0.1 {
        return x * (x / mean).ln() + mean - x;
    }
    let (mut sum, mut power) = ((x - mean) * v, 2.0 * x * v);
    for odd in (3..1000).step_by(2) {
        power *= v * v;
        let next = sum + power / f64::from(odd);
        if next == sum {
            break;
        }
        sum = next;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, wanted: f64) {
        assert!((found - wanted).abs() <= 1e-12 * wanted.abs().max(1e-3), "{found} for {wanted}");
    }

    #[test]
    fn values_from_tables() {
        close(normal_quantile(0.975), 1.959963984540054);
        close(normal_quantile(1e-10), -6.361340902404056);
        close(normal_cdf(-3.0), 0.0013498980316300946);
        close(student_t_quantile(0.975, 1.0), 12.706204736174698);
        close(student_t_quantile(0.975, 10.0), 2.228_138_851_986_274);
        close(student_t_quantile(0.05, 1000.0), -1.6463788172854645);
        close(chi_square_1_upper(3.841458820694124), 0.05);
        assert!(normal_quantile(0.5).abs() < 1e-15);
    }

    #[test]
    fn ends_and_middle() {
        assert_eq!(normal_quantile(0.0), f64::NEG_INFINITY);
        assert_eq!(normal_quantile(1.0), f64::INFINITY);
        assert!(normal_quantile(-0.1).is_nan() && normal_quantile(1.1).is_nan());
        assert_eq!(student_t_quantile(0.5, 3.0), 0.0);
        close(student_t_cdf(0.0, 3.0), 0.5);
    }

    #[test]
    fn the_binomial_forms_agree_where_they_meet() {
        for (k, n) in [(0u64, 61u64), (10, 61), (20, 61), (30, 61), (15, 200), (16, 200), (100, 200), (61, 100)] {
            let exact = (1..=k).fold(0.0, |ways, i| ways + ((n - k + i) as f64 / i as f64).ln());
            let wanted = (exact - n as f64 * std::f64::consts::LN_2).exp();
            assert!((fair_binomial(k, n) / wanted - 1.0).abs() < 1e-12, "{k} of {n}");
        }
        let all: f64 = (0..=1000).map(|k| fair_binomial(k, 1000)).sum();
        close(all, 1.0);
    }
}
