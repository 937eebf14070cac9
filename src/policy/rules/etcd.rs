//! An etcd that asks for no client certificate.

use super::hit::{DEFAULTS, Hit, ScanTime, is_component, requests};
use crate::kubernetes::{Answer, PathClass};
use crate::model::{Component, EndpointReport, Learned, Reply, Rule, Scheme, Severity};
use crate::policy::controls;

pub(in crate::policy) static RULE: Rule = Rule {
    id: "etcd-open",
    title: "etcd answers without a client certificate",
    meaning: "etcd stores all data of a cluster, including every secret, and ignores the authorization of \
        Kubernetes. Anybody who can talk to it may be able to read and change everything. Client certificates \
        keep others out, and this etcd asks for none. etcd can also authenticate users itself; this was not \
        checked.",
    proof: "/version answered with etcd's version, over TLS without a client certificate or over plain HTTP. No \
        key was read. A port that serves only metrics and health has no /version and is not reported.",
    severity: Severity::Critical,
    score: "9.8",
    page: "https://kubernetes.io/docs/tasks/administer-cluster/configure-upgrade-etcd/#securing-etcd-clusters",
    cwe: Some(306),
    controls: &[
        controls::CIS_ETCD_CLIENTS,
        controls::OWASP_2022_AUTHENTICATION,
        controls::OWASP_2025_AUTHENTICATION,
        controls::ATTACK_PUBLIC_FACING,
    ],
    ..DEFAULTS
};

pub(in crate::policy) fn check(report: &EndpointReport, _: ScanTime) -> Option<Hit> {
    if !is_component(report, Component::Etcd) {
        return None;
    }
    let of_etcd = |reply: &Reply| reply.status == 200 && reply.answer == Answer::Etcd;
    let answers = requests(report, |request| {
        request.class() == PathClass::Version && request.reply().is_some_and(of_etcd)
    });
    let how = match report.endpoint.as_ref()?.scheme {
        Scheme::Https => "over TLS without a client certificate",
        Scheme::Http => "over plain HTTP, where no client certificate can be asked for",
    };
    let message = format!("etcd answers {how}; its own user authentication was not asked");
    (!answers.is_empty())
        .then(|| Hit::proven(message, answers).needing([Learned::AnswersOf(Component::Etcd)]))
}
