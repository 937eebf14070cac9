//! The server accepts anonymous requests.

use super::hit::{DEFAULTS, Hit, ScanTime, requests};
use crate::model::{Access, EndpointReport, Grade, Rule, Scheme, Severity, Verdict};
use crate::policy::controls;

pub(in crate::policy) static RULE: Rule = Rule {
    id: "anonymous-auth-enabled",
    title: "Requests without credentials are accepted as system:anonymous",
    meaning: "This is the default of Kubernetes: a caller without credentials becomes the user system:anonymous, \
        and only authorization protects the cluster. One wrong binding opens it, and anybody can reach a flaw in \
        front of authorization. Hardening guides ask to turn it off; newer ones ask to limit it to the health \
        paths.",
    proof: "The server answered 403 and named system:anonymous, so authentication had accepted the request. Or \
        it returned, over TLS and with no front end that could add its own identity, what it never returns to a \
        rejected caller.",
    severity: Severity::Medium,
    score: "5.3",
    cwe: Some(1188),
    controls: &[
        controls::CIS_DISABLED,
        controls::CIS_RESTRICTED,
        controls::STIG,
        controls::NSA_CISA,
        controls::OWASP_2022_AUTHENTICATION,
        controls::OWASP_2025_AUTHENTICATION,
        controls::ATTACK_REMOTE_SERVICES,
    ],
    ..DEFAULTS
};

pub(in crate::policy) fn check(report: &EndpointReport, _: ScanTime) -> Option<Hit> {
    let refused = requests(report, |request| request.access == Access::Forbidden);
    // A server that limits anonymous access to some paths may refuse one of them. This is the recommended
    // setting, so it is no finding.
    let (message, proof) = match report.verdict {
        Verdict::Exposed | Verdict::Forbidden if !refused.is_empty() => (
            "requests without credentials are accepted as system:anonymous; authorization answers 403",
            refused,
        ),
        Verdict::Exposed if answers_directly(report) => (
            "requests without credentials are accepted, and nothing that was asked for is refused",
            (report.grants.iter())
                .filter(|grant| grant.grade > Grade::PublicInfo && !grant.not_served)
                .map(|grant| grant.request)
                .collect(),
        ),
        _ => return None,
    };
    let remedy = report.remedy.as_ref();
    // The severity is low if the provider does not let its users change this.
    let is_fixed = remedy.is_some_and(|remedy| remedy.changeable == Some(false));
    let severity = is_fixed.then_some(Severity::Low);
    (!proof.is_empty()).then(|| {
        Hit::proven(message, proof)
            .with_severity(severity)
            .with_remedy(remedy)
    })
}

/// Whether the API server itself answered. The insecure port does not authenticate, and a front end may pass
/// requests on under its own identity.
fn answers_directly(report: &EndpointReport) -> bool {
    let uses_tls =
        (report.endpoint.as_ref()).is_some_and(|endpoint| endpoint.scheme == Scheme::Https);
    let has_no_front = (report.identification.as_ref())
        .is_some_and(|identification| !identification.through_front);
    uses_tls && has_no_front
}
