//! The counters of a running scan. Progress, coverage and met or unmet expectations come from here.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use parking_lot::Mutex;

use super::outcome::Outcome;
use crate::config::Shard;
use crate::model::{
    Coverage, EndpointReport, FailureKind, LeftOut, LeftOutReason, SpecCoverage, SpecId, Target,
    Verdict,
};
use crate::scan::progress::Progress;
use crate::targets::TargetSet;

/// Live counters of a scan.
#[derive(Default)]
pub(in crate::scan) struct Counters {
    /// Targets that went through the first pass.
    done: AtomicU64,
    /// Attempts of later passes that were made.
    retried: AtomicU64,
    /// Attempts of all passes that earlier runs made.
    resumed: AtomicU64,
    in_flight: AtomicU64,
    /// Attempts to repeat, and how many of them because of a timeout.
    deferred: AtomicU64,
    deferred_timeouts: AtomicU64,
    /// Attempts that are not made again, because the scan was stopped.
    given_up: AtomicU64,
    verdicts: [AtomicU64; Verdict::ALL.len()],
    /// Final failures, by kind.
    failures: [AtomicU64; FailureKind::ALL.len()],
    left_out: [AtomicU64; LeftOutReason::ALL.len()],
    further_addresses: AtomicU64,
    /// For each specification, a bit for each verdict of its endpoints.
    seen: Vec<AtomicU8>,
    /// For each specification, what was not asked.
    left_out_by_spec: Mutex<BTreeMap<SpecId, Vec<LeftOut>>>,
    sources: Mutex<BTreeSet<IpAddr>>,
}

/// Counts an endpoint as in flight until it is dropped.
pub(in crate::scan) struct InFlight<'a>(&'a Counters);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

