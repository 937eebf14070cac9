//! Which attempts of a pass are finished.

use std::collections::BTreeMap;

/// A set of ordinals, held as ranges. There is at most one range more than targets in flight, however far behind the
/// slowest target is.
#[derive(Debug, Default, Clone)]
pub(in crate::scan) struct Done {
    /// First → last ordinal of each range. No two ranges touch.
    ranges: BTreeMap<u64, u64>,
}

impl Done {
    /// Adds an ordinal; `false` if the set has it already.
    pub(super) fn insert(&mut self, ordinal: u64) -> bool {
        let before = self.range_before(ordinal);
        if before.is_some_and(|(_, last)| ordinal <= last) {
            return false;
        }
        let touches = |(_, last): &(u64, u64)| last.checked_add(1) == Some(ordinal);
        let first = before.filter(touches).map_or(ordinal, |(first, _)| first);
        let after = ordinal
            .checked_add(1)
            .and_then(|next| self.ranges.remove(&next));
        self.ranges.insert(first, after.unwrap_or(ordinal));
        true
    }

    pub(in crate::scan) fn contains(&self, ordinal: u64) -> bool {
        self.range_before(ordinal)
            .is_some_and(|(_, last)| ordinal <= last)
    }

    /// The lowest ordinal that is not in the set.
    pub(in crate::scan) fn low_water(&self) -> u64 {
        self.ranges.get(&0).map_or(0, |last| last.saturating_add(1))
    }

    /// The last range that begins at or before the ordinal.
    fn range_before(&self, ordinal: u64) -> Option<(u64, u64)> {
        self.ranges
            .range(..=ordinal)
            .next_back()
            .map(|(first, last)| (*first, *last))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_behaves_like_a_plain_set(
            ordinals in prop::collection::vec(prop_oneof![8 => 0..60_u64, 1 => any::<u64>(), 1 => u64::MAX - 3..=u64::MAX], 0..120),
        ) {
            let (mut done, mut model) = (Done::default(), BTreeSet::new());
            for ordinal in ordinals {
                prop_assert_eq!(done.insert(ordinal), model.insert(ordinal));
                prop_assert_eq!(done.low_water(), (0..200).find(|number| !model.contains(number)).unwrap());
                for number in (0..70).chain([ordinal]) {
                    prop_assert_eq!(done.contains(number), model.contains(&number));
                }
                let ranges: Vec<_> = done.ranges.iter().collect();
                prop_assert!(ranges.windows(2).all(|pair| pair[0].1 + 1 < *pair[1].0), "{:?}", done.ranges);
            }
        }

        /// One target is slow; the others finish in about their order.
        #[test]
        fn there_is_at_most_one_range_more_than_targets_in_flight(
            picks in prop::collection::vec(any::<prop::sample::Index>(), 2000),
        ) {
            let (mut done, mut in_flight) = (Done::default(), (1..=16).collect::<Vec<u64>>());
            for (new, pick) in (17..).zip(picks) {
                let finished = std::mem::replace(&mut in_flight[pick.index(16)], new);
                done.insert(finished);
                prop_assert!(done.ranges.len() <= 17, "{:?}", done.ranges);
            }
            prop_assert_eq!(done.low_water(), 0);
        }
    }
}
