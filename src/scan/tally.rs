//! Counts every outcome once, while the scan runs and without a lock: the source of the progress
//! line, of coverage and of met or unmet expectations.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::outcome::Outcome;
use super::progress::{Counts, LaterPass};
use crate::config::Shard;
use crate::model::{
    Coverage, EndpointReport, FailureKind, Gap, SpecCoverage, SpecId, Target, Unasked, Verdict,
};
use crate::targets::TargetSet;

/// Live counters of a scan.
#[derive(Default)]
pub(super) struct Tally {
    /// Targets that went through the first pass.
    ended: AtomicU64,
    /// Of these, by an earlier run.
    resumed: AtomicU64,
    in_flight: AtomicU64,
    /// Attempts that are to be made again, and those that were.
    again: AtomicU64,
    again_ended: AtomicU64,
    again_resumed: AtomicU64,
    /// The later pass that runs.
    pass: Mutex<Option<(LaterPass, Instant)>>,
    deferred: AtomicU64,
    /// Of these, what did not answer a connection, and what did not answer over one.
    silent: AtomicU64,
    overdue: AtomicU64,
    /// What was put off and is not asked again, because the scan was stopped.
    given_up: AtomicU64,
    verdicts: [AtomicU64; Verdict::ALL.len()],
    /// What came to nothing, by the kind of failure: the target's or our own side's.
    failures: [AtomicU64; FailureKind::ALL.len()],
    unasked: [AtomicU64; Gap::ALL.len()],
    further_addresses: AtomicU64,
    /// For each specification, a bit for each verdict seen at one of its endpoints.
    seen: Vec<AtomicU8>,
    /// For each specification, what of it was not asked.
    missed: Mutex<BTreeMap<SpecId, Vec<Unasked>>>,
    sources: Mutex<BTreeSet<IpAddr>>,
}

/// An endpoint that is being asked, until it is dropped.
pub(super) struct Flight<'a>(&'a Tally);

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

fn bit(verdict: Verdict) -> u8 {
    1 << (verdict as u8)
}

impl Tally {
    /// Counters for a set of targets.
    pub(super) fn of(targets: &TargetSet) -> Self {
        Self {
            seen: targets.specs().iter().map(|_| AtomicU8::new(0)).collect(),
            ..Self::default()
        }
    }

