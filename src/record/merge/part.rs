//! One scan of a merge, and those of its records that count.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use crate::config::ScanConfig;
use crate::model::{Coverage, EndpointReport, FailureKind, Origin, SpecId, Verdict};
use crate::record::SavedScan;

/// One scan, with what is known about its records.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) scan: SavedScan,
    /// Whether there is a later report of the same scan.
    pub(super) superseded: bool,
    pub(super) targets: HashMap<usize, PartTarget>,
    /// How many records it has.
    pub(super) records: usize,
    /// How many of them do not count, because a later scan has them too.
    pub(super) duplicate_records: u64,
    /// The origins of its specifications, by number.
    pub(super) specs: HashMap<SpecId, Arc<Origin>>,
    /// The verdicts by origin. A record that counts has its own; for any other record, those of later scans count.
    pub(super) verdicts: HashMap<Arc<Origin>, BTreeSet<Verdict>>,
    /// The origins with records that do not count, whose verdicts are therefore taken from [`Self::verdicts`].
    pub(super) reduced_origins: HashSet<Arc<Origin>>,
}

/// A target of one scan.
#[derive(Debug)]
pub(super) struct PartTarget {
    /// Whether a later scan has it too.
    pub(super) in_later_scan: bool,
    /// The number of its records that count, and their verdicts.
    pub(super) counted: u64,
    pub(super) verdicts: BTreeSet<Verdict>,
}

impl Part {
    /// Whether `earlier` is a report of the same scan, no later than this one: the same file twice, or a report from
    /// before the scan resumed from its checkpoint. A repeated scan is another scan: nothing in a report proves that
    /// both ran at the same place in the network.
    pub(super) fn supersedes(&self, earlier: &SavedScan) -> bool {
        let (own, other) = (&self.scan.summary, &earlier.summary);
        let settings_that_matter = |scan: &SavedScan| {
            let ScanConfig {
                shard,
                order,
                family,
                resolver,
                proxy,
                ..
            } = &scan.config;
            (
                *shard,
                shard.is_part().then_some(*order),
                *family,
                *resolver,
                proxy.clone(),
            )
        };
        // Reports of earlier versions count failures of our own side as unreachable.
        let ours = own
            .coverage
            .unreachable
            .keys()
            .any(|kind| kind.is_own_side());
        let complete = own.stopped.is_none() && own.coverage.not_attempted == 0 && !ours;
        let is_continuation = complete && other.elapsed <= own.elapsed;
        let is_identical = other.elapsed == own.elapsed;
        own.targets_digest.is_some()
            && own.targets_digest == other.targets_digest
            && settings_that_matter(&self.scan) == settings_that_matter(earlier)
            && own.started == other.started
            && own.selection == other.selection
            && (is_continuation || is_identical)
    }

    /// Whether both are shards of one scan.
    pub(super) fn is_shard_of_same_scan(&self, other: &Self) -> bool {
        let (own, others) = (&self.scan.config, &other.scan.config);
        own.shard.is_part()
            && others.shard.is_part()
            && (own.order, own.shard.count()) == (others.order, others.shard.count())
            && self.scan.summary.targets_digest == other.scan.summary.targets_digest
    }

    /// Removes a record from the counts, because a later scan has it too.
    pub(super) fn forget(&mut self, report: &EndpointReport) {
        let coverage = &mut self.scan.summary.coverage;
        let kind = report
            .failure
            .as_ref()
            .map_or(FailureKind::Closed, |failure| failure.kind);
        let count = match report.verdict {
            Verdict::Unreachable => coverage.unreachable.get_mut(&kind),
            Verdict::NotAttempted => {
                coverage.not_attempted = coverage.not_attempted.saturating_sub(1);
                coverage.own_side_failures.get_mut(&kind)
            }
            verdict => coverage.verdicts.get_mut(&verdict),
        };
        if let Some(count) = count {
            *count = count.saturating_sub(1);
        }
    }

    /// Takes the coverage out, without records that do not count. Targets that a later scan has, or that have no record left,
    /// do not count as targets; their remaining addresses count as further addresses.
    pub(super) fn take_coverage(&mut self) -> Option<Coverage> {
        let mut coverage = std::mem::take(&mut self.scan.summary.coverage);
        if self.superseded {
            return Some(Coverage::default());
        }
        let is_left_to_others = |target: &&PartTarget| target.in_later_scan || target.counted == 0;
        let targets = self.targets.values().filter(is_left_to_others).count() as u64;
        coverage.targets = coverage.targets.checked_sub(targets)?;
        coverage.further_addresses =
            (coverage.further_addresses + targets).checked_sub(self.duplicate_records)?;
        for spec in &mut coverage.specs {
            if self.reduced_origins.contains(&spec.origin) {
                // Silent addresses of a range have no record.
                let counted = spec.seen.contains(&Verdict::Unreachable) && !spec.named;
                let silent = counted.then_some(Verdict::Unreachable);
                let kept = self
                    .verdicts
                    .get(&spec.origin)
                    .into_iter()
                    .flatten()
                    .copied();
                spec.seen = kept.chain(silent).collect();
            }
        }
        coverage.adds_up().then_some(coverage)
    }
}
