//! Findings of earlier scans that this scan could not have found again: they stay open, because silence must not close
//! an alert.

use std::collections::{BTreeSet, HashMap, HashSet};

use jiff::Timestamp;
use jiff::civil::Date;

use super::changes::Snapshot;
use super::evaluator::{Evaluation, Evaluator};
use super::rules::divergence::{self, AddressResult};
use super::rules::hit::ScanTime;
use super::settings::Policy;
use crate::model::{
    BaselineState, Coverage, EndpointReport, Finding, Fingerprint, Host, Identity, UnusedAcceptance,
};

/// Takes the records of earlier scans and keeps what has to be carried.
pub struct Carrier<'a> {
    policy: &'a Policy,
    now: &'a Evaluation,
    snapshot: &'a Snapshot,
    /// The findings to carry.
    open: HashSet<Fingerprint>,
    /// When each was last seen.
    last_seen: HashMap<Fingerprint, Date>,
    evaluator: Evaluator<'a>,
}

/// What is carried.
#[derive(Debug, Clone, Default)]
pub struct Carried {
    /// The findings, the worst first. Neither the gate nor any count has them.
    pub findings: Vec<Finding>,
    /// The acceptances that match none of their records.
    pub unused_acceptances: Vec<UnusedAcceptance>,
}

impl<'a> Carrier<'a> {
    /// A carrier for a scan that began at this time, found `now` and saw `snapshot`. `old` are the findings of earlier
    /// scans.
    pub fn new<'b>(
        policy: &'a Policy,
        started: Timestamp,
        now: &'a Evaluation,
        snapshot: &'a Snapshot,
        old: impl Iterator<Item = &'b Finding>,
    ) -> Self {
        let open = now.left_open(old, snapshot);
        let mut evaluator = Evaluator::new(policy, started);
        evaluator.accept_as_of(started);
        Self {
            policy,
            now,
            snapshot,
            open: open.map(|finding| finding.fingerprint).collect(),
            last_seen: HashMap::new(),
            evaluator,
        }
    }

    /// Takes a record of an earlier scan, if it proves a finding to carry, and returns whether it does. Its target must
    /// still be in the list.
    pub fn take(&mut self, record: &EndpointReport) -> bool {
        let Some(seen) = record.last_seen else {
            return false;
        };
        let is_open = |finding: &Finding| {
            self.open.contains(&finding.fingerprint) && !self.now.could_find(finding, self.snapshot)
        };
        let mut proven: Vec<Fingerprint> = findings_of(self.policy, seen, record)
            .filter(is_open)
            .map(|finding| finding.fingerprint)
            .collect();
        let divergence = divergence_of(record);
        proven.extend(divergence.filter(|fingerprint| self.open.contains(fingerprint)));
        for fingerprint in &proven {
            let day = ScanTime(seen).day();
            let last = self.last_seen.entry(*fingerprint).or_insert(day);
            *last = day.max(*last);
        }
        if !proven.is_empty() {
            self.evaluator.as_of(seen);
            self.evaluator.add(record);
        }
        !proven.is_empty()
    }

    /// What is carried: the findings that the records prove, and when they were last seen.
    pub fn finish(self) -> Carried {
        let Self {
            snapshot,
            last_seen,
            evaluator,
            ..
        } = self;
        let evaluation = evaluator.finish(&Coverage::default());
        let carried = |mut finding: Finding| {
            let day = *last_seen.get(&finding.fingerprint)?;
            let silence = snapshot.silence(&finding.about);
            finding.message = format!("{} ({silence}; last seen {day})", finding.message);
            (finding.sites).dedup_by(|one, other| one.endpoint == other.endpoint);
            Some(Finding {
                baseline: Some(BaselineState::Unchanged),
                last_seen: Some(day),
                ..finding
            })
        };
        Carried {
            findings: evaluation
                .findings
                .into_iter()
                .filter_map(carried)
                .collect(),
            unused_acceptances: evaluation.unused_acceptances,
        }
    }
}

/// Whether a record of a scan that began at this time proves one of these findings.
pub fn proves(
    findings: &BTreeSet<Fingerprint>,
    policy: &Policy,
    started: Timestamp,
    record: &EndpointReport,
) -> bool {
    let mut proven = findings_of(policy, started, record).map(|finding| finding.fingerprint);
    proven.any(|fingerprint| findings.contains(&fingerprint))
        || divergence_of(record).is_some_and(|fingerprint| findings.contains(&fingerprint))
}

/// The findings of one record alone.
fn findings_of(
    policy: &Policy,
    started: Timestamp,
    record: &EndpointReport,
) -> impl Iterator<Item = Finding> + use<> {
    let mut evaluator = Evaluator::new(policy, started);
    evaluator.add(record);
    let evaluation = evaluator.finish(&Coverage::default());
    evaluation.findings.into_iter()
}

/// The finding that the addresses of a name differ, for which the records of all of them are needed.
fn divergence_of(record: &EndpointReport) -> Option<Fingerprint> {
    let is_name = matches!(record.target.host, Host::Name(_));
    AddressResult::of(record).filter(|_| is_name)?;
    Some(Fingerprint::of(
        divergence::RULE.id,
        &Identity::of_target(&record.target),
    ))
}
