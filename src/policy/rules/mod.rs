//! The rules: an explanation and a small pure function each.

pub(super) mod anonymous_auth;
pub(super) mod certificate;
pub(super) mod coverage;
pub(super) mod divergence;
pub(super) mod etcd;
pub(super) mod expectation;
pub(super) mod exposure;
pub(super) mod insecure_http;
pub(super) mod kubelet;
pub(super) mod posture;
pub(super) mod public_info;
pub(super) mod support;

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::model::{
    Confidence, EndpointReport, JudgedRequest, Remedy, Rule, Severity, SpecCoverage,
};

/// What a rule may know beside what it looks at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context {
    /// When the scan began: rules about time are as of then, so that a saved report is judged the
    /// same on any day.
    pub(super) at: Timestamp,
}

impl Context {
    /// The scan's day, UTC.
    pub(super) fn today(self) -> Date {
        TimeZone::UTC.to_datetime(self.at).date()
    }
}

/// What a rule says of one endpoint, target or specification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hit {
    /// Where it differs from the rule's own.
    pub(super) severity: Option<Severity>,
    pub(super) confidence: Confidence,
    pub(super) message: String,
    /// The requests that prove it.
    pub(super) requests: Vec<usize>,
    /// Where it is known better than the rule's own.
    pub(super) remedy: Option<Remedy>,
    /// The paths that it finds open.
    pub(super) open: BTreeSet<String>,
}

impl Hit {
    /// Something that an answer proves.
    fn proven(message: impl Into<String>, requests: Vec<usize>) -> Self {
        Self {
            severity: None,
            confidence: Confidence::High,
            message: message.into(),
            requests,
            remedy: None,
            open: BTreeSet::new(),
        }
    }

    /// With the remedy that the identification knows, where it does.
    fn mended_by(self, remedy: Option<&Remedy>) -> Self {
        Self {
            remedy: remedy.cloned(),
            ..self
        }
    }

    fn sure(self, confidence: Confidence) -> Self {
        Self { confidence, ..self }
    }

    /// No surer than this.
    pub(super) fn at_most(self, confidence: Confidence) -> Self {
        Self {
            confidence: self.confidence.min(confidence),
            ..self
        }
    }
}

/// A rule about one endpoint.
pub(super) type EndpointCheck = (&'static Rule, fn(&EndpointReport, Context) -> Option<Hit>);

/// The rules that look at one endpoint.
pub(super) const OF_ENDPOINTS: [EndpointCheck; 17] = [
    (&exposure::RESOURCES, exposure::resources),
    (&exposure::DISCOVERY, exposure::discovery),
    (&exposure::TELEMETRY, exposure::telemetry),
    (&insecure_http::RULE, insecure_http::check),
    (&etcd::RULE, etcd::check),
    (&kubelet::OPEN, kubelet::open),
    (&kubelet::ANONYMOUS, kubelet::anonymous),
    (&anonymous_auth::RULE, anonymous_auth::check),
    (&public_info::VERSION, public_info::version),
    (&public_info::HEALTH, public_info::health),
    (&posture::RULE, posture::check),
    (&expectation::RULE, expectation::of_endpoint),
    (&support::RULE, support::check),
    (&certificate::EXPIRED, certificate::expired),
    (&certificate::EXPIRING, certificate::expiring),
    (&coverage::INCONCLUSIVE, coverage::inconclusive),
    (&coverage::NOT_FULLY_ASKED, coverage::not_fully_asked),
];

/// The rules that find a way into the cluster beside its API server. A target of which they say something
/// is not one of which nothing was found.
pub(super) const BESIDE: [&Rule; 3] = [&etcd::RULE, &kubelet::OPEN, &kubelet::ANONYMOUS];

/// A rule about what a specification came to.
pub(super) type SpecificationCheck = (&'static Rule, fn(&SpecCoverage) -> Option<Hit>);

/// The rules that look at a specification as a whole.
pub(super) const OF_SPECIFICATIONS: [SpecificationCheck; 2] = [
    (&expectation::RULE, expectation::of_specification),
    (&coverage::NOT_COVERED, coverage::not_covered),
];

/// The requests that satisfy `which`, by their indices.
fn requests(report: &EndpointReport, which: impl Fn(&JudgedRequest) -> bool) -> Vec<usize> {
    let found = report
        .requests
        .iter()
        .enumerate()
        .filter(|(_, request)| which(request));
    found.map(|(index, _)| index).collect()
}

/// `a, b and c`; of long lists the first ones and how many more.
pub(super) fn listed<'a>(things: impl IntoIterator<Item = &'a str>) -> String {
    const SHOWN: usize = 6;
    let things: Vec<&str> = things.into_iter().collect();
    match things.as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] if things.len() <= SHOWN => format!("{} and {last}", first.join(", ")),
        _ => format!(
            "{} and {} more",
            things[..SHOWN].join(", "),
            things.len() - SHOWN
        ),
    }
}
