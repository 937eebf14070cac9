//! Paths that are open beyond version and health, by how sensitive they are.

use super::super::controls::{
    ATTACK_CREDENTIALS, ATTACK_DISCOVERY, ATTACK_HOST_INFORMATION, ATTACK_REMOTE_SERVICES,
    CIS_DISABLED, CIS_GKE_BINDINGS, CIS_RESTRICTED, NSA_CISA, OWASP_2022_MISCONFIGURED,
    OWASP_2022_RBAC, OWASP_2025_AUTHORIZATION, OWASP_2025_EXPOSED, STIG,
};
use super::{Hit, ScanTime, listed};
use crate::advise::for_rule;
use crate::model::{Confidence, EndpointReport, Grade, Grant, Rule, Severity, left_out};

pub(in crate::policy) static RESOURCES: Rule = Rule {
    id: "anonymous-resources-exposed",
    title: "Anybody may list resources of the cluster",
    meaning: "Requests without credentials pass authorization for lists of resources, such as pods, nodes or \
        secrets; the evidence names them. Anybody who reaches the port can read them. Where one verb is granted \
        to everybody, others often are too.",
    proof: "A list was requested with HEAD and a limit of one. The server refused the method only after \
        authentication and authorization had let the request through. No object was read.",
    advice: for_rule,
    severity: Severity::Critical,
    score: "9.8",
    cwe: Some(306),
    controls: &[
        CIS_DISABLED,
        CIS_RESTRICTED,
        CIS_GKE_BINDINGS,
        STIG,
        NSA_CISA,
        OWASP_2022_RBAC,
        OWASP_2025_AUTHORIZATION,
        ATTACK_REMOTE_SERVICES,
        ATTACK_CREDENTIALS,
    ],
};

pub(in crate::policy) static DISCOVERY: Rule = Rule {
    id: "anonymous-discovery-exposed",
    title: "Anybody may read which APIs the cluster serves",
    meaning: "The discovery documents, or another path beyond version and health, answer requests without \
        credentials. They show which operators and extensions run. On servers without the fixes for \
        CVE-2018-1002105 and CVE-2019-11253 they are the way in. They are open by default before Kubernetes \
        1.14, and on clusters upgraded from such a version.",
    proof: "The path answered with a document that only the handler behind authorization returns.",
    advice: for_rule,
    severity: Severity::High,
    score: "7.5",
    cwe: Some(200),
    controls: &[
        CIS_DISABLED,
        CIS_RESTRICTED,
        CIS_GKE_BINDINGS,
        STIG,
        NSA_CISA,
        OWASP_2022_RBAC,
        OWASP_2025_AUTHORIZATION,
        ATTACK_DISCOVERY,
    ],
};

pub(in crate::policy) static TELEMETRY: Rule = Rule {
    id: "anonymous-telemetry-exposed",
    title: "Anybody may read the server's metrics, flags or OpenAPI documents",
    meaning: "Metrics name resource types, clients and load. /flagz shows every flag of the server. The OpenAPI \
        documents name every type with its fields. Through /debug/pprof/ anybody can make the server record \
        profiles. All of this helps to plan an attack, and every request costs the server work.",
    proof: "The path answered with its document, or with the marks of an API server behind authorization.",
    advice: for_rule,
    severity: Severity::Medium,
    score: "5.3",
    cwe: Some(497),
    controls: &[
        CIS_DISABLED,
        CIS_RESTRICTED,
        STIG,
        NSA_CISA,
        OWASP_2022_MISCONFIGURED,
        OWASP_2025_EXPOSED,
        ATTACK_HOST_INFORMATION,
    ],
};

/// The verb for lists of resources.
const LIST: &str = "list";

pub(in crate::policy) fn resources(report: &EndpointReport, _: ScanTime) -> Option<Hit> {
    let lists = |grade| matches!(grade, Grade::Resources | Grade::SensitiveResources);
    opened(report, lists, LIST)
}

pub(in crate::policy) fn discovery(report: &EndpointReport, _: ScanTime) -> Option<Hit> {
    opened(report, |grade| grade == Grade::Discovery, "read")
}

pub(in crate::policy) fn telemetry(report: &EndpointReport, _: ScanTime) -> Option<Hit> {
    opened(report, |grade| grade == Grade::Telemetry, "read")
}

fn opened(report: &EndpointReport, which: impl Fn(Grade) -> bool, may: &str) -> Option<Hit> {
    let grants: Vec<&Grant> = report
        .exposing()
        .filter(|grant| which(grant.grade))
        .collect();
    if grants.is_empty() {
        return None;
    }
    let paths = listed(grants.iter().map(|grant| grant.path.as_str()));
    let requests = grants.iter().map(|grant| grant.request).collect();
    let message = format!("anonymous callers may {may} {paths}");
    let mut hit = if grants.iter().all(|grant| grant.not_served) {
        let message = format!("{message}: authorized, though nothing is served there");
        Hit::proven(message, requests).at_most(Confidence::Medium)
    } else {
        Hit::proven(message, requests)
    };
    if let Some(left_out) = left_out(&report.requests, &report.not_asked).filter(|_| may == LIST) {
        hit.message = format!("{}; {left_out}", hit.message);
    }
    let open = grants.iter().map(|grant| grant.path.clone()).collect();
    Some(Hit {
        open,
        ..hit.with_remedy(report.remedy.as_ref())
    })
}
