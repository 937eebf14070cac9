//! Counts every outcome once, while the scan runs and without a lock: the source of the progress
//! line, of coverage and of met or unmet expectations.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::model::{Coverage, EndpointReport, FailureKind, SpecCoverage, SpecId, Target, Verdict};
use crate::targets::TargetSet;

/// Live counters of a scan.
#[derive(Default)]
pub struct Tally {
    begun: AtomicU64,
    ended: AtomicU64,
    verdicts: [AtomicU64; Verdict::ALL.len()],
    unreachable: [AtomicU64; FailureKind::ALL.len()],
    excluded_addresses: AtomicU64,
    further_addresses: AtomicU64,
    /// For each specification, a bit for each verdict seen at one of its endpoints.
    seen: Vec<AtomicU8>,
    sources: Mutex<BTreeSet<IpAddr>>,
}

/// A moment's counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Targets finished.
    pub done: u64,
    /// Targets being worked on.
    pub in_flight: u64,
    /// Endpoints by verdict, in the order of [`Verdict::ALL`].
    pub verdicts: [u64; Verdict::ALL.len()],
}

fn bit(verdict: Verdict) -> u8 {
    1 << (verdict as u8)
}

impl Tally {
    /// Counters for a set of targets.
    pub(super) fn of(targets: &TargetSet) -> Self {
        Self { seen: targets.specs().iter().map(|_| AtomicU8::new(0)).collect(), ..Self::default() }
    }

    pub(super) fn begin(&self) {
        self.begun.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn end(&self) {
        self.ended.fetch_add(1, Ordering::Relaxed);
    }

    /// A name resolved to this many addresses.
    pub(super) fn addresses(&self, count: usize) {
        self.further_addresses.fetch_add(count.saturating_sub(1) as u64, Ordering::Relaxed);
    }

    pub(super) fn excluded_address(&self) {
        self.excluded_addresses.fetch_add(1, Ordering::Relaxed);
    }

    /// An endpoint, or a name without addresses, that could not be asked.
    pub(super) fn failed(&self, target: &Target, kind: FailureKind) {
        self.unreachable[kind as usize].fetch_add(1, Ordering::Relaxed);
        self.saw(target, Verdict::Unreachable);
    }

    /// An endpoint that was asked.
    pub(super) fn record(&self, report: &EndpointReport) {
        if let Some(local) = report.local {
            self.sources.lock().unwrap_or_else(PoisonError::into_inner).insert(local);
        }
        match (report.verdict, &report.failure) {
            (Verdict::Unreachable, failure) => {
                let kind = failure.as_ref().map_or(FailureKind::Closed, |failure| failure.kind);
                self.failed(&report.target, kind);
            }
            (verdict, _) => self.saw(&report.target, verdict),
        }
    }

    fn saw(&self, target: &Target, verdict: Verdict) {
        self.verdicts[verdict as usize].fetch_add(1, Ordering::Relaxed);
        for SpecId(spec) in target.specs.iter() {
            if let Some(seen) = self.seen.get(*spec as usize) {
                seen.fetch_or(bit(verdict), Ordering::Relaxed);
            }
        }
    }

    /// The counts of this moment.
    pub fn progress(&self) -> Progress {
        let done = self.ended.load(Ordering::Relaxed);
        Progress {
            done,
            in_flight: self.begun.load(Ordering::Relaxed).saturating_sub(done),
            verdicts: std::array::from_fn(|index| self.verdicts[index].load(Ordering::Relaxed)),
        }
    }

    /// The addresses spoken from, sorted.
    pub(super) fn sources(&self) -> Vec<IpAddr> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }

    /// Where every target ended.
    pub(super) fn coverage(&self, targets: &TargetSet) -> Coverage {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let verdicts = Verdict::ALL
            .into_iter()
            .filter(|verdict| *verdict != Verdict::Unreachable)
            .map(|verdict| (verdict, load(&self.verdicts[verdict as usize])))
            .filter(|(_, count)| *count > 0);
        let unreachable = FailureKind::ALL
            .into_iter()
            .map(|kind| (kind, load(&self.unreachable[kind as usize])))
            .filter(|(_, count)| *count > 0);
        let specs = targets.specs().iter().zip(&self.seen);
        Coverage {
            targets: targets.len(),
            excluded: targets.excluded(),
            not_attempted: targets.len().saturating_sub(load(&self.begun)),
            excluded_addresses: load(&self.excluded_addresses),
            verdicts: verdicts.collect(),
            unreachable: unreachable.collect(),
            further_addresses: load(&self.further_addresses),
            specs: specs
                .filter(|(spec, _)| spec.named || spec.expect.is_some())
                // Whom an exclusion took out as a whole is left out on purpose, not missed.
                .filter(|(spec, _)| spec.targets > 0)
                .map(|(spec, seen)| {
                    let seen = seen.load(Ordering::Relaxed);
                    let seen = Verdict::ALL.into_iter().filter(|verdict| seen & bit(*verdict) != 0);
                    let (origin, label) = (spec.origin.clone(), spec.label.clone());
                    SpecCoverage::of(origin, spec.named, label, spec.expect, seen.collect())
                })
                .collect(),
        }
    }
}
