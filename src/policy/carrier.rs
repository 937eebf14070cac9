//! Findings of earlier scans that this scan could not have found again: they stay open, because silence must not close
//! an alert.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::SocketAddr;

use jiff::Timestamp;
use jiff::civil::Date;

use super::baseline::{ByMatter, is_at_silent_address};
use super::evaluator::{Evaluation, Evaluator};
use super::rules::divergence::{self, ByScan};
use super::rules::hit::{ScanTime, listed};
use super::rules::rego;
use super::settings::Policy;
use super::snapshot::Snapshot;
use crate::model::{
    BaselineState, Change, ChangeKind, Coverage, EndpointReport, Finding, Fingerprint, Host,
    Identity, UnusedAcceptance, Verdict,
};

/// Takes the records of earlier scans, first those of all and then each, and keeps what has to be carried.
pub struct Carrier<'a> {
    policy: &'a Policy,
    now: &'a Evaluation,
    /// The findings of `now`.
    found: ByMatter<'a>,
    snapshot: &'a Snapshot,
    /// The findings to carry.
    open: HashSet<Fingerprint>,
    /// The results of the addresses of names whose addresses differ.
    addresses: HashMap<Identity, ByScan>,
    /// For each of these names, the first scan that showed it.
    differing: Option<HashMap<Identity, Timestamp>>,
    /// The endpoints with a record for what policies said of them.
    judged: HashSet<(Identity, Option<SocketAddr>)>,
    /// Those that policies in Rego made. A record alone does not show them, so they are carried as they are.
    of_policies: Vec<Finding>,
    today: Date,
    /// When each was last seen.
    last_seen: HashMap<Fingerprint, Date>,
    evaluator: Evaluator<'a>,
}

/// What is carried.
#[derive(Debug, Clone, Default)]
pub struct Carried {
    /// The findings, the worst first. Neither the gate nor any count has them.
    pub findings: Vec<Finding>,
    /// What the scan has a finding of, and an earlier scan saw more of, with the words for it.
    further: Vec<(Fingerprint, String)>,
    /// The acceptances that match none of their records.
    pub unused_acceptances: Vec<UnusedAcceptance>,
}

impl Carried {
    /// Says of targets with carried findings that they are silent: they are still in the list, even where a report has no
    /// record of silence, as of an unused address of a range.
    pub fn explain(&self, changes: &mut [Change]) {
        let carried: HashSet<&Identity> = self.findings.iter().map(|one| &one.about).collect();
        for change in changes {
            if change.kind == ChangeKind::Gone && carried.contains(&change.about) {
                let silent = || Verdict::Unreachable.to_string();
                change.after.get_or_insert_with(silent);
            }
        }
    }
}

