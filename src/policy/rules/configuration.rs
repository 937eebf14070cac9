//! Rules about configuration files, which `inspect` reads.

use super::hit::DEFAULTS;
use crate::model::{Rule, Severity};
use crate::policy::controls;

const RBAC_PAGE: &str = "https://kubernetes.io/docs/reference/access-authn-authz/rbac/";
const AUTHORIZATION_PAGE: &str =
    "https://kubernetes.io/docs/reference/access-authn-authz/authorization/";

pub(crate) static ALLOWS_EVERYTHING: Rule = Rule {
    id: "configuration-allows-everything",
    title: "The configuration lets anybody do everything",
    meaning: "Anonymous requests are accepted, and an authorizer allows every request: AlwaysAllow in an \
        AuthorizationConfiguration, AlwaysAllow beside anonymous in an AuthenticationConfiguration, or the insecure \
        port of an old release. Anybody who reaches the server is its administrator.",
    proof: "The flags and files, evaluated as the server evaluates them. The finding is where the deciding one is \
        written.",
    severity: Severity::Critical,
    score: "9.8",
    page: AUTHORIZATION_PAGE,
    cwe: Some(306),
    controls: &[
        controls::NSA_CISA,
        controls::OWASP_2022_AUTHENTICATION,
        controls::OWASP_2025_AUTHENTICATION,
    ],
    ..DEFAULTS
};

pub(crate) static ACCEPTS_ANONYMOUS: Rule = Rule {
    id: "configuration-accepts-anonymous",
    title: "The configuration accepts anonymous requests on every path",
    meaning: "Authentication accepts requests without credentials as system:anonymous, and only authorization stops \
        them. One binding to system:anonymous or system:unauthenticated then opens the cluster.",
    proof: "The flags and files, evaluated as the server evaluates them. The finding is where anonymous requests are \
        accepted, or where the flags begin if nothing turns them off.",
    severity: Severity::Medium,
    score: "5.3",
    cwe: Some(1188),
    controls: &[
        controls::CIS_DISABLED,
        controls::CIS_RESTRICTED,
        controls::STIG,
        controls::NSA_CISA,
    ],
    ..DEFAULTS
};

pub(crate) static LIMITS_ANONYMOUS: Rule = Rule {
    id: "configuration-limits-anonymous",
    title: "The configuration accepts anonymous requests on some paths",
    meaning: "The conditions of an AuthenticationConfiguration limit anonymous requests to paths, usually those of \
        health probes. Everything else is refused with 401, whatever the bindings say.",
    proof: "The conditions, compared literally with paths, as the server does.",
    severity: Severity::Note,
    score: "0.0",
    ..DEFAULTS
};

pub(crate) static DOES_NOT_START: Rule = Rule {
    id: "configuration-does-not-start",
    title: "The API server does not start with this configuration",
    meaning: "A spelling, a combination of settings or a field that the server refuses. A server that runs still has \
        its earlier configuration, so what is meant to close it has no effect, and it will not come back after a \
        restart.",
    proof: "The spelling at its place. Real servers of several releases refuse it.",
    severity: Severity::Medium,
    score: "5.3",
    ..DEFAULTS
};

pub(crate) static UNCLEAR: Rule = Rule {
    id: "configuration-unclear",
    title: "The configuration does not tell what an anonymous caller may do",
    meaning: "A file or a role that is not in the input, a variable, a webhook, ABAC, or the release of the product that \
        starts the server decides. The server may be open.",
    proof: "The flag, the binding or the authorizer that decides, at its place.",
    severity: Severity::Low,
    score: "2.0",
    ..DEFAULTS
};

pub(crate) static NOT_FOUND: Rule = Rule {
    id: "configuration-not-found",
    title: "The input has no configuration of an API server",
    meaning: "An empty list or file says nothing. On many products the API server runs in no pod, or in one with \
        another label, so an empty answer of kubectl does not mean that a flag is not set.",
    proof: "The empty list or file.",
    severity: Severity::Low,
    score: "2.0",
    ..DEFAULTS
};

pub(crate) static ANONYMOUS_CHANGES: Rule = Rule {
    id: "binding-lets-anonymous-change",
    title: "A binding lets anonymous callers change the cluster",
    meaning: "A role with more than reading is bound to system:anonymous or system:unauthenticated. Where anonymous \
        requests are accepted, anybody who reaches the server has these rights.",
    proof: "The binding at its place, with the rules of its role.",
    severity: Severity::Critical,
    score: "9.8",
    page: RBAC_PAGE,
    cwe: Some(306),
    controls: &[
        controls::CIS_GKE_BINDINGS,
        controls::OWASP_2022_RBAC,
        controls::OWASP_2025_AUTHORIZATION,
    ],
    ..DEFAULTS
};

