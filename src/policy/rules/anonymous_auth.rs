//! The server accepts anonymous requests.

use super::super::controls::{
    ATTACK_REMOTE_SERVICES, CIS_DISABLED, CIS_RESTRICTED, NSA_CISA, OWASP_2022_AUTHENTICATION,
    OWASP_2025_AUTHENTICATION, STIG,
};
use super::{Hit, ScanTime, requests};
use crate::advise::for_rule;
use crate::model::{Access, EndpointReport, Grade, Rule, Scheme, Severity, Verdict};

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
    advice: for_rule,
    severity: Severity::Medium,
    score: "5.3",
    cwe: Some(1188),
    controls: &[
        CIS_DISABLED,
        CIS_RESTRICTED,
        STIG,
        NSA_CISA,
        OWASP_2022_AUTHENTICATION,
        OWASP_2025_AUTHENTICATION,
        ATTACK_REMOTE_SERVICES,
    ],
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
        Verdict::Exposed if directly(report) => {
            let opened = report
                .grants
                .iter()
                .filter(|grant| grant.grade > Grade::PublicInfo);
            let opened = opened
                .filter(|grant| !grant.not_served)
                .map(|grant| grant.request)
                .collect::<Vec<_>>();
            (
                "requests without credentials are accepted, and nothing that was asked for is refused",
                opened,
            )
        }
        _ => return None,
    };
    if proof.is_empty() {
        return None;
    }
    // Where the provider does not let anybody change it, nobody is asked to.
    let fixed = report
        .remedy
        .as_ref()
        .is_some_and(|remedy| remedy.changeable == Some(false));
    let severity = fixed.then_some(Severity::Low);
    Some(
        Hit {
            severity,
            ..Hit::proven(message, proof)
        }
        .with_remedy(report.remedy.as_ref()),
    )
}

/// Whether the API server itself answered. The insecure port does not authenticate, and a front end may pass
/// requests on under its own identity.
fn directly(report: &EndpointReport) -> bool {
    let front = report
        .identification
        .as_ref()
        .is_none_or(|identification| identification.through_front);
    report
        .endpoint
        .as_ref()
        .is_some_and(|endpoint| endpoint.scheme == Scheme::Https)
        && !front
}
