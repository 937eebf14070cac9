//! Sets of numbers held as disjoint intervals, several sets apart by a key.
//!
//! Intervals that touch are merged as they come in, so that each is walked over once and a list
//! of any length is taken in without quadratic work.

use std::collections::BTreeMap;

/// For each key a set of numbers, as merged intervals: (key, first) → last.
#[derive(Debug, Clone)]
pub(super) struct Intervals<K>(BTreeMap<(K, u128), u128>);

impl<K> Default for Intervals<K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Copy + Ord> Intervals<K> {
    /// Whether it has no number at all.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The parts of `first..=last` that are not in the set, ascending.
    pub(super) fn gaps(&self, key: K, first: u128, last: u128) -> Vec<(u128, u128)> {
        let mut gaps = Vec::new();
        let mut next = first;
        let before = self.last_from(key, first).filter(|(_, end)| *end >= first);
        let within = self
            .0
            .range((key, first)..=(key, last))
            .map(|((_, start), end)| (*start, *end));
        for (start, end) in before.into_iter().chain(within) {
            if start > next {
                gaps.push((next, start - 1));
            }
            if end >= last {
                return gaps;
            }
            next = end + 1;
        }
        gaps.push((next, last));
        gaps
    }

    /// Adds `first..=last`; returns the parts that were not in the set before.
    pub(super) fn insert(&mut self, key: K, first: u128, last: u128) -> Vec<(u128, u128)> {
        let gaps = self.gaps(key, first, last);
        if gaps.is_empty() {
            return gaps;
        }
        // Merge with every interval that overlaps or touches.
        let (mut start, mut end) = (first, last);
        while let Some((other, other_end)) = self.last_from(key, end.saturating_add(1)) {
            if other_end < first.saturating_sub(1) {
                break;
            }
            self.0.remove(&(key, other));
            start = start.min(other);
            end = end.max(other_end);
        }
        self.0.insert((key, start), end);
        gaps
    }

    /// Whether the number is in the set.
    pub(super) fn contains(&self, key: K, number: u128) -> bool {
        self.last_from(key, number)
            .is_some_and(|(_, end)| end >= number)
    }

    /// The last interval that begins at or before the number.
    fn last_from(&self, key: K, number: u128) -> Option<(u128, u128)> {
        let ((of, start), end) = self.0.range(..=(key, number)).next_back()?;
        (*of == key).then_some((*start, *end))
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
        assert_eq!(set.0.len(), 1);
    }

    proptest! {
        #[test]
        fn it_is_the_set_it_claims_to_be(
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
            let all: Vec<_> = set.0.iter().collect();
            for pair in all.windows(2) {
                prop_assert!(pair[0].0.0 != pair[1].0.0 || *pair[0].1 + 1 < pair[1].0.1);
            }
        }
    }
}
