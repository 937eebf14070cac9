//! A kubelet that accepts anonymous callers.

use super::super::controls::{
    ATTACK_REMOTE_SERVICES, CIS_KUBELET_ANONYMOUS, CIS_KUBELET_AUTHORIZATION,
    OWASP_2022_AUTHENTICATION, OWASP_2025_AUTHENTICATION, OWASP_2025_EXPOSED,
};
use super::{Hit, ScanTime, listed, requests};
use crate::advise::for_rule;
use crate::kubernetes::Answer;
use crate::model::{
    Component, Confidence, EndpointReport, Grade, Grant, JudgedRequest, Reply, Rule, Scheme,
    Severity,
};

/// On this port a kubelet serves only its health, to everybody.
const HEALTH_PORT: u16 = 10248;

pub(in crate::policy) static OPEN: Rule = Rule {
    id: "kubelet-open",
    title: "A kubelet lets anonymous callers through",
    meaning: "The API of a kubelet can run commands in every container of the node and read what is mounted \
        there. This kubelet accepts requests without credentials, and its authorization let one through. The \
        mode AlwaysAllow, the default on the command line, lets everything through. Only the usual paths were \
        requested.",
    proof: "A path that kubelets serve behind authentication and authorization answered over TLS. The health \
        port (10248), which serves one such path to everybody, is not reported.",
    advice: for_rule,
    severity: Severity::High,
    score: "8.6",
    cwe: Some(306),
    controls: &[
        CIS_KUBELET_ANONYMOUS,
        CIS_KUBELET_AUTHORIZATION,
        OWASP_2022_AUTHENTICATION,
        OWASP_2025_AUTHENTICATION,
        ATTACK_REMOTE_SERVICES,
    ],
};

pub(in crate::policy) static ANONYMOUS: Rule = Rule {
    id: "kubelet-anonymous",
    title: "A kubelet accepts requests without credentials as system:anonymous",
    meaning: "Only the kubelet's authorization, which asks the API server, protects the containers of the node \
        from anonymous callers. One wrong binding of system:anonymous or system:unauthenticated opens them.",
    proof: "The kubelet refused system:anonymous by authorization, so authentication had accepted the request.",
    advice: for_rule,
    severity: Severity::Medium,
    score: "5.3",
    cwe: Some(1188),
    controls: &[
        CIS_KUBELET_ANONYMOUS,
        OWASP_2025_EXPOSED,
        OWASP_2025_AUTHENTICATION,
        ATTACK_REMOTE_SERVICES,
    ],
};

pub(in crate::policy) fn open(report: &EndpointReport, _: ScanTime) -> Option<Hit> {
    let grants: Vec<&Grant> = let_through(report);
    let paths = listed(grants.iter().map(|grant| grant.path.as_str()));
    let message = format!("the kubelet lets callers without credentials through to {paths}");
    let hit = Hit::proven(message, grants.iter().map(|grant| grant.request).collect());
    let open = grants.iter().map(|grant| grant.path.clone()).collect();
    (!grants.is_empty()).then_some(Hit { open, ..hit })
}

pub(in crate::policy) fn anonymous(report: &EndpointReport, _: ScanTime) -> Option<Hit> {
    let denied = kubelets(report, |reply| {
        matches!(reply.answer, Answer::KubeletDenial { anonymous: true })
    });
    let message = "the kubelet accepts requests without credentials as system:anonymous; its authorization \
                   stops them";
    let stopped = !denied.is_empty() && let_through(report).is_empty();
    stopped.then(|| Hit::proven(message, denied))
}

/// The paths that a kubelet's authorization granted.
fn let_through(report: &EndpointReport) -> Vec<&Grant> {
    let endpoint = report.endpoint.as_ref();
    let guarded = endpoint
        .is_some_and(|endpoint| endpoint.scheme == Scheme::Https && endpoint.port != HEALTH_PORT);
    // A kubelet accepts anonymous callers on all paths or on none. If another path answers 401, the open path is
    // that of a proxy.
    let refuses = !kubelets(report, |reply| reply.status == 401).is_empty();
    // Another program may serve with the certificate of a node.
    let is_certain = report
        .identification
        .as_ref()
        .is_some_and(|found| found.confidence > Confidence::Low);
    let kubelet = is_kubelet(report) && is_certain && guarded && !refuses;
    report
        .grants
        .iter()
        .filter(|grant| kubelet && grant.grade != Grade::Product)
        .collect()
}

fn is_kubelet(report: &EndpointReport) -> bool {
    report
        .identification
        .as_ref()
        .is_some_and(|found| found.component == Component::Kubelet)
}

/// The requests that a kubelet answered in this way.
fn kubelets(report: &EndpointReport, answered: impl Fn(&Reply) -> bool) -> Vec<usize> {
    let such = |request: &JudgedRequest| {
        is_kubelet(report) && request.exchange.outcome.as_ref().is_ok_and(&answered)
    };
    requests(report, such)
}
