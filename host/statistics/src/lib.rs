//! The mathematics of results. Takes counts and scores, gives intervals, p-values and sizes of samples; never does IO,
//! never waits, never asks a clock or the system for random numbers, knows nothing of runs or records.
//!
//! Sums are integers and everything random is drawn from a fixed seed, so that the same data give the same answer to
//! the last bit, in whatever order they came. All of it is compared with SciPy and statsmodels in `tests/statistics`.

mod bootstrap;
mod clusters;
mod correction;
mod distributions;
mod effect;
mod interval;
mod paired;
mod power;
mod random;
mod repeats;

pub use bootstrap::{RESAMPLES, bootstrap_mean, bootstrap_ratio};
pub use clusters::{Bounds, Cluster, Clusters, GROUPS, Method, item_key};
pub use correction::{benjamini_hochberg, holm};
pub use distributions::{chi_square_1_upper, normal_cdf, normal_quantile, student_t_cdf, student_t_quantile};
pub use effect::{cohen_d_paired, cohen_h, odds_ratio};
pub use interval::{adjusted_paired, student_t, wilson};
pub use paired::{EXACT_PAIRS, PERMUTATIONS, mcnemar_corrected, mcnemar_exact, sign_flip};
pub use power::{minimum_detectable, paired_power, pairs_needed};
pub use repeats::{pass_all, pass_any};
