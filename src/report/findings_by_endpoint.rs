//! Finds the findings about an endpoint.

use std::collections::HashMap;

use super::phrases;
use crate::model::{Acceptance, Endpoint, EndpointReport, Finding, Identity, Severity, Verdict};
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

    /// `accepted until 2027-01-01: behind a VPN`, if somebody accepted the finding that explains the verdict of an
    /// endpoint. The gate does not count such an endpoint.
    fn accepted_until(&self, report: &EndpointReport) -> Option<String> {
        let mut explaining = self.of(report).iter().copied();
        let is_accepted = |finding: &&Finding| finding.rule.anonymous_access && finding.accepted();
        let Acceptance {
            reason, expires, ..
        } = explaining.find(is_accepted)?.acceptance.as_ref()?;
        Some(format!("accepted until {expires}: {reason}"))
    }

    /// The acceptance, if there is one, and then what an anonymous caller may do.
    pub(super) fn anonymous_may(&self, report: &EndpointReport) -> String {
        let may = phrases::anonymous_may(report);
        match self.accepted_until(report) {
            Some(accepted) => format!("{accepted}; {may}"),
            None => may,
        }
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
        (
            verdict,
            unnamed,
            found,
            report.verdict,
            name,
            report.order_key(),
        )
    }
}

/// Whether a verdict is so common in large scans that nobody wants to see every endpoint.
pub(super) fn is_common(verdict: Verdict) -> bool {
    verdict == Verdict::NotApiServer || verdict.has_no_answer()
}

#[cfg(test)]
mod tests {
    use super::super::{Format, sample};
    use super::*;

    #[test]
    fn an_endpoint_is_accepted_with_the_finding_that_explains_its_verdict() {
        let mut sample = sample::mixed();
        let lab = &sample.reports[5];
        let accepted = |sample: &[Finding]| FindingsByEndpoint::new(sample).accepted_until(lab);
        assert_eq!(
            accepted(&sample.findings).as_deref(),
            Some("accepted until 2027-01-31: a lab, behind the VPN")
        );
        let acceptance = sample.findings[4].acceptance.clone();
        sample
            .findings
            .retain(|finding| finding.rule == &sample::HEALTH);
        sample.findings[0].acceptance = acceptance;
        assert_eq!(
            accepted(&sample.findings),
            None,
            "another finding is accepted"
        );
    }

    #[test]
    fn an_endpoint_with_a_critical_finding_is_among_the_worst() {
        let mut sample = sample::mixed();
        let other = sample.reports[8].clone();
        assert_eq!(other.verdict, Verdict::NotApiServer);
        sample.findings = vec![
            sample::finding(&sample::RESOURCES, &other, "anybody may read it"),
            sample::finding(
                &sample::RESOURCES,
                &sample.reports[0],
                "anybody may list it",
            ),
        ];
        let findings = FindingsByEndpoint::new(&sample.findings);
        assert!(findings.matters(&other));
        sample.reports.sort_by_key(|report| findings.order(report));
        let verdicts = |count: usize| sample.reports[..count].iter().map(|report| report.verdict);
        let worst = [Verdict::Exposed, Verdict::NotApiServer, Verdict::Forbidden];
        assert!(
            verdicts(3).eq(worst),
            "{:?}",
            verdicts(3).collect::<Vec<_>>()
        );
        let named = [
            (Format::Table, "\n  not-api-server 198.51.100.40:10257: "),
            (
                Format::Markdown,
                "\n- **not-api-server** <code>198.51.100.40:10257</code>",
            ),
        ];
        for (format, said) in named {
            let text = sample::rendered(format, &sample);
            assert!(text.contains(said), "{format}: {text}");
        }
    }

    #[test]
    fn people_see_what_is_accepted_and_that_it_is() {
        let sample = sample::mixed();
        for format in [Format::Table, Format::Markdown, Format::Html] {
            let text = sample::rendered(format, &sample);
            assert!(
                text.contains("accepted until 2027-01-31: a lab, behind the VPN; health only"),
                "{format}: {text}"
            );
            if format != Format::Html {
                assert!(
                    text.contains("2 forbidden (1 accepted)"),
                    "{format}: {text}"
                );
            }
        }
    }
}