impl Evaluation {
    /// Says in its findings what earlier scans saw of them and this one did not ask again.
    pub fn mention(&mut self, carried: &Carried) {
        for (fingerprint, text) in &carried.further {
            let mut findings = self.findings.iter_mut();
            if let Some(finding) = findings.find(|finding| finding.fingerprint == *fingerprint) {
                finding.message = format!("{}; {text}", finding.message);
            }
        }
    }
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
        let open: Vec<&Finding> = now.left_open(old, snapshot).collect();
        let of_policies = open.iter().copied();
        let of_policies = of_policies.filter(|finding| rego::is_of_policy(finding.rule));
        let mut evaluator = Evaluator::new(policy, started);
        evaluator.accept_as_of(started);
        Self {
            policy,
            now,
            found: now.standing_by_matter(),
            snapshot,
            of_policies: of_policies.cloned().collect(),
            today: ScanTime(started).day(),
            open: open.iter().map(|finding| finding.fingerprint).collect(),
            addresses: HashMap::new(),
            differing: None,
            judged: HashSet::new(),
            last_seen: HashMap::new(),
            evaluator,
        }
    }

    /// Looks at a record that [`Self::take`] gets later: whether the addresses of a name differ needs the records of all.
    pub fn look_at(&mut self, record: &EndpointReport) {
        if divergence_of(record).is_some_and(|divergence| self.open.contains(&divergence)) {
            let about = Identity::of_target(&record.target);
            self.addresses.entry(about).or_default().add(record);
        }
    }

    /// When a scan first showed that the addresses of a name differ, as far as this finding is open.
    fn differing_since(&mut self, about: &Identity) -> Option<Timestamp> {
        let addresses = &mut self.addresses;
        let differing = self.differing.get_or_insert_with(|| {
            let since = |(about, results): (Identity, ByScan)| {
                let (scan, ..) = results.first_that_differs()?;
                Some((about, scan?))
            };
            std::mem::take(addresses)
                .into_iter()
                .filter_map(since)
                .collect()
        });
        differing.get(about).copied()
    }

    /// Takes a record of an earlier scan, if it proves a finding to carry, and returns whether it does. Its target must
    /// still be in the list.
    pub fn take(&mut self, record: &EndpointReport) -> bool {
        let Some(seen) = record.last_seen else {
            return false;
        };
        let is_open = |finding: &Finding| {
            self.open.contains(&finding.fingerprint)
                && (self.now).stays_open(finding, self.snapshot, &self.found)
        };
        let of_record: Vec<Fingerprint> = findings_of(self.policy, seen, record)
            .filter(is_open)
            .map(|finding| finding.fingerprint)
            .collect();
        let mut proven = of_record.clone();
        let about = Identity::of_target(&record.target);
        // Any later scan of the name has records, too: those of the first scan prove that the addresses differ, and the
        // first one of each address stands for what a policy said.
        let is_of_first_scan = self.differing_since(&about) == Some(seen);
        proven.extend(divergence_of(record).filter(|_| is_of_first_scan));
        let denials = denials_of(record).filter(|denial| self.open.contains(denial));
        let denials: Vec<Fingerprint> = denials.collect();
        if !denials.is_empty() && self.judged.insert((about, record.address())) {
            proven.extend(denials);
        }
        for fingerprint in &proven {
            let day = ScanTime(seen).day();
            let last = self.last_seen.entry(*fingerprint).or_insert(day);
            *last = day.max(*last);
        }
        if !proven.is_empty() {
            self.evaluator.as_of(seen);
            let rest = self.without_what_was_asked_again(record);
            let still_proven: HashSet<Fingerprint> = findings_of(self.policy, seen, &rest)
                .map(|finding| finding.fingerprint)
                .collect();
            let is_enough = (of_record.iter()).all(|finding| still_proven.contains(finding));
            self.evaluator.add(if is_enough { &rest } else { record });
        }
        !proven.is_empty()
    }

    /// A record without what this scan asked again: of that, its own findings say what is open.
    fn without_what_was_asked_again(&self, record: &EndpointReport) -> EndpointReport {
        let about = Identity::of_target(&record.target);
        let address = record.address();
        let mut rest = record.clone();
        if !address.is_some_and(|address| self.snapshot.is_silent_at(&about, address)) {
            let is_unknown = |path: &String| {
                let path = std::iter::once(path);
                !self.snapshot.not_asked(&about, path).is_empty()
            };
            rest.grants.retain(|grant| is_unknown(&grant.path));
        }
        rest
    }

    /// What is carried: the findings that the records prove, and when they were last seen.
    pub fn finish(self) -> Carried {
        let Self {
            now,
            snapshot,
            last_seen,
            evaluator,
            mut of_policies,
            today,
            ..
        } = self;
        for finding in &mut of_policies {
            if let Some(acceptance) = &mut finding.acceptance {
                acceptance.in_force = today <= acceptance.expires;
            }
        }
        let mut evaluation = evaluator.finish(&Coverage::default());
        evaluation.findings.append(&mut of_policies);
        evaluation.sort();
        let found_now: HashMap<Fingerprint, &Finding> = (now.standing())
            .map(|finding| (finding.fingerprint, finding))
            .collect();
        let mut further = Vec::new();
        let carried = |mut finding: Finding| {
            let day = *last_seen.get(&finding.fingerprint)?;
            // Platforms know one finding of a fingerprint.
            if let Some(found) = found_now.get(&finding.fingerprint) {
                let open = finding.open.difference(&found.open);
                let open = if is_at_silent_address(&finding, snapshot) {
                    listed(open.map(String::as_str))
                } else {
                    listed(snapshot.not_asked(&finding.about, open))
                };
                if !open.is_empty() {
                    let text = format!("open when last asked, on {day}: {open}");
                    further.push((finding.fingerprint, text));
                }
                return None;
            }
            let silence = snapshot.silence(&finding.about);
            finding.message = format!("{} ({silence}; last seen {day})", finding.message);
            (finding.sites).dedup_by(|one, other| one.endpoint == other.endpoint);
            Some(Finding {
                baseline: Some(BaselineState::Unchanged),
                last_seen: Some(day),
                ..finding
            })
        };
        let findings = evaluation.findings.into_iter();
        Carried {
            findings: findings.filter_map(carried).collect(),
            further,
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
    let mut others = divergence_of(record).into_iter().chain(denials_of(record));
    proven.any(|fingerprint| findings.contains(&fingerprint))
        || others.any(|fingerprint| findings.contains(&fingerprint))
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

/// The findings that policies may have made for the target of a record.
fn denials_of(record: &EndpointReport) -> impl Iterator<Item = Fingerprint> {
    let about = Identity::of_target(&record.target);
    let rules = [rego::DENIED.id, rego::WARNED.id].into_iter();
    rules.map(move |rule| Fingerprint::of(rule, &about))
}

/// The finding that the addresses of a name differ, for which the records of all of them are needed.
fn divergence_of(record: &EndpointReport) -> Option<Fingerprint> {
    let is_name = matches!(record.target.host, Host::Name(_));
    (is_name && divergence::has_result(record))
        .then(|| Fingerprint::of(divergence::RULE.id, &Identity::of_target(&record.target)))
}
