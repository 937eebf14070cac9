//! Applies the rules to the records of a scan and collects the findings.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;

use jiff::Timestamp;

use super::rules::divergence::{self, AddressResult};
use super::rules::{Hit, REGISTRY, ScanTime, coverage, expectation};
use super::{Policy, acceptance};
use crate::model::{
    Confidence, Coverage, EndpointReport, Finding, Fingerprint, Host, Identity, Origin, Rule,
    Severity, Site, SpecCoverage, Target, TargetNames, Verdict,
};

/// What the rules found in one scan.
#[derive(Debug, Clone, Default)]
pub struct Evaluation {
    /// The findings: worst first, then in the order of the target set.
    pub findings: Vec<Finding>,
    /// Endpoints by verdict, if every finding that explains the verdict is accepted.
    pub accepted_verdicts: BTreeMap<Verdict, u64>,
    /// Targets and specifications with a verdict: findings of the baseline that are missing there are gone.
    pub(super) with_verdict: HashSet<Identity>,
    /// Specifications without a verdict whose missing verdict is accepted.
    pub(super) accepted_gaps: HashSet<Identity>,
}

/// Takes records in any order and keeps only what the findings need.
pub struct Evaluator<'a> {
    policy: &'a Policy,
    time: ScanTime,
    findings: HashMap<Fingerprint, Candidate>,
    /// The results of all addresses of a name.
    addresses: HashMap<Identity, (Subject, Vec<AddressResult>)>,
    /// Specifications with an endpoint that contradicts the expected verdict.
    contradicted: HashSet<Arc<Origin>>,
    /// Specifications with another way into the cluster than the API server, and whether all its findings are
    /// accepted.
    other_ways_in: HashMap<Arc<Origin>, bool>,
    evaluation: Evaluation,
}

/// A finding, with the severity and address that its message is from. The worst site provides the message, or the
/// lowest address among equals, so the order of records does not matter.
struct Candidate {
    finding: Finding,
    message_from: (Severity, Option<SocketAddr>),
}

/// What a finding is about.
#[derive(Clone)]
struct Subject {
    about: Identity,
    index: Option<u64>,
    origin: Arc<Origin>,
    label: Option<Arc<str>>,
    /// The names that acceptances match; `None` if nothing is accepted.
    names: Option<TargetNames>,
}

impl Subject {
    fn target(target: &Target, with_names: bool) -> Self {
        Self {
            about: Identity::of_target(target),
            index: Some(target.index),
            origin: Arc::clone(&target.origin),
            label: target.label.clone(),
            names: with_names.then(|| TargetNames::of_target(target)),
        }
    }

