//! The serving certificate has expired or expires soon.

use jiff::{SignedDuration, Timestamp};

use super::{Hit, ScanTime};
use crate::advise::for_rule;
use crate::model::{EndpointReport, Rule, Severity};

/// How long before the end it is reported.
const NOTICE: SignedDuration = SignedDuration::from_hours(30 * 24);

pub(in crate::policy) static EXPIRED: Rule = Rule {
    id: "serving-certificate-expired",
    title: "The serving certificate has expired",
    meaning: "Clients that check the certificate can no longer connect. Clients that still connect do not check \
        it, which is what an attacker on the network path needs.",
    proof: "The notAfter date of the certificate in the TLS handshake, compared with the time of the scan.",
    advice: for_rule,
    severity: Severity::Low,
    score: "3.7",
    cwe: None,
    controls: &[],
};

pub(in crate::policy) static EXPIRING: Rule = Rule {
    id: "serving-certificate-expiring",
    title: "The serving certificate expires within 30 days",
    meaning: "When it expires, clients that check it can no longer connect, kubelets included.",
    proof: "The notAfter date of the certificate in the TLS handshake, compared with the time of the scan.",
    advice: for_rule,
    severity: Severity::Low,
    score: "2.0",
    cwe: None,
    controls: &[],
};

pub(in crate::policy) fn expired(report: &EndpointReport, time: ScanTime) -> Option<Hit> {
    let end = end(report).filter(|end| *end < time.0)?;
    Some(Hit::proven(
        format!("the certificate expired on {}", day(end)),
        Vec::new(),
    ))
}

pub(in crate::policy) fn expiring(report: &EndpointReport, time: ScanTime) -> Option<Hit> {
    let end = end(report).filter(|end| *end >= time.0 && end.duration_since(time.0) <= NOTICE)?;
    Some(Hit::proven(
        format!("the certificate expires on {}", day(end)),
        Vec::new(),
    ))
}

/// When the certificate ends, if an API server answered.
fn end(report: &EndpointReport) -> Option<Timestamp> {
    let certificate = report.tls.as_ref()?.certificate.as_ref()?;
    certificate
        .not_after
        .filter(|_| report.verdict.is_conclusive())
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}
