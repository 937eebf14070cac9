//! The serving certificate's time.

use jiff::{SignedDuration, Timestamp};

use super::{Context, Hit};
use crate::advise::for_rule;
use crate::model::{EndpointReport, Rule, Severity};

/// How long before the end it is said.
const NOTICE: SignedDuration = SignedDuration::from_hours(30 * 24);

pub(in crate::policy) static EXPIRED: Rule = Rule {
    id: "serving-certificate-expired",
    title: "The serving certificate has expired",
    meaning: "Clients that check it cannot connect any more, and those that still do have stopped checking, \
        which is what an attacker in between needs.",
    proof: "The notAfter of the certificate in the TLS handshake, against the time of the scan.",
    advice: for_rule,
    severity: Severity::Low,
    score: "3.7",
    cwe: None,
    controls: &[],
};

pub(in crate::policy) static EXPIRING: Rule = Rule {
    id: "serving-certificate-expiring",
    title: "The serving certificate expires within 30 days",
    meaning: "When it does, clients that check it cannot connect any more, kubelets among them.",
    proof: "The notAfter of the certificate in the TLS handshake, against the time of the scan.",
    advice: for_rule,
    severity: Severity::Low,
    score: "2.0",
    cwe: None,
    controls: &[],
};

pub(in crate::policy) fn expired(report: &EndpointReport, context: Context) -> Option<Hit> {
    let end = end(report).filter(|end| *end < context.at)?;
    Some(Hit::proven(
        format!("the certificate expired on {}", day(end)),
        Vec::new(),
    ))
}

pub(in crate::policy) fn expiring(report: &EndpointReport, context: Context) -> Option<Hit> {
    let end =
        end(report).filter(|end| *end >= context.at && end.duration_since(context.at) <= NOTICE)?;
    Some(Hit::proven(
        format!("the certificate expires on {}", day(end)),
        Vec::new(),
    ))
}

/// The end of an API server's certificate; other servers' are their own business.
fn end(report: &EndpointReport) -> Option<Timestamp> {
    let certificate = report.tls.as_ref()?.certificate.as_ref()?;
    certificate
        .not_after
        .filter(|_| report.verdict.is_conclusive())
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}
