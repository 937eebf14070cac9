//! Paths that are open beyond version and health, by how sensitive they are.

use super::hit::ANONYMOUS_ACCESS;
use crate::model::{Rule, Severity};
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
    ..ANONYMOUS_ACCESS
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
    ..ANONYMOUS_ACCESS
};

pub(in crate::policy) static TELEMETRY_UNEXPECTED: Rule = Rule {
    id: "anonymous-telemetry-unexpected",
    title: "Anybody may read the server's metrics, flags or OpenAPI documents, which is not as it should be",
    meaning: "Metrics, flags or OpenAPI documents are open, and this is more than the product documents, or not the \
        verdict that the target list or the settings expect (expect=). A setting was changed, an upgrade kept an \
        old one, or a binding was added. What is open helps to plan an attack.",
    proof: "The path answered with its document, or with the marks of an API server behind authorization. The \
        verdict was compared with what the product documents for its version, and with the expectation.",
    severity: Severity::High,
    score: "7.3",
    ..TELEMETRY
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
    ..ANONYMOUS_ACCESS
};
