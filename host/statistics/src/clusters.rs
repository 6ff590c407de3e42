//! Sums per test item in bounded memory, and what they say of a share and of a mean.

use crate::random::mix;
use crate::{bootstrap_ratio, student_t, student_t_quantile, wilson};

/// Items that are told apart; more are held in so many groups by their hash.
pub const GROUPS: usize = 1024;

/// Units of a score.
const NANO: f64 = 1e9;

/// Items from which on a mean is bootstrapped.
const BOOTSTRAP_FROM: usize = 8;

/// Sums of one item, or of a group of items.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cluster {
    /// Cases with a verdict.
    pub cases: u64,
    /// Those that passed.
    pub passed: u64,
    /// Cases with a score.
    pub scored: u64,
    /// Sum of their scores in units of 1e-9.
    pub score_nano: u64,
}

impl Cluster {
    fn add(&mut self, more: &Self) {
        self.cases += more.cases;
        self.passed += more.passed;
        self.scored += more.scored;
        self.score_nano = self.score_nano.saturating_add(more.score_nano);
    }
}

/// How an interval was computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Wilson's, over independent cases.
    Wilson,
    /// Wilson's, over an effective number of cases.
    WilsonClustered,
    /// Bootstrap over items.
    Bootstrap,
    /// Student's t over items.
    StudentT,
}

/// An interval and its method.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// How it was computed.
    pub method: Method,
}

/// Cases by item. The order in which they come makes no difference.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clusters {
    /// By hash of the item, or by number of the group once there are too many; rising.
    clusters: Vec<(u64, Cluster)>,
    grouped: bool,
}

