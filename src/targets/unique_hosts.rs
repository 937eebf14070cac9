//! Each host once, with the specification that named it first, so that overlapping specifications
//! are probed once.
//!
//! Hosts are numbers that belong to a template: what identifies a target besides its host (scheme,
//! port, prefix, SNI). For each template, a number is in at most one run. Excluded hosts cut a run into pieces. The
//! pieces, in the order of the specifications, are the segments of the target set.

use std::collections::BTreeMap;

use super::intervals::Intervals;
use crate::model::SpecId;

/// Consecutive hosts of one template, named by the same specifications.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HostRun {
    pub(super) last: u128,
    /// The specification that named it first.
    pub(super) spec: SpecId,
    /// The position of the template's port in that specification's list.
    pub(super) port_position: u16,
    /// The specifications that named this host again later; only in a run of one host.
    pub(super) also: Vec<SpecId>,
}

/// What a specification added to a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Added {
    /// The number of hosts that were not there before.
    pub(super) new: u64,
    /// The specification that named the lowest host that was already present.
    pub(super) already_named_by: Option<SpecId>,
}

/// The hosts of all templates.
#[derive(Debug, Default)]
pub(super) struct UniqueHosts {
    /// The hosts of all runs, merged into intervals, so that new hosts are found quickly.
    covered: Intervals<u32>,
    /// (template, first) → run.
    runs: BTreeMap<(u32, u128), HostRun>,
}

/// How many numbers `first..=last` has. Saturates; larger specifications are errors before this.
pub(super) fn size(first: u128, last: u128) -> u64 {
    u64::try_from(last - first).map_or(u64::MAX, |more| more.saturating_add(1))
}

/// How many hosts these ranges have.
pub(super) fn total(ranges: &[(u128, u128)]) -> u64 {
    ranges
        .iter()
        .map(|(first, last)| size(*first, *last))
        .fold(0, u64::saturating_add)
}

impl UniqueHosts {
    pub(super) fn len(&self) -> usize {
        self.runs.len()
    }

    /// Adds a CIDR or range. Hosts that are already present do not change.
    pub(super) fn add_many(
        &mut self,
        template: u32,
        first: u128,
        last: u128,
        spec: SpecId,
        port_position: u16,
    ) -> Added {
        let gaps = self.covered.insert(template, first, last);
        let lowest_covered = match gaps.first() {
            None => Some(first),
            Some((start, _)) if *start > first => Some(first),
            Some((_, end)) => end.checked_add(1).filter(|next| *next <= last),
        };
        let already_named_by = lowest_covered
            .and_then(|host| self.run_of(template, host))
            .map(|(_, run)| run.spec);
        let new = total(&gaps);
        for (first, last) in gaps {
            self.runs.insert(
                (template, first),
                HostRun {
                    last,
                    spec,
                    port_position,
                    also: Vec::new(),
                },
            );
        }
        Added {
            new,
            already_named_by,
        }
    }

    /// Adds a named target. A host that is there already gets a run of its own with both specifications.
    pub(super) fn add_one(
        &mut self,
        template: u32,
        host: u128,
        spec: SpecId,
        port_position: u16,
    ) -> Added {
        let Some((start, run)) = self.run_of(template, host) else {
            return self.add_many(template, host, host, spec, port_position);
        };
        let already_named_by = Some(run.spec);
        if start == host && run.last == host {
            run.also.push(spec);
            return Added {
                new: 0,
                already_named_by,
            };
        }
        let whole = run.clone();
        if start < host {
            run.last = host - 1;
        }
        if whole.last > host {
            self.runs.insert((template, host + 1), whole.clone());
        }
        self.runs.insert(
            (template, host),
            HostRun {
                last: host,
                also: vec![spec],
                ..whole
            },
        );
        Added {
            new: 0,
            already_named_by,
        }
    }

    /// The run that contains this host, and the first number of the run.
    fn run_of(&mut self, template: u32, host: u128) -> Option<(u128, &mut HostRun)> {
        let ((of, start), run) = self.runs.range_mut(..=(template, host)).next_back()?;
        (*of == template && run.last >= host).then_some((*start, run))
    }
}

impl IntoIterator for UniqueHosts {
    type Item = ((u32, u128), HostRun);
    type IntoIter = std::collections::btree_map::IntoIter<(u32, u128), HostRun>;

    fn into_iter(self) -> Self::IntoIter {
        self.runs.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(hosts: UniqueHosts) -> Vec<(u128, u128, u32, Vec<u32>)> {
        let also = |run: &HostRun| run.also.iter().map(|spec| spec.0).collect();
        hosts
            .into_iter()
            .map(|((_, first), run)| (first, run.last, run.spec.0, also(&run)))
            .collect()
    }

    #[test]
    fn a_named_host_splits_the_run_that_has_it() {
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
            let mut hosts = UniqueHosts::default();
            hosts.add_many(0, 10, 20, SpecId(0), 0);
            let added = hosts.add_one(0, host, SpecId(1), 0);
            assert_eq!(
                added,
                Added {
                    new: 0,
                    already_named_by: Some(SpecId(0))
                }
            );
            assert_eq!(listed(hosts), expected);
        }
    }

    #[test]
    fn a_later_range_gets_what_is_left_and_a_duplicate_is_listed() {
        let mut hosts = UniqueHosts::default();
        hosts.add_one(0, 5, SpecId(0), 0);
        hosts.add_one(0, 5, SpecId(1), 0);
        assert_eq!(
            hosts.add_many(0, 3, 8, SpecId(2), 0),
            Added {
                new: 5,
                already_named_by: Some(SpecId(0))
            }
        );
        assert_eq!(
            hosts.add_many(0, 0, 2, SpecId(3), 0),
            Added {
                new: 3,
                already_named_by: None
            }
        );
        assert_eq!(
            hosts.add_many(0, 2, 9, SpecId(4), 0),
            Added {
                new: 1,
                already_named_by: Some(SpecId(3))
            }
        );
        // Another template means another target.
        assert_eq!(
            hosts.add_one(1, 5, SpecId(5), 0),
            Added {
                new: 1,
                already_named_by: None
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
        assert_eq!(listed(hosts), expected);
    }
}
