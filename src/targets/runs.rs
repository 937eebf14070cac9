//! Who named what first: disjoint runs of hosts, each with the specifications that name it.
//!
//! Hosts are numbers in a *plane*: everything else that makes a target's identity (scheme, port,
//! prefix, SNI). In a plane each number is in one run at most, so that overlaps are asked once.

use std::collections::BTreeMap;

use super::intervals::Intervals;
use crate::model::SpecId;

/// Hosts in a row of one plane that the same specifications name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) last: u128,
    /// The specification that named it first.
    pub(super) spec: SpecId,
    /// The position of the plane's port in that specification's list.
    pub(super) slot: u16,
    /// Named specifications of this one host that came later.
    pub(super) also: Vec<SpecId>,
}

/// What a specification added to a plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Added {
    /// Hosts that were not there before.
    pub(super) new: u64,
    /// Who named the lowest of those that were.
    pub(super) before: Option<SpecId>,
}

/// The runs of all planes: (plane, first) → run.
#[derive(Debug, Default)]
pub(super) struct Runs {
    /// The same hosts without who named them: merges, and so tells quickly what is new.
    covered: Intervals<u32>,
    runs: BTreeMap<(u32, u128), Run>,
}

/// Numbers in `first..=last`. Saturates; larger specifications have been refused before.
pub(super) fn size(first: u128, last: u128) -> u64 {
    u64::try_from(last - first).map_or(u64::MAX, |more| more.saturating_add(1))
}

impl Runs {
    pub(super) fn len(&self) -> usize {
        self.runs.len()
    }

    /// Adds a CIDR or range: what is there already stays as it is.
    pub(super) fn add_many(
        &mut self,
        plane: u32,
        first: u128,
        last: u128,
        spec: SpecId,
        slot: u16,
    ) -> Added {
        let gaps = self.covered.insert(plane, first, last);
        let lowest_covered = match gaps.first() {
            None => Some(first),
            Some((start, _)) if *start > first => Some(first),
            Some((_, end)) => end.checked_add(1).filter(|next| *next <= last),
        };
        let before = lowest_covered
            .and_then(|host| self.run_of(plane, host))
            .map(|(_, run)| run.spec);
        let new = gaps
            .iter()
            .map(|(first, last)| size(*first, *last))
            .fold(0, u64::saturating_add);
        for (first, last) in gaps {
            self.runs.insert(
                (plane, first),
                Run {
                    last,
                    spec,
                    slot,
                    also: Vec::new(),
                },
            );
        }
        Added { new, before }
    }

    /// Adds a named target: a host that is there already gets a run of its own that carries both.
    pub(super) fn add_one(&mut self, plane: u32, host: u128, spec: SpecId, slot: u16) -> Added {
        let Some((start, run)) = self.run_of(plane, host) else {
            return self.add_many(plane, host, host, spec, slot);
        };
        let before = Some(run.spec);
        if start == host && run.last == host {
            run.also.push(spec);
            return Added { new: 0, before };
        }
        let whole = run.clone();
        if start < host {
            run.last = host - 1;
        }
        if whole.last > host {
            self.runs.insert((plane, host + 1), whole.clone());
        }
        self.runs.insert(
            (plane, host),
            Run {
                last: host,
                also: vec![spec],
                ..whole
            },
        );
        Added { new: 0, before }
    }

    /// The run that holds this host, and where it begins.
    fn run_of(&mut self, plane: u32, host: u128) -> Option<(u128, &mut Run)> {
        let ((of, start), run) = self.runs.range_mut(..=(plane, host)).next_back()?;
        (*of == plane && run.last >= host).then_some((*start, run))
    }
}

impl IntoIterator for Runs {
    type Item = ((u32, u128), Run);
    type IntoIter = std::collections::btree_map::IntoIter<(u32, u128), Run>;

    fn into_iter(self) -> Self::IntoIter {
        self.runs.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(runs: Runs) -> Vec<(u128, u128, u32, Vec<u32>)> {
        let also = |run: &Run| run.also.iter().map(|spec| spec.0).collect();
        runs.into_iter()
            .map(|((_, first), run)| (first, run.last, run.spec.0, also(&run)))
            .collect()
    }

    #[test]
    fn a_named_host_splits_the_run_that_holds_it() {
        for (host, expected) in [
            (10, vec![(10, 10, 0, vec![1]), (11, 20, 0, vec![])]),
            (
                15,
                vec![
                    (10, 14, 0, vec![]),
                    (15, 15, 0, vec![1]),
                    (16, 20, 0, vec![]),
                ],
            ),
            (20, vec![(10, 19, 0, vec![]), (20, 20, 0, vec![1])]),
        ] {
            let mut runs = Runs::default();
            runs.add_many(0, 10, 20, SpecId(0), 0);
            let added = runs.add_one(0, host, SpecId(1), 0);
            assert_eq!(
                added,
                Added {
                    new: 0,
                    before: Some(SpecId(0))
                }
            );
            assert_eq!(listed(runs), expected);
        }
    }

    #[test]
    fn a_later_range_takes_what_is_left_and_a_duplicate_is_listed() {
        let mut runs = Runs::default();
        runs.add_one(0, 5, SpecId(0), 0);
        runs.add_one(0, 5, SpecId(1), 0);
        assert_eq!(
            runs.add_many(0, 3, 8, SpecId(2), 0),
            Added {
                new: 5,
                before: Some(SpecId(0))
            }
        );
        assert_eq!(
            runs.add_many(0, 0, 2, SpecId(3), 0),
            Added {
                new: 3,
                before: None
            }
        );
        assert_eq!(
            runs.add_many(0, 2, 9, SpecId(4), 0),
            Added {
                new: 1,
                before: Some(SpecId(3))
            }
        );
        // Another plane is another identity.
        assert_eq!(
            runs.add_one(1, 5, SpecId(5), 0),
            Added {
                new: 1,
                before: None
            }
        );
        let expected = vec![
            (0, 2, 3, vec![]),
            (3, 4, 2, vec![]),
            (5, 5, 0, vec![1]),
            (6, 8, 2, vec![]),
            (9, 9, 4, vec![]),
            (5, 5, 5, vec![]),
        ];
        assert_eq!(listed(runs), expected);
    }
}
