//! The record of a finding. It is written and never read: findings are derived again from the records of a report.

use std::borrow::Cow;
use std::net::SocketAddr;

use serde::Serialize;

use crate::escape::TEXT;
use crate::model::{self, BaselineState, Clipped, Confidence, Origin, Remediation, Severity};

/// Something to look at: one rule at one target, or at one specification.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Finding<'a> {
    /// The rule's id: a section of docs/rules.md.
    #[cfg_attr(test, schemars(regex(pattern = r"^[a-z]+(-[a-z]+)*$")))]
    rule: &'static str,
    /// The severity here.
    severity: Severity,
    /// The confidence.
    confidence: Confidence,
    /// The subject: a target's URL as requested, or a specification as written; never the address of a name.
    about: Clipped<'a>,
    /// The user's name for it, the target's `name=`; null without one.
    name: Option<&'a str>,
    /// Where the target was written.
    origin: &'a Origin,
    /// What was found, in one sentence.
    message: Clipped<'a>,
    /// How to fix it here: `remediation` as one text of several lines.
    remedy: Clipped<'a>,
    /// A page with more about the fix; null without one.
    remedy_url: Option<&'a str>,
    /// How to fix it here, in steps.
    remediation: &'a Remediation,
    /// The command that shows its first proof, for a POSIX shell; null if it rests on no request.
    curl: Option<Clipped<'a>>,
    /// The endpoints concerned, by address; empty if the target never became one.
    sites: Vec<Site<'a>>,
    /// The identity of the finding in every scan: SHA-256 of the rule and `about`, in hexadecimal.
    #[cfg_attr(test, schemars(regex(pattern = r"^[0-9a-f]{64}$")))]
    fingerprint: String,
    /// How it compares with the baseline; null without one.
    baseline: Option<BaselineState>,
    /// Who accepted it; null if nobody did.
    acceptance: Option<Acceptance<'a>>,
}

impl<'a> From<&'a model::Finding> for Finding<'a> {
    fn from(finding: &'a model::Finding) -> Self {
        Self {
            rule: finding.rule.id,
            severity: finding.severity,
            confidence: finding.confidence,
            about: finding.about.as_str().into(),
            name: finding.label.as_deref(),
            origin: &finding.origin,
            message: finding.message.as_str().into(),
            remedy: finding.remediation.text(TEXT).into(),
            remedy_url: finding.remediation.reference.as_deref(),
            remediation: &finding.remediation,
            curl: finding.curl().map(Clipped::from),
            sites: finding.sites.iter().map(Site::from).collect(),
            fingerprint: finding.fingerprint.to_string(),
            baseline: finding.baseline,
            acceptance: finding.acceptance.as_ref().map(Acceptance::from),
        }
    }
}

/// One endpoint with the finding.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Site<'a> {
    /// The endpoint's address, as `ip:port`; null if the proxy resolved the name.
    address: Option<SocketAddr>,
    /// The DNS name sent as SNI and `Host`; null if none was sent.
    host: Option<&'a str>,
    /// The requests that prove it, as indexes into `requests` of the record with this target, address and host;
    /// empty if no answer is the proof.
    requests: Cow<'a, [usize]>,
}

impl<'a> From<&'a model::Site> for Site<'a> {
    fn from(site: &'a model::Site) -> Self {
        Self {
            address: site.endpoint.address(),
            host: site.endpoint.name.as_deref(),
            requests: (&*site.requests).into(),
        }
    }
}

/// Somebody accepted the finding.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Acceptance<'a> {
    /// Why it may stay.
    reason: &'a str,
    /// Whom to ask.
    owner: &'a str,
    /// The last day of the acceptance.
    #[cfg_attr(test, schemars(extend("format" = "date")))]
    expires: String,
    /// Whether the scan began no later than that day; otherwise the finding counts again.
    in_force: bool,
}

impl<'a> From<&'a model::Acceptance> for Acceptance<'a> {
    fn from(acceptance: &'a model::Acceptance) -> Self {
        Self {
            reason: &acceptance.reason,
            owner: &acceptance.owner,
            expires: acceptance.expires.to_string(),
            in_force: acceptance.in_force,
        }
    }
}
