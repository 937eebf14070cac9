//! Runs the rules over a scan's records as they come, and puts what they say together.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;

use jiff::Timestamp;

use super::rules::divergence::{self, Face};
use super::rules::{
    BESIDE, Context, Hit, OF_ENDPOINTS, OF_SPECIFICATIONS, anonymous_auth, coverage, expectation,
    exposure, public_info,
};
use super::{Policy, acceptance};
use crate::model::{
    Confidence, Coverage, EndpointReport, Finding, Fingerprint, Host, Identity, Origin, Rule,
    Severity, Site, SpecCoverage, Target, TargetNames, Verdict,
};

/// What the rules found in one scan.
#[derive(Debug, Clone, Default)]
pub struct Judged {
    /// The findings: worst first, then in the order of the target set.
    pub findings: Vec<Finding>,
    /// Endpoints by verdict of which somebody accepted every finding that explains the verdict.
    pub accepted_verdicts: BTreeMap<Verdict, u64>,
    /// Whom this scan gave a verdict, so that what is not found any more is gone.
    pub(super) settled: HashSet<Identity>,
    /// Specifications without a verdict on an API server of which somebody accepted all that was found.
    pub(super) excused: HashSet<Identity>,
}

/// Takes in records, in any order, and keeps no more of them than its findings need.
pub struct Evaluator<'a> {
    policy: &'a Policy,
    context: Context,
    findings: HashMap<Fingerprint, Found>,
    /// What each address of a name showed.
    faces: HashMap<Identity, (Subject, Vec<Face>)>,
    /// Specifications of which an endpoint contradicted the expectation.
    contradicted: HashSet<Arc<Origin>>,
    /// Specifications of which an endpoint is a way in beside the API server, and whether somebody accepted
    /// all that was found of it.
    beside: HashMap<Arc<Origin>, bool>,
    judged: Judged,
}

/// A finding, and the site whose sentence it says: the worst, then the lowest address, whichever
/// record came first.
struct Found {
    finding: Finding,
    from: (Severity, Option<SocketAddr>),
}

/// What a finding is about.
#[derive(Clone)]
struct Subject {
    about: Identity,
    index: Option<u64>,
    origin: Arc<Origin>,
    label: Option<Arc<str>>,
    /// What acceptances are compared with; `None` where there are none.
    names: Option<TargetNames>,
}

impl Subject {
    fn target(target: &Target, named: bool) -> Self {
        Self {
            about: Identity::of_target(target),
            index: Some(target.index),
            origin: Arc::clone(&target.origin),
            label: target.label.clone(),
            names: named.then(|| TargetNames::of_target(target)),
        }
    }

    fn specification(spec: &SpecCoverage, named: bool) -> Self {
        Self {
            about: Identity::of_specification(&spec.origin),
            index: None,
            origin: Arc::clone(&spec.origin),
            label: spec.label.clone(),
            names: named
                .then(|| TargetNames::of_specification(&spec.origin.text, spec.label.as_deref())),
        }
    }
}

/// The rules whose findings say what a verdict says.
pub(super) fn explains(rule: &Rule, verdict: Verdict) -> bool {
    let by: &[&Rule] = match verdict {
        Verdict::Exposed => &[
            &exposure::RESOURCES,
            &exposure::DISCOVERY,
            &exposure::TELEMETRY,
        ],
        Verdict::Forbidden => &[&anonymous_auth::RULE],
        Verdict::Limited => &[&public_info::VERSION, &public_info::HEALTH],
        _ => &[],
    };
    by.iter().any(|one| one.id == rule.id)
}

impl<'a> Evaluator<'a> {
    /// For a scan that began then.
    pub fn new(policy: &'a Policy, started: Timestamp) -> Self {
        Self {
            policy,
            context: Context { at: started },
            findings: HashMap::new(),
            faces: HashMap::new(),
            contradicted: HashSet::new(),
            beside: HashMap::new(),
            judged: Judged::default(),
        }
    }

    /// The records that follow are of a scan that began then.
    pub fn as_of(&mut self, started: Timestamp) {
        self.context = Context { at: started };
    }

