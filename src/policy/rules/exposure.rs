//! Paths that are open beyond version and health, by how sensitive they are.

use super::hit::{DEFAULTS, Hit, ScanTime, paths};
use crate::model::{Confidence, EndpointReport, Grade, Grant, Rule, Severity, unanswered_text};
use crate::policy::controls;

pub(in crate::policy) static RESOURCES: Rule = Rule {
    id: "anonymous-resources-exposed",
    title: "Anybody may list resources of the cluster",
    meaning: "Requests without credentials pass authorization for lists of resources, such as pods, nodes or \
        secrets; the evidence names them. Anybody who reaches the port can read them. Where one verb is granted \
        to everybody, others often are too.",
    proof: "A list was requested with HEAD and a limit of one. The server refused the method only after \
        authentication and authorization had let the request through. No object was read.",
    severity: Severity::Critical,
    score: "9.8",
    cwe: Some(306),
    controls: &[
        controls::CIS_DISABLED,
        controls::CIS_RESTRICTED,
        controls::CIS_GKE_BINDINGS,
        controls::STIG,
        controls::NSA_CISA,
        controls::OWASP_2022_RBAC,
        controls::OWASP_2025_AUTHORIZATION,
        controls::ATTACK_REMOTE_SERVICES,
        controls::ATTACK_CREDENTIALS,
    ],
    ..DEFAULTS
};

pub(in crate::policy) static DISCOVERY: Rule = Rule {
    id: "anonymous-discovery-exposed",
    title: "Anybody may read which APIs the cluster serves",
    meaning: "The discovery documents, or another path beyond version and health, answer requests without \
        credentials. They show which operators and extensions run. On servers without the fixes for \
        CVE-2018-1002105 and CVE-2019-11253 they are the way in. They are open by default before Kubernetes \
        1.14, and on clusters upgraded from such a version.",
    proof: "The path answered with a document that only the handler behind authorization returns.",
    severity: Severity::High,
    score: "7.5",
    cwe: Some(200),
    controls: &[
        controls::CIS_DISABLED,
        controls::CIS_RESTRICTED,
        controls::CIS_GKE_BINDINGS,
        controls::STIG,
        controls::NSA_CISA,
        controls::OWASP_2022_RBAC,
        controls::OWASP_2025_AUTHORIZATION,
        controls::ATTACK_DISCOVERY,
    ],
    ..DEFAULTS
};

pub(in crate::policy) static TELEMETRY: Rule = Rule {
    id: "anonymous-telemetry-exposed",
    title: "Anybody may read the server's metrics, flags or OpenAPI documents",
    meaning: "Metrics name resource types, clients and load. /flagz shows every flag of the server. The OpenAPI \
        documents name every type with its fields. Through /debug/pprof/ anybody can make the server record \
        profiles. All of this helps to plan an attack, and every request costs the server work.",
    proof: "The path answered with its document, or with the marks of an API server behind authorization.",
    severity: Severity::Medium,
    score: "5.3",
    cwe: Some(497),
    controls: &[
        controls::CIS_DISABLED,
        controls::CIS_RESTRICTED,
        controls::STIG,
        controls::NSA_CISA,
        controls::OWASP_2022_MISCONFIGURED,
        controls::OWASP_2025_EXPOSED,
        controls::ATTACK_HOST_INFORMATION,
    ],
    ..DEFAULTS
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
    let open = report.exposing().filter(|grant| which(grant.grade));
    let grants: Vec<&Grant> = open.collect();
    if grants.is_empty() {
        return None;
    }
    let mut message = format!("anonymous callers may {may} {}", paths(&grants));
    let mut confidence = Confidence::High;
    if grants.iter().all(|grant| grant.not_served) {
        message.push_str(": authorized, though nothing is served there");
        confidence = Confidence::Medium;
    }
    if let Some(left_out) =
        unanswered_text(&report.requests, &report.not_asked).filter(|_| may == LIST)
    {
        message.push_str("; ");
        message.push_str(&left_out);
    }
    let hit = Hit::granted(message, &grants).opening(&grants);
    Some(hit.at_most(confidence).with_remedy(report.remedy.as_ref()))
}
