//! Anonymous requests are accepted at all.

use super::super::controls::{
    ATTACK_REMOTE_SERVICES, CIS_DISABLED, CIS_RESTRICTED, NSA_CISA, OWASP_2022_AUTHENTICATION,
    OWASP_2025_AUTHENTICATION, STIG,
};
use super::{Context, Hit, requests};
use crate::advise::for_rule;
use crate::model::{Access, EndpointReport, Grade, Rule, Scheme, Severity, Verdict};

pub(in crate::policy) static RULE: Rule = Rule {
    id: "anonymous-auth-enabled",
    title: "Requests without credentials are accepted as system:anonymous",
    meaning: "The default of Kubernetes: who brings no credentials becomes the user system:anonymous, and only \
        authorization stands between anybody and the cluster. One binding too many opens it, and a flaw before \
        authorization is within everybody's reach. Hardening guides ask for it to be off, newer ones for it to \
        be limited to the health paths.",
    proof: "The server answered 403 and named system:anonymous: authentication had let the request in. Or it gave \
        what it gives to nobody whom it rejects, over TLS and with nothing in front that could have lent an \
        identity of its own.",
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

pub(in crate::policy) fn check(report: &EndpointReport, _: Context) -> Option<Hit> {
    let refused = requests(report, |request| request.access == Access::Forbidden);
    // A server that limits anonymous access to some paths may refuse one of them: that is the
    // restriction that is asked for.
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
        .mended_by(report.remedy.as_ref()),
    )
}

/// Whether the API server itself was asked: the insecure port authenticates nobody, and who passes
/// requests on may do so under a name of its own.
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
