//! Applies the rules to the records of a scan and collects the findings.

use std::cmp::Reverse;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;

use super::culprits::{Culprits, name};
use super::rules::divergence::{self, AddressResult, ByScan};
use super::rules::hit::{Hit, ScanTime, confidence};
use super::rules::{REGISTRY, anonymous_access, coverage};
use super::settings::Policy;
use crate::config::ScanHeader;
use crate::model::{
    Coverage, EndpointReport, FailureKind, Finding, Fingerprint, Host, Identity, Origin, Outage,
    Rule, Severity, SinceReported, Site, SpecCoverage, Target, TargetNames, UnusedAcceptance,
    Verdict,
};

/// What the rules found in one scan.
#[derive(Debug, Clone, Default)]
pub struct Evaluation {
    /// The findings, the worst first.
    pub findings: Vec<Finding>,
    /// Endpoints by verdict, if the finding that explains the verdict is accepted.
    pub accepted_verdicts: BTreeMap<Verdict, u64>,
    /// What became of the endpoints that another scanner reported.
    pub since_reported: BTreeMap<SinceReported, u64>,
    /// The acceptances that match no finding, in the order of the settings.
    pub unused_acceptances: Vec<UnusedAcceptance>,
    /// The outage since the baseline, if there is one.
    pub outage: Option<Outage>,
    /// The other endpoints by verdict, for the verdicts that can be a threshold.
    pub(super) culprits: BTreeMap<Verdict, Culprits>,
    /// Targets and specifications with a verdict: findings of the baseline that are missing there are gone.
    pub(super) with_verdict: HashSet<Identity>,
    /// Specifications without a verdict whose missing verdict is accepted.
    pub(super) accepted_gaps: HashSet<Identity>,
}

impl Evaluation {
    /// Adds the findings of another evaluation of the same scan, with the acceptances that they use.
    pub fn add(&mut self, other: Self) {
        (self.unused_acceptances).retain(|unused| other.unused_acceptances.contains(unused));
        self.findings.extend(other.findings);
        self.sort();
    }

    pub(super) fn sort(&mut self) {
        self.findings
            .sort_by(|one, other| one.order_key().cmp(&other.order_key()));
    }
}

/// Takes records in any order and keeps only what the findings need.
pub struct Evaluator<'a> {
    pub(super) policy: &'a Policy,
    time: ScanTime,
    /// The headers of the scan, as `name: value`.
    headers: Arc<[String]>,
    /// The day on which acceptances must be in force, if it is not that of the scan.
    acceptance_day: Option<Date>,
    findings: HashMap<Fingerprint, Candidate>,
    /// The results of all addresses of a name.
    addresses: HashMap<Identity, (Subject, ByScan)>,
    /// Specifications with an endpoint that contradicts the expected verdict, and whether all findings that say so are
    /// accepted.
    contradicted: HashMap<Arc<Origin>, bool>,
    /// Specifications with another way into the cluster than the API server, and whether all its findings are
    /// accepted.
    other_ways_in: HashMap<Arc<Origin>, bool>,
    /// How attempts at named targets failed, by specification.
    failures: HashMap<Arc<Origin>, BTreeSet<FailureKind>>,
    /// Which acceptances match a finding.
    used_acceptances: Vec<bool>,
    evaluation: Evaluation,
}

/// A finding, with the verdict, number of open paths and address of the site that its message is about: the worst
/// site, or among equals the one with the lowest address. So the order of records does not matter.
struct Candidate {
    finding: Finding,
    message_from: (Option<Verdict>, Reverse<usize>, Option<SocketAddr>),
}

/// What a finding is about.
#[derive(Clone)]
pub(super) struct Subject {
    pub(super) about: Identity,
    pub(super) index: Option<u64>,
    pub(super) origin: Arc<Origin>,
    pub(super) label: Option<Arc<str>>,
    /// The names that acceptances match; `None` if nothing is accepted.
    pub(super) names: Option<TargetNames>,
}

impl Subject {
    pub(super) fn target(target: &Target, with_names: bool) -> Self {
        Self {
            about: Identity::of_target(target),
            index: Some(target.index),
            origin: Arc::clone(&target.origin),
            label: target.label.clone(),
            names: with_names.then(|| TargetNames::of_target(target)),
        }
    }

    pub(super) fn specification(spec: &SpecCoverage, with_names: bool) -> Self {
        Self {
            about: Identity::of_specification(&spec.origin),
            index: None,
            origin: Arc::clone(&spec.origin),
            label: spec.label.clone(),
            names: with_names
                .then(|| TargetNames::of_specification(&spec.origin.text, spec.label.as_deref())),
        }
    }
}