    /// An endpoint is being asked.
    pub(super) fn flight(&self) -> Flight<'_> {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        Flight(self)
    }

    /// A target went through a pass.
    pub(super) fn end(&self, pass: u32) {
        let counter = if pass == 0 {
            &self.ended
        } else {
            &self.again_ended
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// A target went through a pass in an earlier run.
    pub(super) fn resumed(&self, pass: u32) {
        self.end(pass);
        let counter = if pass == 0 {
            &self.resumed
        } else {
            &self.again_resumed
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// A later pass begins over so many.
    pub(super) fn again(&self, number: u32, len: u64) {
        self.again.fetch_add(len, Ordering::Relaxed);
        let done_before = self.again_ended.load(Ordering::Relaxed);
        let pass = LaterPass {
            number,
            len,
            done_before,
            elapsed: Duration::ZERO,
        };
        *self.pass.lock() = Some((pass, Instant::now()));
    }

    /// Counts what a target came to.
    pub(super) fn count(&self, target: &Target, outcome: &Outcome) {
        match outcome {
            Outcome::Silent(kind) => self.failed(target, *kind),
            Outcome::Record(report) => self.record(report),
            Outcome::Unasked(unasked) => self.miss(target, unasked),
            Outcome::Further(count) => {
                self.further_addresses.fetch_add(*count, Ordering::Relaxed);
            }
            Outcome::Deferred(deferral) => {
                self.deferred.fetch_add(1, Ordering::Relaxed);
                let counter = match deferral.kind {
                    FailureKind::TimedOut => &self.silent,
                    FailureKind::Deadline => &self.overdue,
                    _ => return,
                };
                counter.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Something that was put off is not asked again.
    pub(super) fn give_up(&self, target: &Target, outcome: &Outcome) {
        self.given_up.fetch_add(1, Ordering::Relaxed);
        self.count(target, outcome);
    }

    /// How many attempts that were due again were not made, and how many were due.
    pub(super) fn given_up(&self) -> (u64, u64) {
        let given_up = self.given_up.load(Ordering::Relaxed);
        (
            given_up,
            given_up + self.again_ended.load(Ordering::Relaxed),
        )
    }

    /// An endpoint, or a name without addresses, that could not be asked.
    fn failed(&self, target: &Target, kind: FailureKind) {
        self.failures[kind as usize].fetch_add(1, Ordering::Relaxed);
        if !kind.is_ours() {
            self.verdicts[Verdict::Unreachable as usize].fetch_add(1, Ordering::Relaxed);
            self.saw(target, Verdict::Unreachable);
        }
    }

    /// How many failed on our own side.
    fn failed_here(&self) -> u64 {
        let ours = FailureKind::ALL.into_iter().filter(|kind| kind.is_ours());
        ours.map(|kind| self.failures[kind as usize].load(Ordering::Relaxed))
            .sum()
    }

    /// Whether nothing at all was asked, because our own side failed.
    pub(super) fn could_not_scan(&self) -> bool {
        let asked = self
            .verdicts
            .iter()
            .any(|count| count.load(Ordering::Relaxed) > 0);
        !asked && self.failed_here() > 0
    }

    /// An endpoint that was asked.
    fn record(&self, report: &EndpointReport) {
        if let Some(local) = report.local {
            self.sources.lock().insert(local);
        }
        match (report.verdict, &report.failure) {
            (Verdict::Unreachable | Verdict::NotAttempted, failure) => {
                let kind = failure
                    .as_ref()
                    .map_or(FailureKind::Closed, |failure| failure.kind);
                self.failed(&report.target, kind);
            }
            (verdict, _) => {
                self.verdicts[verdict as usize].fetch_add(1, Ordering::Relaxed);
                self.saw(&report.target, verdict);
            }
        }
    }

    /// Notes for each specification of the target what came of it.
    fn saw(&self, target: &Target, verdict: Verdict) {
        for SpecId(spec) in target.specs.iter() {
            if let Some(seen) = self.seen.get(*spec as usize) {
                seen.fetch_or(bit(verdict), Ordering::Relaxed);
            }
        }
    }

    /// Counts what was not asked, and notes it for each specification that coverage tells of.
    fn miss(&self, target: &Target, unasked: &Unasked) {
        self.unasked[unasked.why as usize].fetch_add(unasked.count, Ordering::Relaxed);
        if !target.named && target.expect.is_none() {
            return;
        }
        let mut missed = self.missed.lock();
        for spec in target.specs.iter() {
            unasked.add_to(missed.entry(*spec).or_default());
        }
    }

    /// The counts of this moment.
    pub(super) fn counts(&self) -> Counts {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (silent, overdue) = (load(&self.silent), load(&self.overdue));
        let for_good = |kind: FailureKind| load(&self.failures[kind as usize]);
        let (silent_for_good, overdue_for_good) = (
            for_good(FailureKind::TimedOut),
            for_good(FailureKind::Deadline),
        );
        let pass = *self.pass.lock();
        Counts {
            done: load(&self.ended),
            resumed: load(&self.resumed),
            in_flight: load(&self.in_flight),
            again: load(&self.again),
            again_done: load(&self.again_ended),
            again_resumed: load(&self.again_resumed),
            pass: pass.map(|(pass, since)| LaterPass {
                elapsed: since.elapsed(),
                ..pass
            }),
            deferred: load(&self.deferred),
            silent,
            overdue,
            silent_for_good,
            overdue_for_good,
            timeouts: silent + overdue + silent_for_good + overdue_for_good,
            verdicts: std::array::from_fn(|index| load(&self.verdicts[index])),
            failed_here: self.failed_here(),
        }
    }

    /// The addresses spoken from, sorted.
    pub(super) fn sources(&self) -> Vec<IpAddr> {
        self.sources.lock().iter().copied().collect()
    }

    /// Where every target of this part of the set ended. `failed` says that the books were not kept
    /// to the end: then a target is not attempted if it has no outcome.
    pub(super) fn coverage(&self, targets: &TargetSet, shard: Shard, failed: bool) -> Coverage {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let verdicts = Verdict::ALL
            .into_iter()
            .filter(|verdict| *verdict != Verdict::Unreachable)
            .map(|verdict| (verdict, load(&self.verdicts[verdict as usize])))
            .filter(|(_, count)| *count > 0);
        let (failed_here, unreachable) = (FailureKind::ALL.into_iter())
            .map(|kind| (kind, load(&self.failures[kind as usize])))
            .filter(|(_, count)| *count > 0)
            .partition(|(kind, _)| kind.is_ours());
        let specs = targets.specs().iter().zip(&self.seen);
        let missed = self.missed.lock();
        let own = shard.share(targets.len());
        let mut coverage = Coverage {
            targets: own,
            excluded: shard.share(targets.excluded()),
            not_attempted: own.saturating_sub(load(&self.ended)),
            failed_here,
            unasked: (Gap::ALL.into_iter())
                .map(|why| (why, load(&self.unasked[why as usize])))
                .filter(|(_, count)| *count > 0)
                .collect(),
            verdicts: verdicts.collect(),
            unreachable,
            further_addresses: load(&self.further_addresses),
            specs: (0..)
                .zip(specs)
                .filter(|(_, (spec, _))| spec.named || spec.expect.is_some())
                // Whom an exclusion took out as a whole is left out on purpose, not missed.
                .filter(|(_, (spec, _))| spec.targets > 0)
                .map(|(id, (spec, seen))| {
                    let seen = seen.load(Ordering::Relaxed);
                    let seen = Verdict::ALL
                        .into_iter()
                        .filter(|verdict| seen & bit(*verdict) != 0);
                    let (origin, label) = (spec.origin.clone(), spec.label.clone());
                    let coverage =
                        SpecCoverage::of(origin, spec.named, label, spec.expect, seen.collect());
                    let unasked = missed.get(&SpecId(id)).cloned().unwrap_or_default();
                    SpecCoverage {
                        id: Some(SpecId(id)),
                        unasked,
                        ..coverage
                    }
                })
                .collect(),
        };
        let failed_here = self.failed_here();
        if failed {
            let ended = coverage.outcomes() + coverage.unasked_addresses() + failed_here;
            coverage.not_attempted = (own + coverage.further_addresses).saturating_sub(ended);
        }
        coverage.not_attempted += failed_here;
        coverage
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::targets::{TargetOptions, TargetSetBuilder};

    #[test]
    fn what_this_machine_lacks_is_nothing_seen_of_the_target() {
        let mut builder = TargetSetBuilder::new(TargetOptions::default());
        builder.argument("192.0.2.1:6443 expect=unreachable");
        let targets = builder.build().unwrap();
        let (tally, target) = (Tally::of(&targets), targets.get(0).unwrap());
        let spec = || {
            tally
                .coverage(&targets, Shard::WHOLE, false)
                .specs
                .remove(0)
        };
        let ours: Vec<FailureKind> = FailureKind::ALL
            .into_iter()
            .filter(|kind| kind.is_ours())
            .collect();
        for kind in &ours {
            tally.count(&target, &Outcome::Silent(*kind));
            let spec = spec();
            assert_eq!(
                (spec.covered, spec.met, spec.seen),
                (false, Some(false), vec![]),
                "{kind:?}"
            );
        }
        let coverage = tally.coverage(&targets, Shard::WHOLE, true);
        assert!(tally.could_not_scan() && coverage.could_not_scan());
        assert_eq!(
            (coverage.outcomes(), coverage.not_attempted),
            (0, ours.len() as u64)
        );
        tally.count(&target, &Outcome::Silent(FailureKind::Refused));
        assert_eq!((spec().covered, spec().met), (true, Some(true)));
        assert!(!tally.could_not_scan());
    }
}
