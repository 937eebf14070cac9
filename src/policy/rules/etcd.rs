//! An etcd that answers anybody.

use super::super::controls::{
    ATTACK_PUBLIC_FACING, CIS_ETCD_CLIENTS, OWASP_2022_AUTHENTICATION, OWASP_2025_AUTHENTICATION,
};
use super::{Context, Hit, requests};
use crate::advise::for_rule;
use crate::model::{Answer, Component, EndpointReport, PathClass, Rule, Scheme, Severity};

pub(in crate::policy) static RULE: Rule = Rule {
    id: "etcd-open",
    title: "etcd answers without a client certificate",
    meaning: "etcd holds all that a cluster stores, every secret among it, and knows nothing of the \
        authorization of Kubernetes: who may talk to it may read and change everything. The client certificate \
        is what keeps others out, and here none is asked for. etcd can have users of its own; whether they are \
        in force was not asked.",
    proof: "/version answered with etcd's version, over TLS to a client without a certificate, or over plain \
        HTTP. No key was read. A port with metrics and health alone has no /version and is not meant.",
    advice: for_rule,
    severity: Severity::Critical,
    score: "9.8",
    cwe: Some(306),
    controls: &[
        CIS_ETCD_CLIENTS,
        OWASP_2022_AUTHENTICATION,
        OWASP_2025_AUTHENTICATION,
        ATTACK_PUBLIC_FACING,
    ],
};

pub(in crate::policy) fn check(report: &EndpointReport, _: Context) -> Option<Hit> {
    report
        .identification
        .as_ref()
        .filter(|found| found.component == Component::Etcd)?;
    let answers = requests(report, |request| {
        let served =
            |reply: &crate::model::Reply| reply.status == 200 && reply.answer == Answer::Etcd;
        let exchange = &request.exchange;
        exchange.request.class == PathClass::Version && exchange.outcome.as_ref().is_ok_and(served)
    });
    let how = match report.endpoint.as_ref()?.scheme {
        Scheme::Https => "over TLS without a client certificate",
        Scheme::Http => "over plain HTTP, where no client certificate can be asked for",
    };
    let message = format!("etcd answers {how}; its own user authentication was not asked");
    (!answers.is_empty()).then(|| Hit::proven(message, answers))
}