#[cfg(feature = "rego")]
impl Subject {
    /// The report as a whole.
    pub(super) fn report(origin: &Arc<Origin>) -> Self {
        Self {
            about: Identity::of_specification(origin),
            index: None,
            origin: Arc::clone(origin),
            label: None,
            names: Some(TargetNames::of_specification(&origin.text, None)),
        }
    }
}

impl<'a> Evaluator<'a> {
    /// An evaluator for the records of a scan that began at this time.
    pub fn new(policy: &'a Policy, started: Timestamp) -> Self {
        Self {
            policy,
            time: ScanTime(started),
            headers: Arc::default(),
            acceptance_day: None,
            findings: HashMap::new(),
            addresses: HashMap::new(),
            contradicted: HashMap::new(),
            other_ways_in: HashMap::new(),
            failures: HashMap::new(),
            used_acceptances: vec![false; policy.accept.len()],
            evaluation: Evaluation::default(),
        }
    }

    /// Sets the headers that the scan of the following records added to every request.
    pub fn set_headers(&mut self, headers: &[ScanHeader]) {
        self.headers = headers.iter().map(ToString::to_string).collect();
    }

    /// Sets the time at which the scan of the following records began.
    pub fn as_of(&mut self, started: Timestamp) {
        self.time = ScanTime(started);
    }

    /// Sets the time that decides which acceptances are in force, in place of the time of each scan.
    pub fn accept_as_of(&mut self, time: Timestamp) {
        self.acceptance_day = Some(ScanTime(time).day());
    }

    /// Applies the rules for endpoints to a record.
    pub fn add(&mut self, report: &EndpointReport) {
        let subject = Subject::target(&report.target, !self.policy.accept.is_empty());
        if report.verdict.is_conclusive() || report.verdict == Verdict::NotApiServer {
            self.evaluation.with_verdict.insert(subject.about.clone());
        }
        if matches!(report.target.host, Host::Name(_)) {
            let (_, results) = self
                .addresses
                .entry(subject.about.clone())
                .or_insert_with(|| (subject.clone(), ByScan::default()));
            results.add(report);
        }
        if let Some(since) = SinceReported::of(report) {
            let counts = &mut self.evaluation.since_reported;
            *counts.entry(since).or_default() += 1;
        }
        let origin = &report.target.origin;
        if let Some(failure) = (report.failure.as_ref()).filter(|_| report.target.named) {
            let kinds = self.failures.entry(Arc::clone(origin)).or_default();
            kinds.insert(failure.kind);
        }
        let mut is_verdict_accepted = false;
        let mut worst = Severity::Note;
        let mut anonymous_access = anonymous_access::find(report);
        for entry in &REGISTRY {
            let rule = entry.rule;
            let chosen = anonymous_access.take_if(|(chosen, _)| *chosen == rule);
            let Some(hit) = chosen
                .map(|(_, hit)| hit)
                .or_else(|| entry.endpoint.and_then(|check| check(report, self.time)))
            else {
                continue;
            };
            // A finding is no more certain than the identification of the server.
            let hit = hit.at_most(confidence(report));
            worst = worst.min(self.policy.severity(rule));
            let is_contradiction = hit.expected.is_some();
            let accepted = self.record_at(rule, &subject, report, hit);
            if entry.other_way_in {
                let others = self.other_ways_in.entry(Arc::clone(origin));
                *others.or_insert(true) &= accepted;
            }
            if is_contradiction {
                let contradicted = self.contradicted.entry(Arc::clone(origin));
                *contradicted.or_insert(true) &= accepted;
            }
            is_verdict_accepted |= rule.anonymous_access && accepted;
        }
        self.count_verdict(report.verdict, is_verdict_accepted, &subject, worst);
    }

    /// Counts a verdict for the gate, with the severity of the worst finding.
    pub(super) fn count_verdict(
        &mut self,
        verdict: Verdict,
        is_accepted: bool,
        subject: &Subject,
        worst: Severity,
    ) {
        let Evaluation {
            accepted_verdicts,
            culprits,
            ..
        } = &mut self.evaluation;
        if is_accepted {
            *accepted_verdicts.entry(verdict).or_default() += 1;
        } else if verdict < Verdict::Rejected {
            let name = name(subject.label.as_deref(), subject.about.as_str());
            culprits.entry(verdict).or_default().add(name, worst);
        }
    }

