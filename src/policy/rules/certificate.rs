//! The serving certificate has expired or expires soon.

use jiff::{SignedDuration, Timestamp};

use super::hit::{DEFAULTS, Hit, ScanTime};
use crate::advise::for_renewal;
use crate::model::{EndpointReport, Learned, Rule, Severity};

/// How long before it expires a certificate is reported.
const NOTICE: SignedDuration = SignedDuration::from_hours(30 * 24);

const PAGE: &str = "https://kubernetes.io/docs/setup/best-practices/certificates/";

pub(in crate::policy) static EXPIRED: Rule = Rule {
    id: "serving-certificate-expired",
    title: "The serving certificate has expired",
    meaning: "Clients that check the certificate can no longer connect. Clients that still connect do not check \
        it, which is what an attacker on the network path needs.",
    proof: "The notAfter date of the certificate in the TLS handshake, compared with the time of the scan.",
    severity: Severity::Low,
    score: "3.7",
    page: PAGE,
    ..DEFAULTS
};

pub(in crate::policy) static EXPIRING: Rule = Rule {
    id: "serving-certificate-expiring",
    title: "The serving certificate expires within 30 days",
    meaning: "When it expires, clients that check it can no longer connect, kubelets included.",
    proof: "The notAfter date of the certificate in the TLS handshake, compared with the time of the scan.",
    severity: Severity::Low,
    score: "2.0",
    page: PAGE,
    ..DEFAULTS
};

pub(in crate::policy) fn expired(report: &EndpointReport, time: ScanTime) -> Option<Hit> {
    let end = end(report).filter(|end| *end < time.0)?;
    Some(hit(&EXPIRED, report, "expired", end))
}

pub(in crate::policy) fn expiring(report: &EndpointReport, time: ScanTime) -> Option<Hit> {
    let end = end(report).filter(|end| *end >= time.0 && end.duration_since(time.0) <= NOTICE)?;
    Some(hit(&EXPIRING, report, "expires", end))
}

fn hit(rule: &Rule, report: &EndpointReport, verb: &str, end: Timestamp) -> Hit {
    let day = end.strftime("%Y-%m-%d");
    let identification = report.identification.as_ref();
    let remediation = identification.map(|identified| for_renewal(rule.id, identified));
    Hit::proven(format!("the certificate {verb} on {day}"), Vec::new())
        .needing([Learned::Certificate])
        .fixed_by(remediation)
}

/// When the certificate expires, if an API server presented it.
fn end(report: &EndpointReport) -> Option<Timestamp> {
    let certificate = report.certificate()?;
    certificate
        .not_after
        .filter(|_| report.verdict.is_conclusive())
}
