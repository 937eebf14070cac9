//! A kubelet that accepts anonymous callers.

use super::hit::{DEFAULTS, Hit, ScanTime, confidence, is_component, paths, replies};
use crate::kubernetes::Answer;
use crate::model::{
    Component, Confidence, EndpointReport, Grade, Grant, Learned, Rule, Scheme, Severity,
};
use crate::policy::controls;

/// On this port a kubelet serves only its health, to everybody.
const HEALTH_PORT: u16 = 10248;

const PAGE: &str = "https://kubernetes.io/docs/reference/access-authn-authz/kubelet-authn-authz/";

pub(in crate::policy) static OPEN: Rule = Rule {
    id: "kubelet-open",
    title: "A kubelet lets anonymous callers through",
    meaning: "The API of a kubelet can run commands in every container of the node and read what is mounted \
        there. This kubelet accepts requests without credentials, and its authorization let one through. The \
        mode AlwaysAllow, the default on the command line, lets everything through. Only the usual paths were \
        requested.",
    proof: "A path that kubelets serve behind authentication and authorization answered over TLS. The health \
        port (10248), which serves one such path to everybody, is not reported.",
    severity: Severity::High,
    score: "8.6",
    page: PAGE,
    cwe: Some(306),
    controls: &[
        controls::CIS_KUBELET_ANONYMOUS,
        controls::CIS_KUBELET_AUTHORIZATION,
        controls::OWASP_2022_AUTHENTICATION,
        controls::OWASP_2025_AUTHENTICATION,
        controls::ATTACK_REMOTE_SERVICES,
    ],
    ..DEFAULTS
};

pub(in crate::policy) static ANONYMOUS: Rule = Rule {
    id: "kubelet-anonymous",
    title: "A kubelet accepts requests without credentials as system:anonymous",
    meaning: "Only the kubelet's authorization, which asks the API server, protects the containers of the node \
        from anonymous callers. One wrong binding of system:anonymous or system:unauthenticated opens them.",
    proof: "The kubelet refused system:anonymous by authorization, so authentication had accepted the request.",
    severity: Severity::Medium,
    score: "5.3",
    page: PAGE,
    cwe: Some(1188),
    controls: &[
        controls::CIS_KUBELET_ANONYMOUS,
        controls::OWASP_2025_EXPOSED,
        controls::OWASP_2025_AUTHENTICATION,
        controls::ATTACK_REMOTE_SERVICES,
    ],
    ..DEFAULTS
};

pub(in crate::policy) fn open(report: &EndpointReport, _: ScanTime) -> Option<Hit> {
    let grants = let_through(report);
    if grants.is_empty() {
        return None;
    }
    let message = format!(
        "the kubelet lets callers without credentials through to {}",
        paths(&grants)
    );
    let hit = Hit::granted(message, &grants).opening(&grants);
    Some(hit.needing([Learned::AnswersOf(Component::Kubelet)]))
}

pub(in crate::policy) fn anonymous(report: &EndpointReport, _: ScanTime) -> Option<Hit> {
    if !is_component(report, Component::Kubelet) {
        return None;
    }
    let denied = replies(report, |reply| {
        reply.answer == Answer::KubeletDeniesAnonymous
    });
    let message = "the kubelet accepts requests without credentials as system:anonymous; its authorization \
                   stops them";
    let is_stopped = !denied.is_empty() && let_through(report).is_empty();
    is_stopped
        .then(|| Hit::proven(message, denied).needing([Learned::AnswersOf(Component::Kubelet)]))
}

/// The paths that a kubelet's authorization granted.
fn let_through(report: &EndpointReport) -> Vec<&Grant> {
    let is_guarded_port = report
        .endpoint
        .as_ref()
        .is_some_and(|endpoint| endpoint.scheme == Scheme::Https && endpoint.port != HEALTH_PORT);
    // Another program may serve with the certificate of a node.
    let is_kubelet =
        is_component(report, Component::Kubelet) && confidence(report) > Confidence::Low;
    // A kubelet accepts anonymous callers on all paths or on none. If another path answers 401, a proxy opens the
    // path.
    let rejects = || !replies(report, |reply| reply.status == 401).is_empty();
    if !is_kubelet || !is_guarded_port || rejects() {
        return Vec::new();
    }
    report
        .grants
        .iter()
        .filter(|grant| grant.grade != Grade::Product)
        .collect()
}