    /// Applies the other rules and returns all findings.
    pub fn finish(mut self, coverage: &Coverage) -> Evaluation {
        for (subject, results) in std::mem::take(&mut self.addresses).into_values() {
            if let Some((_, results, hit)) = results.first_that_differs() {
                let site = |result: &AddressResult| {
                    Site::of(result.endpoint().clone(), Vec::new(), &[], &self.headers)
                };
                let sites = results.iter().map(site).collect();
                let worst = results.iter().map(AddressResult::verdict).min();
                self.record(&divergence::RULE, &subject, worst, sites, hit);
            }
        }
        for spec in &coverage.specs {
            let subject = Subject::specification(spec, !self.policy.accept.is_empty());
            if spec.covered {
                self.evaluation.with_verdict.insert(subject.about.clone());
            }
            let failures = self.failures.remove(&spec.origin).unwrap_or_default();
            // Whether the finding that already reports this problem is accepted; `None` without such a finding.
            let mut reported = self.contradicted.get(&spec.origin).copied();
            for entry in &REGISTRY {
                let rule = entry.rule;
                let check = entry.specification;
                let Some(hit) = check.and_then(|check| check(spec, &failures)) else {
                    continue;
                };
                let is_gap = rule.id == coverage::NOT_COVERED.id;
                let other_way_in = self.other_ways_in.get(&spec.origin).copied();
                let accepted = match reported.or(other_way_in.filter(|_| is_gap)) {
                    Some(accepted) => accepted,
                    None => {
                        self.record(rule, &subject, spec.seen.first().copied(), Vec::new(), hit)
                    }
                };
                reported = Some(accepted);
                if accepted && is_gap {
                    self.evaluation.accepted_gaps.insert(subject.about.clone());
                }
            }
        }
        let candidates = self.findings.into_values();
        self.evaluation.findings = candidates.map(|candidate| candidate.finding).collect();
        for finding in &mut self.evaluation.findings {
            finding.sites.sort_by_key(|site| site.endpoint.address());
        }
        self.evaluation.sort();
        let unused = (self.policy.accept.iter().zip(&self.used_acceptances))
            .filter(|(_, is_used)| !**is_used)
            .map(|(entry, _)| entry.unused());
        self.evaluation.unused_acceptances = unused.collect();
        self.evaluation
    }

    /// Adds a finding at the endpoint of a record, and returns whether it is accepted.
    pub(super) fn record_at(
        &mut self,
        rule: &'static Rule,
        subject: &Subject,
        report: &EndpointReport,
        hit: Hit,
    ) -> bool {
        let sites = report.endpoint.iter().map(|endpoint| {
            let requests = hit.requests.clone();
            Site::of(endpoint.clone(), requests, &report.requests, &self.headers)
        });
        self.record(rule, subject, Some(report.verdict), sites.collect(), hit)
    }

    /// Adds a finding and returns whether it is accepted. The addresses of a name are sites of one finding.
    pub(super) fn record(
        &mut self,
        rule: &'static Rule,
        subject: &Subject,
        verdict: Option<Verdict>,
        sites: Vec<Site>,
        hit: Hit,
    ) -> bool {
        let severity = self.policy.severity(rule);
        let names = subject.names.as_ref();
        let matching = names.map_or_else(Vec::new, |names| {
            self.policy.matching(rule, severity, names)
        });
        for index in &matching {
            self.used_acceptances[*index] = true;
        }
        let day = self.acceptance_day.unwrap_or_else(|| self.time.day());
        let acceptance = self.policy.acceptance(&matching, day);
        let fingerprint = Fingerprint::of(rule.id, &subject.about);
        let remediation = hit.remediation.unwrap_or_else(|| rule.remediation());
        let finding = Finding {
            rule,
            severity,
            confidence: hit.confidence,
            about: subject.about.clone(),
            index: subject.index,
            origin: Arc::clone(&subject.origin),
            label: subject.label.clone(),
            sites,
            verdict,
            expected: hit.expected,
            message: hit.message,
            remediation,
            open: hit.open,
            rests_on: hit.rests_on,
            needs: hit.needs,
            fingerprint,
            baseline: None,
            acceptance,
            last_seen: None,
        };
        let accepted = finding.accepted();
        let finding_open = finding.open.len();
        let first_address = (finding.sites.first()).and_then(|site| site.endpoint.address());
        let mut new = Candidate {
            finding,
            message_from: (verdict, Reverse(finding_open), first_address),
        };
        match self.findings.entry(fingerprint) {
            Entry::Vacant(entry) => drop(entry.insert(new)),
            Entry::Occupied(mut entry) => {
                let known = entry.get_mut();
                if new.message_from < known.message_from {
                    std::mem::swap(known, &mut new);
                }
                known.finding.sites.append(&mut new.finding.sites);
                known.finding.open.append(&mut new.finding.open);
                known.finding.rests_on.append(&mut new.finding.rests_on);
                known.finding.needs.append(&mut new.finding.needs);
                // The worst verdict is that of the message.
                known.finding.expected = known.finding.expected.or(new.finding.expected);
            }
        }
        accepted
    }
}
