//! Anonymous requests are accepted at all.

use super::super::controls::{
    ATTACK_REMOTE_SERVICES, CIS_DISABLED, CIS_RESTRICTED, NSA_CISA, OWASP_2022_AUTHENTICATION,
    OWASP_2025_AUTHENTICATION, STIG,
};
use super::{Context, Hit, requests};
use crate::model::{Access, EndpointReport, Rule, Severity, Verdict};

pub(in crate::policy) static RULE: Rule = Rule {
    id: "anonymous-auth-enabled",
    title: "Requests without credentials are accepted as system:anonymous",
    meaning: "The default of Kubernetes: who brings no credentials becomes the user system:anonymous, and only \
        authorization stands between anybody and the cluster. One binding too many opens it, and a flaw before \
        authorization is within everybody's reach. Hardening guides ask for it to be off, newer ones for it to \
        be limited to the health paths.",
    proof: "The server answered 403 and named system:anonymous: authentication had let the request in.",
    remedy: "From 1.32 on (alpha in 1.31), limit it: start the API server with --authentication-config and in \
        that file `anonymous: {enabled: true, conditions: [{path: /livez}, {path: /readyz}, {path: /healthz}]}`. \
        --anonymous-auth=false turns it off, but on kubeadm clusters that breaks the kubelet's probes of the \
        API server, and joining.",
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
    let accepted = matches!(report.verdict, Verdict::Exposed | Verdict::Forbidden);
    if !accepted || refused.is_empty() {
        return None;
    }
    let message = "requests without credentials are accepted as system:anonymous; authorization answers 403";
    // Where the provider does not let anybody change it, nobody is asked to.
    let fixed = report.remedy.as_ref().is_some_and(|remedy| remedy.changeable == Some(false));
    let severity = fixed.then_some(Severity::Low);
    Some(Hit { severity, ..Hit::proven(message, refused) }.mended_by(report.remedy.as_ref()))
}
