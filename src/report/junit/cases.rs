//! The findings of each test case, and the result of the case.
//!
//! A finding about a whole specification belongs to the endpoint with its most open verdict. If no such endpoint
//! has a case (it was not asked, or silent addresses are only counted), it becomes a case of its own.

use std::borrow::Cow;
use std::collections::HashMap;

use super::super::findings_by_endpoint::FindingsByEndpoint;
use super::super::phrases;
use super::super::results::Results;
use super::super::specification_text::SpecificationText;
use crate::model::{EndpointReport, Finding, Host, Identity, Origin, Severity, Target, Verdict};

/// The result of a test case.
pub(super) enum CaseResult<'a> {
    Passed,
    Failed(Vec<&'a Finding>),
    /// The test ran and proves nothing.
    Error {
        kind: &'static str,
        reason: Cow<'a, str>,
    },
    Skipped,
}

impl<'a> CaseResult<'a> {
    pub(super) fn of_endpoint(report: &'a EndpointReport, findings: &[&'a Finding]) -> Self {
        match (report.verdict, Self::of_findings(findings)) {
            (_, Some(failed @ Self::Failed(_))) => failed,
            (Verdict::Inconclusive, _) if report.target.expect != Some(Verdict::Inconclusive) => {
                Self::Error {
                    kind: Verdict::Inconclusive.as_str(),
                    reason: report.reason.as_str().into(),
                }
            }
            (_, Some(error)) => error,
            (verdict, None) if verdict.has_no_answer() => Self::Skipped,
            (_, None) => Self::Passed,
        }
    }

    /// The result of what has no endpoint. A target never passes, because nothing was seen. What is no target, such as a
    /// configuration file or the report as a whole, passes unless a finding is severe.
    pub(super) fn without_endpoint(of: &SpecificationFindings<'a>) -> Self {
        match Self::of_findings(&of.findings) {
            Some(failed @ Self::Failed(_)) => failed,
            _ if !of.is_target => Self::Passed,
            Some(error) => error,
            None => Self::Skipped,
        }
    }

    /// The result of a scan without endpoints and findings: it passes unless it left something out.
    pub(super) fn of_scan(results: &Results<'_>) -> Self {
        let coverage = &results.summary.coverage;
        if coverage.is_complete() {
            return Self::Passed;
        }
        Self::Error {
            kind: "incomplete",
            reason: results.outcome.sentence.to_owned().into(),
        }
    }

    fn of_findings(findings: &[&'a Finding]) -> Option<Self> {
        let failing: Vec<&Finding> = findings.iter().copied().filter(|f| fails(f)).collect();
        if !failing.is_empty() {
            return Some(Self::Failed(failing));
        }
        let is_error = |finding: &&&Finding| finding.index.is_none() && finding.counts();
        let of_specification = findings.iter().find(is_error)?;
        Some(Self::Error {
            kind: of_specification.rule.id,
            reason: phrases::finding_text(of_specification),
        })
    }

    /// The findings that the element for the result does not list.
    pub(super) fn other_findings<'b>(
        &self,
        findings: &'b [&'a Finding],
    ) -> impl Iterator<Item = &'b &'a Finding> {
        let failed = matches!(self, Self::Failed(_));
        (findings.iter()).filter(move |finding| !failed || !fails(finding))
    }
}

/// Whether a finding fails its case. An accepted one does not.
fn fails(finding: &Finding) -> bool {
    let threshold = if finding.open.is_empty() {
        Severity::High
    } else {
        Severity::Medium
    };
    finding.counts() && finding.severity <= threshold
}

/// The findings that count and those that are accepted, without notes. Each finding goes to one case.
pub(super) struct CaseFindings<'a> {
    of_endpoints: FindingsByEndpoint<'a>,
    of_specifications: HashMap<&'a Origin, SpecificationFindings<'a>>,
    /// The findings about configurations, by what they are about.
    of_configurations: HashMap<&'a Identity, SpecificationFindings<'a>>,
    /// The specifications that have findings, by the host that they name.
    texts: HashMap<Host, Vec<(SpecificationText<'a>, &'a Origin)>>,
}

/// The findings about a specification as a whole.
#[derive(Default)]
pub(super) struct SpecificationFindings<'a> {
    /// Whether the scan had it as a target.
    pub(super) is_target: bool,
    /// The verdicts of its endpoints, most open first.
    pub(super) seen: &'a [Verdict],
    pub(super) findings: Vec<&'a Finding>,
}

impl<'a> CaseFindings<'a> {
    pub(super) fn new(results: &Results<'a>) -> Self {
        let (of_specifications, of_endpoints): (Vec<_>, Vec<_>) = results
            .counting_findings()
            .chain(results.accepted_findings())
            .filter(|finding| finding.severity < Severity::Note)
            .partition(|finding| finding.index.is_none());
        let mut this = Self {
            of_endpoints: FindingsByEndpoint::new(of_endpoints),
            of_specifications: HashMap::new(),
            of_configurations: HashMap::new(),
            texts: HashMap::new(),
        };
        for finding in of_specifications {
            let origin = &*finding.origin;
            // What is found about a server stands at several places of its file.
            let of_subject = if origin.is_in_configuration() {
                this.of_configurations.entry(&finding.about).or_default()
            } else {
                this.of_specifications.entry(origin).or_default()
            };
            of_subject.findings.push(finding);
        }
        for spec in &results.summary.coverage.specs {
            let Some(of_origin) = this.of_specifications.get_mut(&*spec.origin) else {
                continue;
            };
            of_origin.is_target = true;
            of_origin.seen = &spec.seen;
            if let Some(text) = SpecificationText::parse(&spec.origin.text) {
                let of_host = this.texts.entry(text.host().clone()).or_default();
                of_host.push((text, &*spec.origin));
            }
        }
        this
    }

    /// The findings for the case of an endpoint, worst first.
    pub(super) fn take(&mut self, report: &EndpointReport) -> Vec<&'a Finding> {
        let mut findings = self.of_endpoints.of(report).to_vec();
        let target = &report.target;
        let same_host = self.texts.get(&target.host).into_iter().flatten();
        let others = same_host.filter(|(text, origin)| also_names(target, text, origin));
        for origin in others.map(|(_, origin)| *origin).chain([&*target.origin]) {
            let of_origin = self.of_specifications.get(origin);
            let most_open = of_origin.and_then(|of_origin| of_origin.seen.first());
            if most_open == Some(&report.verdict) {
                let taken = self.of_specifications.remove(origin);
                findings.extend(taken.into_iter().flat_map(|taken| taken.findings));
            }
        }
        findings.sort_by_key(|finding| finding.severity);
        findings
    }

    /// The findings that no case of an endpoint took.
    pub(super) fn without_endpoint(self) -> Vec<SpecificationFindings<'a>> {
        let of_specifications = self.of_specifications.into_values();
        let mut left: Vec<_> =
            (of_specifications.chain(self.of_configurations.into_values())).collect();
        left.sort_by(|one, other| {
            let key = |left: &SpecificationFindings<'a>| {
                left.findings.first().map(|finding| finding.order_key())
            };
            key(one).cmp(&key(other))
        });
        left
    }
}

/// Whether a specification also names a target whose first specification is another one.
fn also_names(target: &Target, text: &SpecificationText<'_>, origin: &Origin) -> bool {
    match target.specs.len() {
        // A merged report does not know which specifications name a target.
        0 => origin.text == target.origin.text || (text.has_port() && text.names(target)),
        // Only the first specification names it.
        1 => false,
        _ => text.names(target),
    }
}
