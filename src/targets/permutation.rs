//! A seeded order of indices: each index once, without a list in memory.
//!
//! A Feistel network permutes the numbers of just enough bits to hold the length. A result beyond
//! the length goes through it again until it falls inside (cycle walking), fewer than two passes on
//! average. It spreads load, repeats for the same seed, and is not cryptographically secure.

use crate::random::{self, mix};

/// Enough rounds for every bit to depend on every other bit, however wide the halves are.
const ROUNDS: usize = 8;

/// A bijection on `0..len`, chosen by a seed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permutation {
    len: u64,
    /// Bits of the two halves, upper then lower; they differ by one at most.
    upper: u32,
    lower: u32,
    keys: [u64; ROUNDS],
}

impl Permutation {
    /// The permutation of `len` indices for this seed.
    pub fn new(len: u64, seed: u64) -> Self {
        let bits = u64::BITS - len.saturating_sub(1).leading_zeros();
        let mut state = seed;
        let keys = std::array::from_fn(|_| random::next(&mut state));
        Self {
            len,
            upper: bits / 2,
            lower: bits - bits / 2,
            keys,
        }
    }

    /// The index at position `i`. Beyond the length it is `i` itself.
    pub fn nth(&self, i: u64) -> u64 {
        if i >= self.len {
            return i;
        }
        let mut index = self.permute(i);
        // This ends: the permutation's cycle through `i` leads back to `i`, which is inside.
        while index >= self.len {
            index = self.permute(index);
        }
        index
    }

    /// One pass over all the numbers of `upper + lower` bits.
    fn permute(&self, index: u64) -> u64 {
        let mut low = index & mask(self.lower);
        let mut high = index.checked_shr(self.lower).unwrap_or(0);
        for (round, key) in self.keys.iter().enumerate() {
            if round % 2 == 0 {
                high ^= mix(low ^ key) & mask(self.upper);
            } else {
                low ^= mix(high ^ key) & mask(self.lower);
            }
        }
        high.checked_shl(self.lower).unwrap_or(0) | low
    }
}

const fn mask(bits: u32) -> u64 {
    match u64::MAX.checked_shr(u64::BITS - bits) {
        Some(mask) => mask,
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{HashMap, HashSet};

    proptest! {
        #[test]
        fn each_index_comes_once(len in 0u64..5000, seed: u64) {
            let order = Permutation::new(len, seed);
            let mut seen = vec![false; usize::try_from(len).unwrap()];
            for i in 0..len {
                let index = usize::try_from(order.nth(i)).unwrap();
                prop_assert!(!std::mem::replace(&mut seen[index], true), "{} twice", index);
            }
            prop_assert_eq!(order.nth(len), len);
        }

        #[test]
        fn a_huge_set_has_no_collision(len in 1u64 << 32.., seed: u64, start: u64) {
            let order = Permutation::new(len, seed);
            let positions = (0..2000).map(|i| (start % len).saturating_add(i)).filter(|i| *i < len);
            let mut seen = HashSet::new();
            for i in positions {
                let index = order.nth(i);
                prop_assert!(index < len);
                prop_assert!(seen.insert(index));
            }
        }
    }

    #[test]
    fn the_largest_and_the_smallest_set_have_an_order() {
        let order = Permutation::new(u64::MAX, 1);
        assert_ne!(order.nth(0), order.nth(u64::MAX - 1));
        assert_eq!(Permutation::new(1, 7).nth(0), 0);
        assert_eq!(Permutation::new(0, 7).nth(0), 0);
    }

    #[test]
    fn the_same_seed_repeats_the_order_and_another_seed_differs() {
        let order = |seed| {
            (0..100)
                .map(|i| Permutation::new(100, seed).nth(i))
                .collect::<Vec<_>>()
        };
        assert_eq!(order(1), order(1));
        assert_ne!(order(1), order(2));
        assert_ne!(order(0), (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn small_sets_are_well_mixed() {
        // Over many seeds every position sees every index about equally often.
        const SEEDS: u64 = 20_000;
        for len in 2u64..=9 {
            let mut counts: HashMap<(u64, u64), u64> = HashMap::new();
            for seed in 0..SEEDS {
                let order = Permutation::new(len, seed);
                for i in 0..len {
                    *counts.entry((i, order.nth(i))).or_default() += 1;
                }
            }
            let expected = SEEDS / len;
            for i in 0..len {
                for index in 0..len {
                    let count = counts.get(&(i, index)).copied().unwrap_or(0);
                    assert!(
                        count.abs_diff(expected) * 10 < expected,
                        "{i} → {index} of {len}: {count}"
                    );
                }
            }
        }
    }

    #[test]
    fn neighbours_are_spread_over_a_large_set() {
        // 256 neighbours of a /8 should fall into most of 64 equal parts.
        let len = 1 << 24;
        for seed in 0..20 {
            let order = Permutation::new(len, seed);
            let parts: HashSet<u64> = (0..256).map(|i| order.nth(i) / (len / 64)).collect();
            assert!(parts.len() > 50, "seed {seed}: {} parts", parts.len());
        }
    }
}
