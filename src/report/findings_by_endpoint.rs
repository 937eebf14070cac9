//! Finds the findings about an endpoint.

use std::collections::HashMap;

use super::phrases;
use crate::model::{Endpoint, EndpointReport, Finding, Identity, Severity, Verdict};
use crate::natural_order::Natural;

/// The findings of a scan by the endpoint or target that they are about.
pub(super) struct FindingsByEndpoint<'a> {
    of_endpoints: HashMap<&'a Endpoint, Vec<&'a Finding>>,
    /// For targets without an endpoint, such as names that do not resolve.
    of_targets: HashMap<&'a Identity, Vec<&'a Finding>>,
}

impl<'a> FindingsByEndpoint<'a> {
    pub(super) fn new(findings: impl IntoIterator<Item = &'a Finding>) -> Self {
        let mut this = Self {
            of_endpoints: HashMap::new(),
            of_targets: HashMap::new(),
        };
        for finding in findings {
            for site in &finding.sites {
                this.of_endpoints
                    .entry(&site.endpoint)
                    .or_default()
                    .push(finding);
            }
            if finding.sites.is_empty() && finding.index.is_some() {
                this.of_targets
                    .entry(&finding.about)
                    .or_default()
                    .push(finding);
            }
        }
        this
    }

    /// The findings about one endpoint, in their order.
    pub(super) fn of(&self, report: &EndpointReport) -> &[&'a Finding] {
        let found = match &report.endpoint {
            Some(endpoint) => self.of_endpoints.get(endpoint),
            None => self.of_targets.get(&Identity::of_target(&report.target)),
        };
        found.map_or(&[], Vec::as_slice)
    }

    /// The severity of the worst finding about one endpoint that counts.
    pub(super) fn worst(&self, report: &EndpointReport) -> Option<Severity> {
        let counting = self.of(report).iter().filter(|finding| finding.counts());
        counting.map(|finding| finding.severity).min()
    }

    /// Whether an endpoint is named first: it is exposed, or has a critical or high finding.
    pub(super) fn matters(&self, report: &EndpointReport) -> bool {
        let is_severe = self
            .worst(report)
            .is_some_and(|severity| severity <= Severity::High);
        is_severe || report.verdict == Verdict::Exposed
    }

    /// The sort key of endpoints: the worst verdict first, then the worst finding, then by name. An endpoint with a
    /// critical finding stands with the exposed ones, whatever its verdict. Of common verdicts, named targets come
    /// first.
    pub(super) fn order(&self, report: &EndpointReport) -> impl Ord + use<> {
        let severity = self.worst(report);
        let verdict = if severity == Some(Severity::Critical) {
            Verdict::Exposed
        } else {
            report.verdict
        };
        let unnamed = is_common(verdict) && !report.target.named;
        let name = Natural(phrases::endpoint_name(report));
        let found = (severity.is_none(), severity);
        (verdict, unnamed, found, report.verdict, name, report.order_key())
    }
}

/// Whether a verdict is so common in large scans that nobody wants to see every endpoint.
pub(super) fn is_common(verdict: Verdict) -> bool {
    verdict == Verdict::NotApiServer || verdict.has_no_answer()
}