    /// Takes in one record.
    pub fn add(&mut self, report: &EndpointReport) {
        let subject = Subject::target(&report.target, !self.policy.accept.is_empty());
        if report.verdict.is_conclusive() || report.verdict == Verdict::NotApiServer {
            self.judged.settled.insert(subject.about.clone());
        }
        if let (Host::Name(_), Some(face)) = (&report.target.host, Face::of(report)) {
            let (_, faces) = self
                .faces
                .entry(subject.about.clone())
                .or_insert_with(|| (subject.clone(), Vec::new()));
            faces.push(face);
        }
        // No finding is surer than what answered here.
        let sure = report
            .identification
            .as_ref()
            .map_or(Confidence::High, |found| found.confidence);
        let mut explained = Vec::new();
        for (rule, check) in OF_ENDPOINTS {
            let Some(hit) = check(report, self.context).map(|hit| hit.at_most(sure)) else {
                continue;
            };
            if rule.id == expectation::RULE.id {
                self.contradicted.insert(Arc::clone(&report.target.origin));
            }
            let sites = report.endpoint.iter().map(|endpoint| Site {
                endpoint: endpoint.clone(),
                requests: hit.requests.clone(),
            });
            let accepted = self.found(rule, &subject, sites.collect(), hit);
            if BESIDE.iter().any(|beside| beside.id == rule.id) {
                *self
                    .beside
                    .entry(Arc::clone(&report.target.origin))
                    .or_insert(true) &= accepted;
            }
            if explains(rule, report.verdict) {
                explained.push(accepted);
            }
        }
        if !explained.is_empty() && explained.iter().all(|accepted| *accepted) {
            *self
                .judged
                .accepted_verdicts
                .entry(report.verdict)
                .or_default() += 1;
        }
    }

    /// The findings, when all records are in.
    pub fn finish(mut self, coverage: &Coverage) -> Judged {
        for (subject, mut faces) in std::mem::take(&mut self.faces).into_values() {
            faces.sort_by_key(|face| face.endpoint().address());
            if let Some(hit) = divergence::check(&faces) {
                let site = |face: &Face| Site {
                    endpoint: face.endpoint().clone(),
                    requests: Vec::new(),
                };
                self.found(
                    &divergence::RULE,
                    &subject,
                    faces.iter().map(site).collect(),
                    hit,
                );
            }
        }
        for spec in &coverage.specs {
            let subject = Subject::specification(spec, !self.policy.accept.is_empty());
            if spec.covered {
                self.judged.settled.insert(subject.about.clone());
            }
            for (rule, check) in OF_SPECIFICATIONS {
                let Some(hit) = check(spec) else { continue };
                let accepted = match self.said_of_endpoints(rule, spec) {
                    Some(accepted) => accepted,
                    None => self.found(rule, &subject, Vec::new(), hit),
                };
                if accepted && rule.id == coverage::NOT_COVERED.id {
                    self.judged.excused.insert(subject.about.clone());
                }
            }
        }
        let mut judged = self.judged;
        judged.findings = self
            .findings
            .into_values()
            .map(|found| found.finding)
            .collect();
        for finding in &mut judged.findings {
            finding.sites.sort_by_key(|site| site.endpoint.address());
        }
        judged
            .findings
            .sort_by(|one, other| one.order_key().cmp(&other.order_key()));
        judged
    }

    /// Where endpoints of a specification say already what a rule says of the whole: whether that is
    /// accepted.
    fn said_of_endpoints(&self, rule: &Rule, spec: &SpecCoverage) -> Option<bool> {
        if rule.id == expectation::RULE.id {
            return self.contradicted.contains(&spec.origin).then_some(false);
        }
        self.beside.get(&spec.origin).copied()
    }

    /// Notes what a rule said, and returns whether somebody accepted it. Addresses of one name are
    /// sites of one finding.
    fn found(
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
            // What matters less here than elsewhere is not raised by what is said of the rule.
            Some((_, set)) if own > rule.severity => own.max(*set),
            Some((_, set)) => *set,
            None => own,
        };
        let today = self.context.today();
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
        let from = (
            severity,
            finding
                .sites
                .first()
                .and_then(|site| site.endpoint.address()),
        );
        match self.findings.get_mut(&fingerprint) {
            None => drop(self.findings.insert(fingerprint, Found { finding, from })),
            Some(known) => {
                let mut new = finding;
                if from < known.from {
                    std::mem::swap(&mut known.finding, &mut new);
                    known.from = from;
                }
                known.finding.sites.append(&mut new.sites);
                known.finding.open.append(&mut new.open);
            }
        }
        accepted
    }
}
