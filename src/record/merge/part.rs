//! One scan of a merge, and what of its records counts.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use crate::config::ScanConfig;
use crate::model::{Coverage, EndpointReport, FailureKind, Origin, SpecId, Verdict};
use crate::record::SavedScan;

/// One scan, and what of its records was left out.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) scan: SavedScan,
    /// Whether another one is a later report of the same scan.
    pub(super) superseded: bool,
    pub(super) targets: HashMap<usize, Own>,
    pub(super) records: usize,
    pub(super) repeated: u64,
    /// Where its numbered specifications stand.
    pub(super) specs: HashMap<SpecId, Arc<Origin>>,
    /// The verdicts that count, by origin: of the records that were kept, and what later scans saw
    /// in place of the others.
    pub(super) kept: HashMap<Arc<Origin>, BTreeSet<Verdict>>,
    /// Origins of records that were left out: what was seen of them is what counts.
    pub(super) thinned: HashSet<Arc<Origin>>,
}

/// A target of one scan.
#[derive(Debug)]
pub(super) struct Own {
    /// Whether a later scan has it too.
    pub(super) known: bool,
    /// How many of its records were kept, and their verdicts.
    pub(super) kept: u64,
    pub(super) verdicts: BTreeSet<Verdict>,
}

impl Part {
    /// Whether `earlier` is a report of the same scan, no later than this one: the same file twice, or one
    /// from before the scan went on from its checkpoint. A scan that was made again is another one: nothing in
    /// a report proves that it looked from the same place at the same estate.
    pub(super) fn supersedes(&self, earlier: &SavedScan) -> bool {
        let (own, other) = (&self.scan.summary, &earlier.summary);
        let way = |scan: &SavedScan| {
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
        // Reports of older versions call unreachable what our own side failed at.
        let ours = own.coverage.unreachable.keys().any(|kind| kind.is_ours());
        let complete = own.stopped.is_none() && own.coverage.not_attempted == 0 && !ours;
        let (went_on, the_same) = (
            complete && other.elapsed <= own.elapsed,
            other.elapsed == own.elapsed,
        );
        own.targets_digest.is_some()
            && own.targets_digest == other.targets_digest
            && way(&self.scan) == way(earlier)
            && own.started == other.started
            && (went_on || the_same)
    }

    /// Whether both are shards of one scan.
    pub(super) fn is_of_one_scan_with(&self, other: &Self) -> bool {
        let (own, others) = (&self.scan.config, &other.scan.config);
        own.shard.is_part()
            && others.shard.is_part()
            && (own.order, own.shard.count()) == (others.order, others.shard.count())
            && self.scan.summary.targets_digest == other.scan.summary.targets_digest
    }

    /// Takes a record that a later scan has too out of the counts of verdicts.
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
                coverage.failed_here.get_mut(&kind)
            }
            verdict => coverage.verdicts.get_mut(&verdict),
        };
        if let Some(count) = count {
            *count = count.saturating_sub(1);
        }
    }

    /// Its coverage without what was repeated. A target that a later scan has, or of which nothing
    /// is left, is no target of this one; what is left of its addresses are further addresses.
    pub(super) fn coverage(&mut self) -> Option<Coverage> {
        let mut coverage = std::mem::take(&mut self.scan.summary.coverage);
        if self.superseded {
            return Some(Coverage::default());
        }
        let gone = |own: &&Own| own.known || own.kept == 0;
        let targets = self.targets.values().filter(gone).count() as u64;
        coverage.targets = coverage.targets.checked_sub(targets)?;
        coverage.further_addresses =
            (coverage.further_addresses + targets).checked_sub(self.repeated)?;
        for spec in &mut coverage.specs {
            if self.thinned.contains(&spec.origin) {
                // Silent addresses of a range have no record.
                let counted = spec.seen.contains(&Verdict::Unreachable) && !spec.named;
                let silent = counted.then_some(Verdict::Unreachable);
                let kept = self.kept.get(&spec.origin).into_iter().flatten().copied();
                spec.seen = kept.chain(silent).collect();
            }
        }
        coverage.adds_up().then_some(coverage)
    }
}