pub(crate) static ANONYMOUS_BINDING: Rule = Rule {
    id: "binding-lets-anonymous-read",
    title: "A binding lets anonymous callers read more than version and health",
    meaning: "A role is bound to system:anonymous or system:unauthenticated beyond the bindings that every cluster \
        has. Where anonymous requests are accepted, anybody who reaches the server may read this.",
    proof: "The binding at its place, with the rules of its role.",
    severity: Severity::High,
    score: "7.5",
    page: RBAC_PAGE,
    cwe: Some(862),
    controls: &[
        controls::CIS_GKE_BINDINGS,
        controls::OWASP_2022_RBAC,
        controls::OWASP_2025_AUTHORIZATION,
    ],
    ..DEFAULTS
};

pub(crate) static AUTHENTICATED_BINDING: Rule = Rule {
    id: "binding-to-all-authenticated",
    title: "A binding gives rights to everybody with credentials",
    meaning: "A role is bound to system:authenticated beyond the bindings that every cluster has. This gives anonymous \
        callers nothing. It gives it to every account and every service account, and on GKE to every Google account.",
    proof: "The binding at its place, with the rules of its role.",
    severity: Severity::Medium,
    score: "5.3",
    page: RBAC_PAGE,
    cwe: Some(862),
    controls: &[
        controls::OWASP_2022_RBAC,
        controls::OWASP_2025_AUTHORIZATION,
    ],
    ..DEFAULTS
};

pub(crate) static ROLE_MISSING: Rule = Rule {
    id: "binding-to-missing-role",
    title: "A binding of anonymous or all callers names a role that is not there",
    meaning: "In a whole dump it grants nothing, until somebody makes a role of this name. In a part of one, what it \
        grants is not known. The same goes for a role that is filled from others which are not there.",
    proof: "The binding at its place. No role of the input has the name, or its rules.",
    severity: Severity::Low,
    score: "2.0",
    page: RBAC_PAGE,
    ..DEFAULTS
};

pub(crate) static AUDIT_LOSES: Rule = Rule {
    id: "audit-policy-loses-requests",
    title: "The audit policy does not log what an attacker without credentials does",
    meaning: "The first rule that matches decides. A rule with users or groups matches no request that is refused \
        with 401, because such a request has no user, and a policy that omits the stage ResponseStarted writes none of \
        them. Then the log does not show who tries.",
    proof: "The policy, evaluated as the server evaluates it, for requests to secrets and pods.",
    severity: Severity::Medium,
    score: "5.3",
    page: "https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/",
    cwe: Some(778),
    ..DEFAULTS
};

pub(crate) static MORE_OPEN_OUTSIDE: Rule = Rule {
    id: "more-open-than-configured",
    title: "The endpoint is more open than the configuration says",
    meaning: "A scan found more open than the flags, files and bindings say. What was meant to close the server does \
        not, or something between answers for it.",
    proof: "The answers of the scan, path by path, beside the prediction.",
    severity: Severity::High,
    score: "7.5",
    cwe: Some(1188),
    controls: &[
        controls::OWASP_2022_MISCONFIGURED,
        controls::OWASP_2025_MISCONFIGURED,
    ],
    ..DEFAULTS
};

pub(crate) static STRICTER_OUTSIDE: Rule = Rule {
    id: "stricter-than-configured",
    title: "The endpoint is stricter than the configuration says",
    meaning: "A scan was refused where the flags, files and bindings let it through. A front end may be what protects the \
        server, and others may get past it.",
    proof: "The answers of the scan, path by path, beside the prediction.",
    severity: Severity::Note,
    score: "0.0",
    ..DEFAULTS
};

/// All of them.
#[cfg(test)]
pub(in crate::policy) const RULES: [&Rule; 13] = [
    &ALLOWS_EVERYTHING,
    &ACCEPTS_ANONYMOUS,
    &LIMITS_ANONYMOUS,
    &DOES_NOT_START,
    &UNCLEAR,
    &NOT_FOUND,
    &ANONYMOUS_CHANGES,
    &ANONYMOUS_BINDING,
    &AUTHENTICATED_BINDING,
    &ROLE_MISSING,
    &AUDIT_LOSES,
    &MORE_OPEN_OUTSIDE,
    &STRICTER_OUTSIDE,
];
