//! The order of cases, drawn from a seed: a permutation of each lane that is computed place by place, so that it takes no
//! memory whatever the length.

use arena_model::Hasher;

/// Rounds of the Feistel network; four make a good permutation.
const ROUNDS: usize = 4;

/// A permutation for each lane of a plan.
#[derive(Clone, Copy, Debug)]
pub struct Shuffle {
    seed: u64,
}

/// The network of one lane: it permutes the numbers of `2 * half` bits, of which those below the lane's length are kept.
struct Network {
    keys: [u64; ROUNDS],
    half: u32,
    length: u64,
}

impl Shuffle {
    /// The same seed, the same order.
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The place in the lane that is taken as number `turn`.
    pub fn place(&self, lane: u32, length: u64, turn: u64) -> u64 {
        self.network(lane, length).walk(turn, Network::forward)
    }

    /// The number at which `place` is taken.
    pub fn turn(&self, lane: u32, length: u64, place: u64) -> u64 {
        self.network(lane, length).walk(place, Network::backward)
    }

    fn network(&self, lane: u32, length: u64) -> Network {
        let bits = u64::BITS - length.saturating_sub(1).leading_zeros();
        let key = |round: usize| {
            let mut hasher = Hasher::default();
            hasher.field(b"arena shuffle 1").field(&self.seed.to_be_bytes());
            hasher.field(&lane.to_be_bytes()).field(&(round as u64).to_be_bytes());
            u64::from_str_radix(hasher.finish().hex().get(..16).unwrap_or("0"), 16).unwrap_or_default()
        };
        Network { keys: std::array::from_fn(key), half: bits.div_ceil(2).max(1), length }
    }
}

impl Network {
    /// Steps until the number is one of the lane's. As the network is a permutation, that is one of its own.
    fn walk(&self, number: u64, step: fn(&Self, u64) -> u64) -> u64 {
        if number >= self.length {
            return number;
        }
        let mut next = step(self, number);
        while next >= self.length {
            next = step(self, next);
        }
        next
    }

    fn mask(&self) -> u64 {
        (1 << self.half) - 1
    }

    /// One half of a number, mixed by a key: the finalizer of SplitMix64.
    fn mixed(&self, half: u64, key: u64) -> u64 {
        let mut mixed = half ^ key;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) & self.mask()
    }

    fn forward(&self, number: u64) -> u64 {
        let (mut left, mut right) = (number >> self.half, number & self.mask());
        for key in self.keys {
            (left, right) = (right, left ^ self.mixed(right, key));
        }
        left << self.half | right
    }

    fn backward(&self, number: u64) -> u64 {
        let (mut left, mut right) = (number >> self.half, number & self.mask());
        for key in self.keys.into_iter().rev() {
            (left, right) = (right ^ self.mixed(left, key), left);
        }
        left << self.half | right
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_place_is_taken_once_and_found_again() {
        for length in [0, 1, 2, 3, 5, 8, 63, 64, 65, 1000] {
            for seed in [0, 7, u64::MAX] {
                let shuffle = Shuffle::new(seed);
                let places: BTreeSet<u64> = (0..length).map(|turn| shuffle.place(3, length, turn)).collect();
                assert_eq!(places, (0..length).collect(), "{length} {seed}");
                assert!((0..length).all(|turn| shuffle.turn(3, length, shuffle.place(3, length, turn)) == turn));
            }
        }
        let (length, shuffle) = (u64::MAX - 5, Shuffle::new(1));
        for turn in [0, 1, 1 << 40, length - 1] {
            assert_eq!(shuffle.turn(0, length, shuffle.place(0, length, turn)), turn);
        }
    }

    #[test]
    fn seed_and_lane_change_the_order() {
        let order = |seed, lane| (0..100).map(|turn| Shuffle::new(seed).place(lane, 100, turn)).collect::<Vec<_>>();
        let plain: Vec<u64> = (0..100).collect();
        let all = [plain, order(1, 0), order(2, 0), order(1, 1)];
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 4);
        let stays = all[1].iter().enumerate().filter(|(turn, place)| *turn as u64 == **place).count();
        assert!(stays < 10, "{stays} of 100 stay in their place");
    }
}
