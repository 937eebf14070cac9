//! Carries on the findings of earlier scans that this scan could not have found again: those of targets that are silent,
//! or were not asked, and are still in the list.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;
use kubeknock::model::{
    EndpointReport, Finding, Identity, ScanSummary, SpecCoverage, Target, Verdict,
};
use kubeknock::policy::{Carried, Carrier, Evaluation, Policy, Snapshot};
use kubeknock::record::Spool;
use kubeknock::targets::{TargetFinder, TargetSet};

/// The findings of earlier scans, with the records that prove them.
#[derive(Default)]
pub(crate) struct Earlier {
    pub(crate) findings: Vec<Finding>,
    pub(crate) records: Spool,
}

/// The target of a record as it is in the list now; `None` if it left the list, or is expected to be silent.
pub(crate) type Listed<'a> = Box<dyn Fn(&EndpointReport) -> Option<Target> + 'a>;

/// A finished scan, which carries on findings of earlier scans.
#[derive(Clone, Copy)]
pub(crate) struct FinishedScan<'a> {
    pub(crate) policy: &'a Policy,
    /// When it began.
    pub(crate) started: Timestamp,
    pub(crate) evaluation: &'a Evaluation,
    pub(crate) snapshot: &'a Snapshot,
}

impl<'a> FinishedScan<'a> {
    /// The findings that the scan carries on. The records that prove them are added to `records`.
    pub(crate) fn carry<'e>(
        self,
        earlier: impl IntoIterator<Item = (&'e mut Earlier, Listed<'a>)>,
        records: &mut Spool,
    ) -> std::io::Result<Carried> {
        let mut earlier: Vec<(&mut Earlier, Listed<'_>)> = earlier.into_iter().collect();
        let findings = earlier.iter().flat_map(|(earlier, _)| &earlier.findings);
        let Self {
            policy,
            started,
            evaluation,
            snapshot,
        } = self;
        let mut carrier = Carrier::new(policy, started, evaluation, snapshot, findings);
        for (earlier, listed) in &mut earlier {
            earlier.records.read_carried(|old| {
                let old = old.filter(|record| listed(record).is_some());
                old.for_each(|record| carrier.look_at(&record));
                Ok(())
            })?;
        }
        // Shards of one scan carry the same records.
        let mut known = HashSet::new();
        for (earlier, listed) in &mut earlier {
            earlier.records.read_carried(|old| {
                for record in old {
                    let about = Identity::of_target(&record.target);
                    let key = (about, record.address(), record.last_seen);
                    let Some(target) = listed(&record).filter(|_| !known.contains(&key)) else {
                        continue;
                    };
                    // The earlier expectation decided what was found, so the record keeps it.
                    let expect = record.target.expect;
                    let record = EndpointReport {
                        target: Target { expect, ..target },
                        ..record.into_owned()
                    };
                    if carrier.take(&record) {
                        known.insert(key);
                        records.push(record)?;
                    }
                }
                Ok(())
            })?;
        }
        Ok(carrier.finish())
    }
}

/// Finds targets in the list of a scan.
pub(crate) fn listed_in(targets: &TargetSet) -> Listed<'_> {
    let finder = TargetFinder::new(targets);
    Box::new(move |record| {
        let target = finder.find(record);
        target.filter(|target| target.expect != Some(Verdict::Unreachable))
    })
}

/// Finds targets in the list of a saved scan. Its report has records, the specifications of named targets, and a digest
/// of the list. Any other target is in the list only if `earlier`, the scan that saw it, had the same digest.
pub(crate) fn listed_by<'a>(
    summary: &'a ScanSummary,
    snapshot: &'a Snapshot,
    earlier: &ScanSummary,
) -> Listed<'a> {
    let is_same_list =
        summary.targets_digest.is_some() && summary.targets_digest == earlier.targets_digest;
    let specs: HashMap<Identity, &SpecCoverage> = (summary.coverage.specs.iter())
        .map(|spec| (Identity::of_specification(&spec.origin), spec))
        .collect();
    Box::new(move |record| {
        let target = &record.target;
        let spec = specs.get(&Identity::of_specification(&target.origin));
        let by_spec = || spec.map(|spec| spec.expect == Some(Verdict::Unreachable));
        let by_record = snapshot.expects_silence(&Identity::of_target(target));
        let expects_silence = by_record
            .or_else(by_spec)
            .or(is_same_list.then_some(false))?;
        let origin = spec.map_or(&target.origin, |spec| &spec.origin);
        (!expects_silence).then(|| Target {
            origin: Arc::clone(origin),
            ..target.clone()
        })
    })
}

/// Finds the target of every record that the scan's own report carries: the scan carried only records of listed targets.
pub(crate) fn listed_already<'a>() -> Listed<'a> {
    Box::new(|record| Some(record.target.clone()))
}
