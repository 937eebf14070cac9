//! Which targets a scan asks, and in which order.

use std::sync::Arc;

use crate::config::{Order, ScanConfig, Shard};
use crate::model::Target;
use crate::targets::{Permutation, TargetSet};

/// How many targets in random order are too many to guess the next one.
const MANY: u64 = 1024;

/// The targets of one scan. A target's *rank* is its position in the first pass, counted from 0.
pub(super) struct Plan {
    pub(super) targets: Arc<TargetSet>,
    pub(super) shard: Shard,
    order: Option<Permutation>,
    has_names: bool,
}

/// One attempt at one target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Turn {
    /// 0 is the first pass.
    pub(super) pass: u32,
    /// Its position in the pass.
    pub(super) ordinal: u64,
    /// The target's rank.
    pub(super) rank: u64,
}

impl Plan {
    pub(super) fn new(targets: Arc<TargetSet>, config: &ScanConfig) -> Self {
        Self {
            order: match config.order {
                Order::Seeded(seed) => Some(Permutation::new(targets.len(), seed)),
                Order::Sequential => None,
            },
            shard: config.shard,
            has_names: targets.has_names(),
            targets,
        }
    }

    /// How many targets this scan asks.
    pub(super) fn len(&self) -> u64 {
        self.shard.share(self.targets.len())
    }

    /// Whether no server can guess which target comes next.
    pub(super) fn is_unpredictable(&self) -> bool {
        self.order.is_some() && self.len() >= MANY
    }

    /// Whether the target at a rank is a name.
    pub(super) fn is_name(&self, rank: u64) -> bool {
        self.has_names && self.targets.is_name(self.index(rank))
    }

    /// The target at a rank.
    pub(super) fn target(&self, rank: u64) -> Option<Target> {
        (rank < self.len())
            .then(|| self.targets.get(self.index(rank)))
            .flatten()
    }

    /// The target's index in the set.
    fn index(&self, rank: u64) -> u64 {
        let position = self.shard.position(rank);
        self.order
            .as_ref()
            .map_or(position, |order| order.nth(position))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;
    use crate::targets::{TargetOptions, TargetSetBuilder};

    fn plan(targets: &Arc<TargetSet>, seed: Option<u64>, shard: Shard) -> Plan {
        let order = seed.map_or(Order::Sequential, Order::Seeded);
        let config = ScanConfig {
            shard,
            order,
            ..ScanConfig::default()
        };
        Plan::new(Arc::clone(targets), &config)
    }

    fn set(specs: &[String], exclusions: &[String]) -> Option<Arc<TargetSet>> {
        let mut builder = TargetSetBuilder::new(TargetOptions::default());
        for spec in specs {
            builder.argument(spec);
        }
        for exclusion in exclusions {
            builder.exclude(exclusion);
        }
        // Exclusions may leave nothing of a set.
        builder.build().ok().map(Arc::new)
    }

    fn specs(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<String>> {
        let one = prop_oneof![
            (0u8..4, 24u8..=32).prop_map(|(net, bits)| format!("192.0.{net}.0/{bits}")),
            (0u8..4, 0u8..200, 0u8..50)
                .prop_map(|(net, first, more)| format!("192.0.{net}.{first}-{}", first + more)),
            (0u8..20).prop_map(|host| format!("2001:db8::{host:x}")),
            (0u8..20).prop_map(|host| format!("host-{host}.example")),
        ];
        prop::collection::vec(one, count)
    }

    proptest! {
        #[test]
        fn shards_are_disjoint_complete_and_balanced(
            specs in specs(1..6),
            exclusions in specs(0..4),
            seed in prop::option::of(any::<u64>()),
            of in 1u32..40,
        ) {
            let Some(targets) = set(&specs, &exclusions) else { return Ok(()) };
            let mut seen = HashSet::new();
            let mut lengths = Vec::new();
            let mut excluded = 0;
            for number in 1..=of {
                let shard = Shard::new(number, of).unwrap();
                let plan = plan(&targets, seed, shard);
                for rank in 0..plan.len() {
                    prop_assert!(seen.insert(plan.target(rank).unwrap().index), "disjoint");
                }
                prop_assert!(plan.target(plan.len()).is_none());
                lengths.push(plan.len());
                excluded += shard.share(targets.excluded());
            }
            prop_assert_eq!(seen.len() as u64, targets.len(), "complete");
            prop_assert_eq!(excluded, targets.excluded());
            prop_assert!(lengths.iter().max().unwrap() - lengths.iter().min().unwrap() <= 1, "balanced");
        }
    }
}
