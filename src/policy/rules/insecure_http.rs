//! An API server without TLS.

use super::hit::ANONYMOUS_ACCESS;
use crate::model::{Rule, Severity};
use crate::policy::controls;

pub(in crate::policy) static RULE: Rule = Rule {
    id: "insecure-http-api",
    title: "The API is served over plain HTTP",
    meaning: "The insecure port of old servers has neither authentication nor authorization: anybody who reaches \
        it is an administrator. A proxy that serves the API over plain HTTP either lends its own rights, or \
        exposes the tokens of its users to everybody on the network path.",
    proof: "An API server's answers came without TLS.",
    severity: Severity::Critical,
    score: "9.8",
    page: "https://kubernetes.io/docs/concepts/security/controlling-access/#transport-security",
    cwe: Some(306),
    controls: &[
        controls::NSA_CISA,
        controls::OWASP_2022_AUTHENTICATION,
        controls::OWASP_2025_AUTHENTICATION,
        controls::ATTACK_PUBLIC_FACING,
    ],
    ..ANONYMOUS_ACCESS
};
