//! A kubelet that takes anonymous callers.

use super::super::controls::{
    ATTACK_REMOTE_SERVICES, CIS_KUBELET_ANONYMOUS, CIS_KUBELET_AUTHORIZATION,
    OWASP_2022_AUTHENTICATION, OWASP_2025_AUTHENTICATION, OWASP_2025_EXPOSED,
};
use super::{Context, Hit, listed, requests};
use crate::advise::for_rule;
use crate::model::{
    Answer, Component, Confidence, EndpointReport, Grade, Grant, JudgedRequest, Reply, Rule,
    Scheme, Severity,
};

/// The port on which a kubelet serves its health, and nothing else, to everybody.
const HEALTH_PORT: u16 = 10248;

pub(in crate::policy) static OPEN: Rule = Rule {
    id: "kubelet-open",
    title: "A kubelet lets anonymous callers through",
    meaning: "Who may use a kubelet's API may run commands in every container of the node and read what is \
        mounted there. This one accepts requests without credentials, and its authorization let one through. \
        With the mode AlwaysAllow, which is the default of the command line, it lets through everything. More \
        than what is asked of every server was not asked.",
    proof: "A path that kubelets serve behind authentication and authorization answered over TLS. The health \
        port (10248), which serves one such path to everybody, is not meant.",
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
    meaning: "Only the kubelet's authorization, which asks the API server, stands between anybody and the \
        containers of the node. One binding too many of system:anonymous or system:unauthenticated opens them.",
    proof: "The kubelet refused system:anonymous by authorization, in its own words: authentication had let the \
        request in.",
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

pub(in crate::policy) fn open(report: &EndpointReport, _: Context) -> Option<Hit> {
    let grants: Vec<&Grant> = let_through(report);
    let paths = listed(grants.iter().map(|grant| grant.path.as_str()));
    let message = format!("the kubelet lets callers without credentials through to {paths}");
    let hit = Hit::proven(message, grants.iter().map(|grant| grant.request).collect());
    let open = grants.iter().map(|grant| grant.path.clone()).collect();
    (!grants.is_empty()).then_some(Hit { open, ..hit })
}

pub(in crate::policy) fn anonymous(report: &EndpointReport, _: Context) -> Option<Hit> {
    let denied = kubelets(report, |reply| {
        matches!(reply.answer, Answer::KubeletDenial { anonymous: true })
    });
    let message = "the kubelet accepts requests without credentials as system:anonymous; its authorization \
                   stops them";
    let stopped = !denied.is_empty() && let_through(report).is_empty();
    stopped.then(|| Hit::proven(message, denied))
}

/// What a kubelet's authorization granted, on the port where it has one.
fn let_through(report: &EndpointReport) -> Vec<&Grant> {
    let endpoint = report.endpoint.as_ref();
    let guarded = endpoint
        .is_some_and(|endpoint| endpoint.scheme == Scheme::Https && endpoint.port != HEALTH_PORT);
    // A kubelet takes anonymous callers on all its paths or on none: where another path answers 401, what is
    // open is a proxy's own.
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

/// The requests that a kubelet answered like this.
fn kubelets(report: &EndpointReport, answered: impl Fn(&Reply) -> bool) -> Vec<usize> {
    let such = |request: &JudgedRequest| {
        is_kubelet(report) && request.exchange.outcome.as_ref().is_ok_and(&answered)
    };
    requests(report, such)
}
