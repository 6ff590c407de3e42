//! Done bits, one per case of a lane, and the history a resumed run starts from.

use arena_model::Outcome;

use crate::OutcomeCounts;
use crate::spec::add_usd;

/// One bit per case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bitmap {
    words: Vec<u64>,
    length: u64,
    ones: u64,
}

impl Bitmap {
    /// `length` zeroes. The caller has bounded `length`.
    pub fn new(length: u64) -> Self {
        Self { words: vec![0; length.div_ceil(64) as usize], length, ones: 0 }
    }

    pub fn length(&self) -> u64 {
        self.length
    }

    /// Number of ones.
    pub fn ones(&self) -> u64 {
        self.ones
    }

    /// Bit `j` is bit `j % 64` of word `j / 64`.
    #[cfg(feature = "redis")]
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    pub fn contains(&self, j: u64) -> bool {
        self.words.get((j / 64) as usize).is_some_and(|word| word >> (j % 64) & 1 == 1)
    }

    /// Sets bit `j`, which the caller knows to be in range; true if it was not set before.
    pub fn insert(&mut self, j: u64) -> bool {
        let (word, bit) = (&mut self.words[(j / 64) as usize], 1 << (j % 64));
        let new = *word & bit == 0;
        *word |= bit;
        self.ones += u64::from(new);
        new
    }

    /// First zero at or after `from`; the length if there is none.
    pub fn next_zero(&self, from: u64) -> u64 {
        let mut at = from;
        while at < self.length {
            let rest = !self.words[(at / 64) as usize] >> (at % 64);
            if rest != 0 {
                return (at + u64::from(rest.trailing_zeros())).min(self.length);
            }
            at = (at / 64 + 1) * 64;
        }
        self.length
    }
}

/// The cases of one lane that were done in an earlier life of the run: N bits and some counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    pub(crate) done: Bitmap,
    pub(crate) outcomes: OutcomeCounts,
    pub(crate) spent_usd_micro: u64,
    pub(crate) unpriced: u64,
}

impl Restored {
    /// Nothing done yet. Holds one bit per case at once, so `length` must have been checked against
    /// [`crate::MAX_CASES`] or come from a plan under its cap.
    pub fn new(length: u64) -> Self {
        Self { done: Bitmap::new(length), outcomes: OutcomeCounts::default(), spent_usd_micro: 0, unpriced: 0 }
    }

    /// Number of cases of the lane.
    pub fn length(&self) -> u64 {
        self.done.length()
    }

    /// Number of cases done.
    pub fn done(&self) -> u64 {
        self.done.ones()
    }

    /// Adds the record of case `j`. False, and no count, if `j` is out of range, done already, or `not_run`: the
    /// first record wins. The cost of a second record is added all the same, for it was paid.
    pub fn insert(&mut self, j: u64, outcome: Outcome, cost_usd_micro: Option<u64>) -> bool {
        if j >= self.length() || outcome == Outcome::NotRun {
            return false;
        }
        match cost_usd_micro {
            Some(cost) => self.spent_usd_micro = add_usd(self.spent_usd_micro, cost),
            None => self.unpriced += 1,
        }
        let new = self.done.insert(j);
        if new {
            self.outcomes.add(outcome);
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn next_zero_equals_a_scan(length in 1..200u64, set in proptest::collection::vec(0..200u64, 0..300), from in 0..210u64) {
            let mut bitmap = Bitmap::new(length);
            let mut naive = std::collections::BTreeSet::new();
            for j in set.into_iter().filter(|&j| j < length) {
                prop_assert_eq!(bitmap.insert(j), naive.insert(j));
            }
            prop_assert_eq!(bitmap.ones(), naive.len() as u64);
            let expected = (from..length).find(|j| !naive.contains(j)).unwrap_or(length);
            prop_assert_eq!(bitmap.next_zero(from), expected);
            prop_assert_eq!(bitmap.contains(from), naive.contains(&from));
        }
    }

    #[test]
    fn the_first_record_wins_and_every_cost_counts() {
        let mut restored = Restored::new(3);
        assert!(restored.insert(1, Outcome::Passed, Some(5)));
        assert!(!restored.insert(1, Outcome::Failed, Some(7)));
        assert!(!restored.insert(3, Outcome::Passed, Some(100)));
        assert!(!restored.insert(0, Outcome::NotRun, Some(100)));
        assert!(restored.insert(2, Outcome::Error, None));
        assert_eq!((restored.done(), restored.spent_usd_micro, restored.unpriced), (2, 12, 1));
        assert_eq!((restored.outcomes.passed, restored.outcomes.failed, restored.outcomes.error), (1, 0, 1));
    }
}
