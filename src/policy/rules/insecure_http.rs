//! An API server without TLS.

use super::super::controls::{
    ATTACK_PUBLIC_FACING, NSA_CISA, OWASP_2022_AUTHENTICATION, OWASP_2025_AUTHENTICATION,
};
use super::{Hit, ScanTime, requests};
use crate::advise::for_rule;
use crate::model::{EndpointReport, Rule, Scheme, Severity};

pub(in crate::policy) static RULE: Rule = Rule {
    id: "insecure-http-api",
    title: "The API is served over plain HTTP",
    meaning: "The insecure port of old servers has neither authentication nor authorization: anybody who reaches \
        it is an administrator. A proxy that serves the API over plain HTTP either lends its own rights, or \
        exposes the tokens of its users to everybody on the network path.",
    proof: "An API server's answers came without TLS.",
    advice: for_rule,
    severity: Severity::Critical,
    score: "9.8",
    cwe: Some(306),
    controls: &[
        NSA_CISA,
        OWASP_2022_AUTHENTICATION,
        OWASP_2025_AUTHENTICATION,
        ATTACK_PUBLIC_FACING,
    ],
};

pub(in crate::policy) fn check(report: &EndpointReport, _: ScanTime) -> Option<Hit> {
    let plain = report
        .endpoint
        .as_ref()
        .is_some_and(|endpoint| endpoint.scheme == Scheme::Http);
    if !plain || !report.verdict.is_conclusive() {
        return None;
    }
    let answered = requests(report, |request| request.exchange.outcome.is_ok());
    Some(Hit::proven(
        "an API server answers over plain HTTP",
        answered,
    ))
}