/// Hash of what names an item, the same on every machine.
pub fn item_key<'a>(parts: impl IntoIterator<Item = &'a str>) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    for part in parts {
        // No byte of a text is 0xff, so it ends a part.
        for byte in part.bytes().chain([0xff]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    mix(hash)
}

impl Clusters {
    /// Adds to the item of this key.
    pub fn add(&mut self, key: u64, more: &Cluster) {
        let key = if self.grouped { key % GROUPS as u64 } else { key };
        match self.clusters.binary_search_by_key(&key, |(key, _)| *key) {
            Ok(place) => self.clusters[place].1.add(more),
            Err(_) if !self.grouped && self.clusters.len() == GROUPS => {
                self.grouped = true;
                for (key, cluster) in std::mem::take(&mut self.clusters) {
                    self.add(key, &cluster);
                }
                self.add(key, more);
            }
            Err(place) => self.clusters.insert(place, (key, *more)),
        }
    }

    /// Items, or groups of them.
    pub fn len(&self) -> usize {
        self.clusters.len()
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.clusters.is_empty()
    }

    /// All of them together.
    pub fn total(&self) -> Cluster {
        let mut total = Cluster::default();
        self.clusters.iter().for_each(|(_, cluster)| total.add(cluster));
        total
    }

    /// Interval of the share that passed. Where an item has several cases, they count for as many independent ones as
    /// their likeness lets them (the design effect, with Korn and Graubard's correction for few items); cases of a
    /// single item count as independent, and the interval then speaks of that item alone.
    pub fn pass_rate(&self, confidence: f64) -> Option<Bounds> {
        let total = self.total();
        let (passed, cases) = (total.passed as f64, total.cases as f64);
        let parts = self.parts(|cluster| (cluster.passed, cluster.cases));
        let (effective, method) = match parts.len() {
            0 | 1 => (cases, Method::Wilson),
            items if !self.grouped && total.cases == items as u64 => (cases, Method::Wilson),
            _ => (effective(&parts, cases, confidence).min(cases), Method::WilsonClustered),
        };
        let (low, high) = wilson(passed / cases * effective, effective, confidence)?;
        Some(Bounds { low, high, method })
    }

    /// Interval of the mean score over the cases that have one; none below two items. Scores that are all the same say
    /// nothing of their spread, so that case gets the widest that a mean of values from 0 to 1 can have.
    pub fn mean_score(&self, confidence: f64) -> Option<Bounds> {
        let parts = self.parts(|cluster| (cluster.score_nano, cluster.scored));
        let scored: f64 = parts.iter().map(|(_, weight)| *weight as f64).sum();
        let mean = parts.iter().map(|(sum, _)| *sum as f64).sum::<f64>() / scored / NANO;
        let items = parts.len();
        if items < 2 {
            return None;
        }
        let variance = variance(&parts.iter().map(|(sum, n)| (*sum as f64 / NANO, *n as f64)).collect::<Vec<_>>());
        let clip = |(low, high): (f64, f64), method| Bounds { low: low.max(0.0), high: high.min(1.0), method };
        if variance < 1e-18 {
            return Some(clip(wilson(mean * items as f64, items as f64, confidence)?, Method::Wilson));
        }
        if items < BOOTSTRAP_FROM {
            return Some(clip(student_t(mean, variance.sqrt(), items as u64, confidence)?, Method::StudentT));
        }
        let (low, high) = bootstrap_ratio(&parts, confidence)?;
        Some(clip((low / NANO, high / NANO), Method::Bootstrap))
    }

    /// Sum and weight of each item that has a weight.
    fn parts(&self, of: impl Fn(&Cluster) -> (u64, u64)) -> Vec<(u64, u64)> {
        self.clusters.iter().map(|(_, cluster)| of(cluster)).filter(|(_, weight)| *weight > 0).collect()
    }
}

/// Variance of the ratio of sums to weights over items (linearized).
fn variance(parts: &[(f64, f64)]) -> f64 {
    let items = parts.len() as f64;
    let weight: f64 = parts.iter().map(|(_, weight)| weight).sum();
    let ratio = parts.iter().map(|(sum, _)| sum).sum::<f64>() / weight;
    let squares: f64 = parts.iter().map(|(sum, weight)| (sum - ratio * weight).powi(2)).sum();
    squares * items / (items - 1.0) / (weight * weight)
}

/// As how many independent cases those of two or more items count.
fn effective(parts: &[(u64, u64)], cases: f64, confidence: f64) -> f64 {
    let items = parts.len() as f64;
    let parts: Vec<(f64, f64)> = parts.iter().map(|(sum, weight)| (*sum as f64, *weight as f64)).collect();
    let share = parts.iter().map(|(sum, _)| sum).sum::<f64>() / cases;
    let (independent, clustered) = (share * (1.0 - share) / cases, variance(&parts));
    if independent <= 0.0 {
        // All alike: nothing tells how alike the cases of an item are, so each item counts once.
        return items;
    }
    // Spread that is smaller than chance alone makes is chance too.
    let design = (clustered / independent).max(1.0);
    let tail = 0.5 + 0.5 * confidence;
    let few = student_t_quantile(tail, cases - 1.0) / student_t_quantile(tail, items - 1.0);
    (cases / design * few * few).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(passed: bool, score: f64) -> Cluster {
        Cluster { cases: 1, passed: passed.into(), scored: 1, score_nano: (score * NANO) as u64 }
    }

    #[test]
    fn order_makes_no_difference_and_memory_is_bounded() {
        for items in [10u64, 1024, 1025, 5000] {
            let cases: Vec<(u64, Cluster)> =
                (0..items * 2).map(|n| (mix(n % items), case(n % 3 == 0, (n % 7) as f64 / 7.0))).collect();
            let (mut forth, mut back) = (Clusters::default(), Clusters::default());
            cases.iter().for_each(|(key, case)| forth.add(*key, case));
            cases.iter().rev().for_each(|(key, case)| back.add(*key, case));
            assert_eq!(forth, back);
            assert!(forth.len() <= GROUPS);
            assert_eq!(forth.total().cases, items * 2);
        }
    }

    #[test]
    fn single_cases_are_plain_wilson() {
        let mut clusters = Clusters::default();
        (0..50).for_each(|n| clusters.add(n, &case(n < 40, 1.0)));
        let found = clusters.pass_rate(0.95).unwrap();
        assert_eq!(Some((found.low, found.high)), wilson(40.0, 50.0, 0.95));
        assert_eq!(found.method, Method::Wilson);
    }

    #[test]
    fn trials_that_always_agree_count_once() {
        let (mut single, mut repeated) = (Clusters::default(), Clusters::default());
        for n in 0..200 {
            single.add(n, &case(n % 4 > 0, 1.0));
            (0..10).for_each(|_| repeated.add(n, &case(n % 4 > 0, 1.0)));
        }
        let (single, repeated) = (single.pass_rate(0.95).unwrap(), repeated.pass_rate(0.95).unwrap());
        assert_eq!(repeated.method, Method::WilsonClustered);
        assert!((single.high - single.low) / (repeated.high - repeated.low) > 0.97);
        let mut all_pass = Clusters::default();
        (0..20).for_each(|n| (0..5).for_each(|_| all_pass.add(n, &case(true, 1.0))));
        let found = all_pass.pass_rate(0.95).unwrap();
        assert_eq!(Some((found.low, found.high)), wilson(20.0, 20.0, 0.95));
    }

    #[test]
    fn trials_of_one_item_speak_of_it() {
        let mut clusters = Clusters::default();
        (0..10).for_each(|n| clusters.add(7, &case(n < 5, 0.5)));
        assert_eq!(clusters.pass_rate(0.95).unwrap().method, Method::Wilson);
        assert_eq!(clusters.mean_score(0.95), None);
        assert_eq!(Clusters::default().pass_rate(0.95), None);
    }

    #[test]
    fn a_mean_by_its_number_of_items() {
        let mean = |scores: &[f64]| {
            let mut clusters = Clusters::default();
            scores.iter().enumerate().for_each(|(n, score)| clusters.add(n as u64, &case(true, *score)));
            clusters.mean_score(0.95).unwrap()
        };
        let few = mean(&[0.2, 0.4, 0.6]);
        assert_eq!(few.method, Method::StudentT);
        // 0.4 +- 4.302652729696 * 0.2 / sqrt(3)
        assert!(few.low == 0.0 && (few.high - 0.896_827_543).abs() < 1e-6, "{few:?}");
        let alike = mean(&[1.0; 30]);
        assert_eq!((Some((alike.low, alike.high)), alike.method), (wilson(30.0, 30.0, 0.95), Method::Wilson));
        let many = mean(&(0..100).map(|n| f64::from(n) / 100.0).collect::<Vec<_>>());
        assert_eq!(many.method, Method::Bootstrap);
        assert!((many.low - 0.4375).abs() < 0.01 && (many.high - 0.5525).abs() < 0.01, "{many:?}");
    }
}
