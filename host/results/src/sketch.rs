//! Percentiles of a stream in bounded memory: a DDSketch whose bucket borders are integers, so that every machine
//! gives the same answer.

/// Buckets per doubling of the value. A bucket is at most 1/64 of its lower border wide, and its middle is the answer,
/// so an answer is off by at most 1/128 = 0.8 %.
const STEPS: u64 = 64;
/// Number of buckets that hold all of u64: one for each value below 64, then 64 for each of the 58 doublings above.
const BUCKETS: usize = (STEPS * 59) as usize;

/// Every percentile but the maximum is off by at most this share.
pub const PERCENTILE_ERROR: f64 = 1.0 / 128.0;

/// A sketch of non-negative integers (microseconds here). Holds the buckets that are not empty, at most 3,776 whatever is
/// added; two sketches merge by adding their counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sketch {
    /// Bucket and its count, rising.
    counts: Vec<(u16, u64)>,
    total: u64,
    max: u64,
}

fn bucket(value: u64) -> usize {
    let Some(doubling) = (value / STEPS).checked_ilog2() else { return value as usize };
    // value >> doubling lies in 64..128.
    (u64::from(doubling) * STEPS + (value >> doubling)) as usize
}

/// Lower border and width of a bucket.
fn border(bucket: usize) -> (u64, u64) {
    let bucket = bucket as u64;
    if bucket < 2 * STEPS {
        return (bucket, 1);
    }
    let doubling = bucket / STEPS - 1;
    ((bucket % STEPS + STEPS) << doubling, 1 << doubling)
}

impl Sketch {
    /// Adds one value.
    pub fn add(&mut self, value: u64) {
        self.count(bucket(value) as u16, 1);
        self.total += 1;
        self.max = self.max.max(value);
    }

    /// Adds all that `other` holds.
    pub fn merge(&mut self, other: &Self) {
        other.counts.iter().for_each(|(bucket, count)| self.count(*bucket, *count));
        self.total += other.total;
        self.max = self.max.max(other.max);
    }

    fn count(&mut self, bucket: u16, more: u64) {
        match self.counts.binary_search_by_key(&bucket, |(bucket, _)| *bucket) {
            Ok(place) => self.counts[place].1 += more,
            Err(place) => self.counts.insert(place, (bucket, more)),
        }
    }

    /// Number of values.
    pub fn len(&self) -> u64 {
        self.total
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// The largest value, exact; 0 if there is none.
    pub fn max(&self) -> u64 {
        self.max
    }

    /// The value of rank `ceil(share * n / 1000)` within 1 %, `share` in thousandths; none if nothing was added.
    pub fn quantile(&self, share: u64) -> Option<u64> {
        let rank = (u128::from(self.total) * u128::from(share)).div_ceil(1000).max(1) as u64;
        let mut seen = 0;
        let (found, _) = self.counts.iter().find(|(_, count)| {
            seen += count;
            seen >= rank
        })?;
        let (low, width) = border(usize::from(*found));
        Some((low + width / 2).min(self.max))
    }

    /// Non-empty buckets as (lower border, upper border, count), rising.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64, u64)> {
        debug_assert!(self.counts.len() <= BUCKETS);
        self.counts.iter().map(|(bucket, count)| {
            let (low, width) = border(usize::from(*bucket));
            (low, low.saturating_add(width), *count)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small fixed generator (xorshift), so that each run of the test sees the same numbers.
    fn numbers(seed: u64) -> impl Iterator<Item = u64> {
        std::iter::successors(Some(seed), |state| {
            let mut next = *state;
            next ^= next << 13;
            next ^= next >> 7;
            next ^= next << 17;
            Some(next)
        })
    }

    #[test]
    fn percentiles_are_within_one_percent_of_the_exact_ones() {
        for (seed, shift) in [(1, 0), (2, 20), (3, 44), (4, 58)] {
            // Shifting by a random amount as well spreads the values over many magnitudes.
            let values = numbers(seed).skip(10).take(20_000).map(|number| number >> shift >> (number % 6));
            let mut exact: Vec<u64> = values.collect();
            let mut sketch = Sketch::default();
            exact.iter().for_each(|value| sketch.add(*value));
            exact.sort_unstable();
            for share in [1, 10, 250, 500, 950, 990, 999, 1000] {
                let wanted = exact[(exact.len() * share as usize).div_ceil(1000) - 1];
                let found = sketch.quantile(share).unwrap();
                assert!(found.abs_diff(wanted) as f64 <= wanted as f64 * 0.01, "p{share}: {found} for {wanted}");
            }
            assert_eq!(sketch.max(), *exact.last().unwrap());
        }
    }

    #[test]
    fn buckets_tile_all_values_and_are_bounded() {
        let mut next = 0u128;
        for bucket in 0..BUCKETS {
            let (low, width) = border(bucket);
            assert_eq!(u128::from(low), next);
            next += u128::from(width);
            assert_eq!(super::bucket(low), bucket);
            assert_eq!(super::bucket(low + (width - 1)), bucket);
        }
        assert_eq!(next, 1 << 64);
        let mut sketch = Sketch::default();
        sketch.add(u64::MAX);
        assert_eq!(sketch.counts, [(BUCKETS as u16 - 1, 1)]);
        assert_eq!(sketch.quantile(500), Some(border(BUCKETS - 1).0 + border(BUCKETS - 1).1 / 2));
    }

    #[test]
    fn merging_equals_adding_all_to_one() {
        let (mut left, mut right, mut both) = (Sketch::default(), Sketch::default(), Sketch::default());
        for (place, value) in numbers(9).take(500).enumerate() {
            if place % 3 == 0 {
                left.add(value)
            } else {
                right.add(value >> 30)
            }
            both.add(if place % 3 == 0 { value } else { value >> 30 });
        }
        left.merge(&right);
        assert_eq!(left, both);
        assert_eq!(left.buckets().map(|(_, _, count)| count).sum::<u64>(), left.len());
        assert_eq!(Sketch::default().quantile(500), None);
    }
}