    fn specification(spec: &SpecCoverage, with_names: bool) -> Self {
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

/// Whether the findings of a rule explain a verdict.
pub(super) fn explains(rule: &Rule, verdict: Verdict) -> bool {
    let mut registry = REGISTRY.iter();
    registry.any(|entry| entry.rule.id == rule.id && entry.explains == Some(verdict))
}

impl<'a> Evaluator<'a> {
    /// For the records of a scan that began at this time.
    pub fn new(policy: &'a Policy, started: Timestamp) -> Self {
        Self {
            policy,
            time: ScanTime(started),
            findings: HashMap::new(),
            addresses: HashMap::new(),
            contradicted: HashSet::new(),
            other_ways_in: HashMap::new(),
            evaluation: Evaluation::default(),
        }
    }

    /// The following records are from a scan that began at this time.
    pub fn as_of(&mut self, started: Timestamp) {
        self.time = ScanTime(started);
    }

    /// Applies the rules for endpoints to a record.
    pub fn add(&mut self, report: &EndpointReport) {
        let subject = Subject::target(&report.target, !self.policy.accept.is_empty());
        if report.verdict.is_conclusive() || report.verdict == Verdict::NotApiServer {
            self.evaluation.with_verdict.insert(subject.about.clone());
        }
        if let (Host::Name(_), Some(result)) = (&report.target.host, AddressResult::of(report)) {
            let (_, results) = self
                .addresses
                .entry(subject.about.clone())
                .or_insert_with(|| (subject.clone(), Vec::new()));
            results.push(result);
        }
        // A finding is no more certain than the identification of the server.
        let most_confident = report
            .identification
            .as_ref()
            .map_or(Confidence::High, |found| found.confidence);
        let mut explained = Vec::new();
        for entry in &REGISTRY {
            let rule = entry.rule;
            let Some(hit) = entry.endpoint.and_then(|check| check(report, self.time)) else {
                continue;
            };
            let hit = hit.at_most(most_confident);
            if rule.id == expectation::RULE.id {
                self.contradicted.insert(Arc::clone(&report.target.origin));
            }
            let sites = report.endpoint.iter().map(|endpoint| Site {
                endpoint: endpoint.clone(),
                requests: hit.requests.clone(),
            });
            let accepted = self.record(rule, &subject, sites.collect(), hit);
            if entry.other_way_in {
                *self
                    .other_ways_in
                    .entry(Arc::clone(&report.target.origin))
                    .or_insert(true) &= accepted;
            }
            if entry.explains == Some(report.verdict) {
                explained.push(accepted);
            }
        }
        if !explained.is_empty() && explained.iter().all(|accepted| *accepted) {
            *self
                .evaluation
                .accepted_verdicts
                .entry(report.verdict)
                .or_default() += 1;
        }
    }

    /// Applies the other rules and returns all findings.
    pub fn finish(mut self, coverage: &Coverage) -> Evaluation {
        for (subject, mut results) in std::mem::take(&mut self.addresses).into_values() {
            results.sort_by_key(|result| result.endpoint().address());
            if let Some(hit) = divergence::check(&results) {
                let site = |result: &AddressResult| Site {
                    endpoint: result.endpoint().clone(),
                    requests: Vec::new(),
                };
                self.record(
                    &divergence::RULE,
                    &subject,
                    results.iter().map(site).collect(),
                    hit,
                );
            }
        }
        for spec in &coverage.specs {
            let subject = Subject::specification(spec, !self.policy.accept.is_empty());
            if spec.covered {
                self.evaluation.with_verdict.insert(subject.about.clone());
            }
            for entry in &REGISTRY {
                let rule = entry.rule;
                let Some(hit) = entry.specification.and_then(|check| check(spec)) else {
                    continue;
                };
                let accepted = match self.found_at_endpoints(rule, spec) {
                    Some(accepted) => accepted,
                    None => self.record(rule, &subject, Vec::new(), hit),
                };
                if accepted && rule.id == coverage::NOT_COVERED.id {
                    self.evaluation.accepted_gaps.insert(subject.about.clone());
                }
            }
        }
        let mut evaluation = self.evaluation;
        evaluation.findings = self
            .findings
            .into_values()
            .map(|candidate| candidate.finding)
            .collect();
        for finding in &mut evaluation.findings {
            finding.sites.sort_by_key(|site| site.endpoint.address());
        }
        evaluation
            .findings
            .sort_by(|one, other| one.order_key().cmp(&other.order_key()));
        evaluation
    }

    /// If findings at endpoints already say the same as this rule about a specification: whether they are
    /// accepted.
    fn found_at_endpoints(&self, rule: &Rule, spec: &SpecCoverage) -> Option<bool> {
        if rule.id == expectation::RULE.id {
            return self.contradicted.contains(&spec.origin).then_some(false);
        }
        self.other_ways_in.get(&spec.origin).copied()
    }

    /// Adds a finding and returns whether it is accepted. The addresses of a name are sites of one finding.
    fn record(
        &mut self,
        rule: &'static Rule,
        subject: &Subject,
        sites: Vec<Site>,
        hit: Hit,
    ) -> bool {
        let overridden = self
            .policy
            .severities
            .iter()
            .rev()
            .find(|(of, _)| of.id == rule.id);
        let own = hit.severity.unwrap_or(rule.severity);
        let severity = match overridden {
            // The settings never raise a finding that is less severe than its rule.
            Some((_, set)) if own > rule.severity => own.max(*set),
            Some((_, set)) => *set,
            None => own,
        };
        let today = self.time.day();
        let acceptance = subject
            .names
            .as_ref()
            .and_then(|names| acceptance::of(&self.policy.accept, rule, names, today));
        let fingerprint = Fingerprint::of(rule.id, &subject.about);
        let (remedy, remedy_url) = match hit.remedy {
            Some(known) => (known.text, known.url),
            None => (rule.remedy().to_owned(), None),
        };
        let finding = Finding {
            rule,
            severity,
            confidence: hit.confidence,
            about: subject.about.clone(),
            index: subject.index,
            origin: Arc::clone(&subject.origin),
            label: subject.label.clone(),
            sites,
            message: hit.message,
            remedy,
            remedy_url,
            open: hit.open,
            fingerprint,
            baseline: None,
            acceptance,
        };
        let accepted = finding.accepted();
        let message_from = (
            severity,
            finding
                .sites
                .first()
                .and_then(|site| site.endpoint.address()),
        );
        match self.findings.get_mut(&fingerprint) {
            None => drop(self.findings.insert(
                fingerprint,
                Candidate {
                    finding,
                    message_from,
                },
            )),
            Some(known) => {
                let mut new = finding;
                if message_from < known.message_from {
                    std::mem::swap(&mut known.finding, &mut new);
                    known.message_from = message_from;
                }
                known.finding.sites.append(&mut new.sites);
                known.finding.open.append(&mut new.open);
            }
        }
        accepted
    }
}