fn add_one(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

fn load(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

const fn is_timeout(kind: FailureKind) -> bool {
    matches!(kind, FailureKind::TimedOut | FailureKind::Deadline)
}

fn bit(verdict: Verdict) -> u8 {
    1 << (verdict as u8)
}

impl Counters {
    pub(in crate::scan) fn new(targets: &TargetSet) -> Self {
        Self {
            seen: targets.specs().iter().map(|_| AtomicU8::new(0)).collect(),
            ..Self::default()
        }
    }

    /// Counts an endpoint as in flight.
    pub(in crate::scan) fn in_flight(&self) -> InFlight<'_> {
        add_one(&self.in_flight);
        InFlight(self)
    }

    /// Counts an attempt that was made.
    pub(in crate::scan) fn end(&self, pass: u32) {
        add_one(if pass == 0 { &self.done } else { &self.retried });
    }

    /// Counts an attempt that an earlier run made.
    pub(super) fn resume(&self, pass: u32) {
        self.end(pass);
        add_one(&self.resumed);
    }

    /// Counts an outcome of a target.
    pub(in crate::scan) fn count(&self, target: &Target, outcome: &Outcome) {
        match outcome {
            Outcome::CountedOnly(kind) => self.count_failure(target, *kind),
            Outcome::Record(report) => self.count_record(report),
            Outcome::LeftOut(left_out) => self.count_left_out(target, left_out),
            Outcome::Further(count) => {
                self.further_addresses.fetch_add(*count, Ordering::Relaxed);
            }
            Outcome::Deferred(deferral) => {
                add_one(&self.deferred);
                if is_timeout(deferral.kind) {
                    add_one(&self.deferred_timeouts);
                }
            }
        }
    }

    /// Counts a deferred attempt that is not made again, and the outcome of its target.
    pub(in crate::scan) fn give_up(&self, target: &Target, outcome: &Outcome) {
        add_one(&self.given_up);
        self.count(target, outcome);
    }

    /// How many retries were not made, and how many there were to make.
    pub(in crate::scan) fn given_up(&self) -> (u64, u64) {
        let given_up = load(&self.given_up);
        (given_up, given_up + load(&self.retried))
    }

    fn count_failure(&self, target: &Target, kind: FailureKind) {
        add_one(&self.failures[kind as usize]);
        if !kind.is_own_side() {
            add_one(&self.verdicts[Verdict::Unreachable as usize]);
            self.note_verdict(target, Verdict::Unreachable);
        }
    }

    fn own_side_failures(&self) -> u64 {
        let ours = FailureKind::ALL
            .into_iter()
            .filter(|kind| kind.is_own_side());
        ours.map(|kind| load(&self.failures[kind as usize])).sum()
    }

    /// Whether every attempt failed on our own side.
    pub(in crate::scan) fn could_not_scan(&self) -> bool {
        let asked = self.verdicts.iter().any(|count| load(count) > 0);
        !asked && self.own_side_failures() > 0
    }

    fn count_record(&self, report: &EndpointReport) {
        if let Some(local) = report.local_address {
            self.sources.lock().insert(local);
        }
        match (report.verdict, &report.failure) {
            (Verdict::Unreachable | Verdict::NotAttempted, failure) => {
                let kind = failure
                    .as_ref()
                    .map_or(FailureKind::Closed, |failure| failure.kind);
                self.count_failure(&report.target, kind);
            }
            (verdict, _) => {
                add_one(&self.verdicts[verdict as usize]);
                self.note_verdict(&report.target, verdict);
            }
        }
    }

    /// Notes a verdict for each specification of the target.
    fn note_verdict(&self, target: &Target, verdict: Verdict) {
        for SpecId(spec) in target.specs.iter() {
            if let Some(seen) = self.seen.get(*spec as usize) {
                // Most targets of a specification have a verdict that it has already.
                if seen.load(Ordering::Relaxed) & bit(verdict) == 0 {
                    seen.fetch_or(bit(verdict), Ordering::Relaxed);
                }
            }
        }
    }

    /// Counts what was not asked, and notes it for each specification that coverage lists.
    fn count_left_out(&self, target: &Target, left_out: &LeftOut) {
        self.left_out[left_out.why as usize].fetch_add(left_out.count, Ordering::Relaxed);
        if !target.named && target.expect.is_none() {
            return;
        }
        let mut by_spec = self.left_out_by_spec.lock();
        for spec in target.specs.iter() {
            left_out.add_to(by_spec.entry(*spec).or_default());
        }
    }

    /// Attempts that this run has finished, in all passes.
    pub(in crate::scan) fn finished_by_this_run(&self) -> u64 {
        (load(&self.done) + load(&self.retried)).saturating_sub(load(&self.resumed))
    }

    /// The current counts. Fields that are not counters have their defaults.
    pub(in crate::scan) fn progress(&self) -> Progress {
        let final_timeouts: u64 = FailureKind::ALL
            .into_iter()
            .filter(|kind| is_timeout(*kind))
            .map(|kind| load(&self.failures[kind as usize]))
            .sum();
        let retried = load(&self.retried);
        Progress {
            done: load(&self.done),
            retried,
            to_retry: load(&self.deferred).saturating_sub(retried),
            in_flight: load(&self.in_flight),
            timeouts: load(&self.deferred_timeouts) + final_timeouts,
            verdicts: std::array::from_fn(|index| load(&self.verdicts[index])),
            own_side_failures: self.own_side_failures(),
            ..Progress::default()
        }
    }

    /// The local addresses that connections came from, sorted.
    pub(in crate::scan) fn sources(&self) -> Vec<IpAddr> {
        self.sources.lock().iter().copied().collect()
    }

    /// The coverage of this shard. After a scan that `failed`, targets without an outcome
    /// were not attempted, even if their attempts were counted as made.
    pub(in crate::scan) fn coverage(
        &self,
        targets: &TargetSet,
        shard: Shard,
        failed: bool,
    ) -> Coverage {
        let verdicts = Verdict::ALL
            .into_iter()
            .filter(|verdict| *verdict != Verdict::Unreachable)
            .map(|verdict| (verdict, load(&self.verdicts[verdict as usize])))
            .filter(|(_, count)| *count > 0);
        let (own_side_failures, unreachable) = (FailureKind::ALL.into_iter())
            .map(|kind| (kind, load(&self.failures[kind as usize])))
            .filter(|(_, count)| *count > 0)
            .partition(|(kind, _)| kind.is_own_side());
        let own = shard.share(targets.len());
        let mut coverage = Coverage {
            targets: own,
            excluded: shard.share(targets.excluded()),
            not_attempted: own.saturating_sub(load(&self.done)),
            own_side_failures,
            left_out: (LeftOutReason::ALL.into_iter())
                .map(|why| (why, load(&self.left_out[why as usize])))
                .filter(|(_, count)| *count > 0)
                .collect(),
            verdicts: verdicts.collect(),
            unreachable,
            further_addresses: load(&self.further_addresses),
            specs: self.spec_coverage(targets),
            clusters_not_asked: targets.not_asked().to_vec(),
        };
        let own_side_failures = self.own_side_failures();
        if failed {
            let ended = coverage.outcomes() + coverage.left_out_addresses() + own_side_failures;
            coverage.not_attempted = (own + coverage.further_addresses).saturating_sub(ended);
        }
        coverage.not_attempted += own_side_failures;
        // Targets outside of the allowlist are not in the set, but the user named them.
        let outside = shard.share(targets.outside_allow());
        if outside > 0 {
            coverage.targets += outside;
            *coverage
                .left_out
                .entry(LeftOutReason::OutsideAllow)
                .or_default() += outside;
        }
        coverage
    }

    fn spec_coverage(&self, targets: &TargetSet) -> Vec<SpecCoverage> {
        let left_out_by_spec = self.left_out_by_spec.lock();
        (0..)
            .map(SpecId)
            .zip(targets.specs().iter().zip(&self.seen))
            .filter(|(_, (spec, _))| spec.must_answer() || spec.expect.is_some())
            // A specification that is excluded as a whole was left out on purpose.
            .filter(|(_, (spec, _))| spec.targets > 0 || spec.outside_allow > 0)
            .map(|(id, (spec, seen))| {
                let seen = seen.load(Ordering::Relaxed);
                let verdicts = Verdict::ALL
                    .into_iter()
                    .filter(|verdict| seen & bit(*verdict) != 0)
                    .collect();
                let (origin, label) = (spec.origin.clone(), spec.label.clone());
                let mut left_out = left_out_by_spec.get(&id).cloned().unwrap_or_default();
                if spec.outside_allow > 0 {
                    let example = spec.origin.text.to_string();
                    LeftOut::new(LeftOutReason::OutsideAllow, spec.outside_allow, example)
                        .add_to(&mut left_out);
                }
                SpecCoverage {
                    id: Some(id),
                    left_out,
                    ..SpecCoverage::of(origin, spec.named, label, spec.expect, verdicts)
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::targets::{TargetOptions, TargetSetBuilder};

    #[test]
    fn a_local_failure_is_no_verdict_of_the_target() {
        let mut builder = TargetSetBuilder::new(TargetOptions::default());
        builder.argument("192.0.2.1:6443 expect=unreachable");
        let targets = builder.build().unwrap();
        let (counters, target) = (Counters::new(&targets), targets.get(0).unwrap());
        let spec = || {
            counters
                .coverage(&targets, Shard::WHOLE, false)
                .specs
                .remove(0)
        };
        let ours: Vec<FailureKind> = FailureKind::ALL
            .into_iter()
            .filter(|kind| kind.is_own_side())
            .collect();
        for kind in &ours {
            counters.count(&target, &Outcome::CountedOnly(*kind));
            let spec = spec();
            assert_eq!(
                (spec.covered, spec.met, spec.seen),
                (false, Some(false), vec![]),
                "{kind:?}"
            );
        }
        let coverage = counters.coverage(&targets, Shard::WHOLE, true);
        assert!(counters.could_not_scan() && coverage.could_not_scan());
        assert_eq!(
            (coverage.outcomes(), coverage.not_attempted),
            (0, ours.len() as u64)
        );
        counters.count(&target, &Outcome::CountedOnly(FailureKind::Refused));
        assert_eq!((spec().covered, spec().met), (true, Some(true)));
        assert!(!counters.could_not_scan());
    }
}
