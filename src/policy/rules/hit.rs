//! What a rule finds at an endpoint, and what the rules share.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::advise::for_rule;
use crate::model::{
    Component, Confidence, EndpointReport, Grant, JudgedRequest, Learned, Provenance, Remediation,
    Reply, Rule, Severity, Verdict,
};
use crate::wording;

/// The fields that most rules have in common. The remedy is in `advise/advice.toml`.
pub(super) const DEFAULTS: Rule = Rule {
    id: "",
    title: "",
    meaning: "",
    proof: "",
    advice: for_rule,
    severity: Severity::Low,
    score: "2.0",
    page: "https://kubernetes.io/docs/reference/access-authn-authz/authentication/#anonymous-requests",
    cwe: None,
    controls: &[],
    anonymous_access: false,
    about_coverage: false,
};

/// The same for a rule about anonymous access, which also has a row in `anonymous_access.rs`.
pub(super) const ANONYMOUS_ACCESS: Rule = Rule {
    anonymous_access: true,
    ..DEFAULTS
};

/// When the scan began. Rules about time use it, so a saved report gives the same findings on any day.
#[derive(Debug, Clone, Copy)]
pub(in crate::policy) struct ScanTime(pub(in crate::policy) Timestamp);

impl ScanTime {
    /// The day in UTC.
    pub(in crate::policy) fn day(self) -> Date {
        TimeZone::UTC.to_datetime(self.0).date()
    }
}

/// What a rule found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::policy) struct Hit {
    pub(in crate::policy) confidence: Confidence,
    pub(in crate::policy) message: String,
    /// The requests that prove it.
    pub(in crate::policy) requests: Vec<usize>,
    /// How to fix it, if more than the rule's own advice is known.
    pub(in crate::policy) remediation: Option<Remediation>,
    /// The paths that are open.
    pub(in crate::policy) open: BTreeSet<String>,
    /// The other paths on whose answers it rests. Those that decide every verdict need not be named.
    pub(in crate::policy) rests_on: BTreeSet<String>,
    /// What else must be known of the server to find it again.
    pub(in crate::policy) needs: Vec<Learned>,
    /// The expected verdict, if another one was found.
    pub(in crate::policy) expected: Option<Verdict>,
}

impl Hit {
    /// A hit that these requests prove, or that needs no request as proof.
    pub(in crate::policy) fn proven(message: impl Into<String>, requests: Vec<usize>) -> Self {
        Self {
            confidence: Confidence::High,
            message: message.into(),
            requests,
            remediation: None,
            open: BTreeSet::new(),
            rests_on: BTreeSet::new(),
            needs: Vec::new(),
            expected: None,
        }
    }

    /// A hit that these grants prove.
    pub(super) fn granted(message: String, grants: &[&Grant]) -> Self {
        Self::proven(message, grants.iter().map(|grant| grant.request).collect())
    }

    /// With the paths of these grants as open paths.
    pub(super) fn opening(self, grants: &[&Grant]) -> Self {
        let open = grants.iter().map(|grant| grant.path.clone()).collect();
        Self { open, ..self }
    }

    /// Resting on the answers to these paths.
    pub(in crate::policy) fn resting_on<'a>(
        self,
        paths: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let rests_on = paths.into_iter().map(str::to_owned).collect();
        Self { rests_on, ..self }
    }

    /// Resting on what the scan learned of the server besides.
    pub(super) fn needing(mut self, learned: impl IntoIterator<Item = Learned>) -> Self {
        self.needs.extend(learned);
        self
    }

    /// With what fixes it here, if that is known.
    pub(in crate::policy) fn fixed_by(self, remediation: Option<Remediation>) -> Self {
        Self {
            remediation,
            ..self
        }
    }

    /// With this confidence if it is lower.
    pub(in crate::policy) fn at_most(self, confidence: Confidence) -> Self {
        Self {
            confidence: self.confidence.min(confidence),
            ..self
        }
    }
}

/// The indices of the requests that satisfy `which`.
pub(super) fn requests(
    report: &EndpointReport,
    which: impl Fn(&JudgedRequest) -> bool,
) -> Vec<usize> {
    let indexed = report.requests.iter().enumerate();
    indexed
        .filter_map(|(index, request)| which(request).then_some(index))
        .collect()
}

/// The indices of the requests whose reply satisfies `which`.
pub(super) fn replies(report: &EndpointReport, which: impl Fn(&Reply) -> bool) -> Vec<usize> {
    requests(report, |request| request.reply().is_some_and(&which))
}

/// The indices of the requests that got a reply.
pub(in crate::policy) fn answered(report: &EndpointReport) -> Vec<usize> {
    replies(report, |_| true)
}

/// The paths whose answers show how far anonymous requests come. Which product answers may rest on any of them.
pub(in crate::policy) fn clear_paths(report: &EndpointReport) -> impl Iterator<Item = &str> {
    let requests = report.requests.iter();
    let clear = requests.filter(|request| request.access.is_clear());
    clear.map(JudgedRequest::path)
}

pub(super) fn is_component(report: &EndpointReport, component: Component) -> bool {
    report
        .identification
        .as_ref()
        .is_some_and(|identification| identification.component == component)
}

/// The confidence of the identification. If nothing was identified, it is high, so it limits no finding.
pub(in crate::policy) fn confidence(report: &EndpointReport) -> Confidence {
    report
        .identification
        .as_ref()
        .map_or(Confidence::High, |identification| identification.confidence)
}

/// The expected verdict of a target, if the endpoint contradicts it.
pub(in crate::policy) fn contradicted(report: &EndpointReport) -> Option<Verdict> {
    let is_contradicted = |expected: &Verdict| report.verdict.contradicts(*expected);
    report.target.expect.filter(is_contradicted)
}

/// The confidence of the comparison with the product's documentation: the lower one of the documentation's and the
/// product's.
pub(super) fn posture_confidence(report: &EndpointReport) -> Confidence {
    let documented = match report.posture.as_ref().map(|posture| posture.known) {
        Some(Provenance::Documented) => Confidence::High,
        Some(Provenance::Observed) => Confidence::Medium,
        Some(Provenance::Inferred | Provenance::Unknown) | None => Confidence::Low,
    };
    let product = report
        .identification
        .as_ref()
        .and_then(|identification| identification.attribution.confidence);
    documented.min(product.unwrap_or(Confidence::Low))
}

/// The paths of grants as a text.
pub(super) fn paths(grants: &[&Grant]) -> String {
    listed(grants.iter().map(|grant| grant.path.as_str()))
}

/// `a, b and c`. Of a long list, the first names and the number of the others.
pub(in crate::policy) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    const SHOWN: usize = 6;
    let names: Vec<&str> = names.into_iter().collect();
    if names.len() <= SHOWN {
        wording::listed(names)
    } else {
        wording::joined_at_most(SHOWN, &names)
    }
}
