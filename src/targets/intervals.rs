//! Sets of numbers, stored as intervals. A key selects one of several sets.
//!
//! Intervals that touch are merged as they come in, so the work does not grow with the square of
//! the list's length.

use std::collections::BTreeMap;

use rangemap::RangeInclusiveSet;

/// A set of numbers for each key.
#[derive(Debug, Clone)]
pub(super) struct Intervals<K>(BTreeMap<K, RangeInclusiveSet<u128>>);

impl<K> Default for Intervals<K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Copy + Ord> Intervals<K> {
    /// Whether no set has any number.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The parts of `first..=last` that are not in the set, ascending.
    pub(super) fn gaps(&self, key: K, first: u128, last: u128) -> Vec<(u128, u128)> {
        match self.0.get(&key) {
            Some(set) => set
                .gaps(&(first..=last))
                .map(std::ops::RangeInclusive::into_inner)
                .collect(),
            None => vec![(first, last)],
        }
    }

    /// Adds `first..=last`; returns the parts that were not in the set before.
    pub(super) fn insert(&mut self, key: K, first: u128, last: u128) -> Vec<(u128, u128)> {
        let gaps = self.gaps(key, first, last);
        if !gaps.is_empty() {
            self.0.entry(key).or_default().insert(first..=last);
        }
        gaps
    }

    /// Whether the number is in the set.
    pub(super) fn contains(&self, key: K, number: u128) -> bool {
        self.0.get(&key).is_some_and(|set| set.contains(&number))
    }

    /// Every interval with its key, ascending: key, first, last.
    pub(super) fn iter(&self) -> impl Iterator<Item = (K, u128, u128)> {
        self.0
            .iter()
            .flat_map(|(key, set)| set.iter().map(|range| (*key, *range.start(), *range.end())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_ends_of_the_numbers_do_not_overflow() {
        let mut set = Intervals::default();
        assert_eq!(set.insert((), 5, u128::MAX - 5), [(5, u128::MAX - 5)]);
        assert_eq!(
            set.insert((), 0, u128::MAX),
            [(0, 4), (u128::MAX - 4, u128::MAX)]
        );
        assert_eq!(set.insert((), 0, u128::MAX), []);
        assert!(set.contains((), 0) && set.contains((), u128::MAX));
        assert_eq!(set.iter().count(), 1);
    }

    proptest! {
        #[test]
        fn it_behaves_like_a_plain_set(
            inserts in prop::collection::vec((0u8..2, 0u128..60, 0u128..12), 0..40),
            asked in (0u8..2, 0u128..60, 0u128..40),
        ) {
            let mut set = Intervals::default();
            let mut model = BTreeSet::new();
            for (key, first, more) in inserts {
                let new: Vec<u128> = (first..=first + more).filter(|n| model.insert((key, *n))).collect();
                let gaps = set.insert(key, first, first + more);
                prop_assert_eq!(gaps.iter().flat_map(|(a, b)| *a..=*b).collect::<Vec<_>>(), new);
            }
            let (key, first, more) = asked;
            let free: Vec<u128> = (first..=first + more).filter(|n| !model.contains(&(key, *n))).collect();
            let gaps = set.gaps(key, first, first + more);
            prop_assert_eq!(gaps.iter().flat_map(|(a, b)| *a..=*b).collect::<Vec<_>>(), free);
            for number in 0..80 {
                prop_assert_eq!(set.contains(key, number), model.contains(&(key, number)));
            }
            // Merged: no two intervals of one key touch.
            let all: Vec<_> = set.iter().collect();
            for pair in all.windows(2) {
                prop_assert!(pair[0].0 != pair[1].0 || pair[0].2 + 1 < pair[1].1);
            }
        }
    }
}
