//! An API server without TLS.

use super::super::controls::{
    ATTACK_PUBLIC_FACING, NSA_CISA, OWASP_2022_AUTHENTICATION, OWASP_2025_AUTHENTICATION,
};
use super::{Context, Hit, requests};
use crate::advise::for_rule;
use crate::model::{EndpointReport, Rule, Scheme, Severity};

pub(in crate::policy) static RULE: Rule = Rule {
    id: "insecure-http-api",
    title: "The API is served over plain HTTP",
    meaning: "The insecure port of old servers knows neither authentication nor authorization: whoever reaches \
        it is administrator. A proxy in front of the API server that speaks plain HTTP lends its own rights, or \
        lets everybody on the way read the tokens of those who use it.",
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

pub(in crate::policy) fn check(report: &EndpointReport, _: Context) -> Option<Hit> {
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
