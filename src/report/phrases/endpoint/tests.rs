//! The words for endpoints.

use super::super::super::sample::{
    eks, forbidden, granted, identified, origin, rejected, report, target, with_requests,
};
use super::*;
use crate::model::{JudgedRequest, Product, Request};

fn text_of(verdict: Verdict, requests: Vec<JudgedRequest>) -> String {
    let target = target(0, origin(1, "192.0.2.1"), "192.0.2.1", 6443);
    anonymous_may(&with_requests(
        report(target, "192.0.2.1", verdict, "the reason"),
        requests,
    ))
}

#[test]
fn exposed_without_resources() {
    assert_eq!(
        text_of(
            Verdict::Exposed,
            ["/version", "/api", "/healthz"].map(granted).into()
        ),
        "read discovery; version, health; resources not asked"
    );
    let mut requests = vec![granted("/api"), rejected("/version")];
    requests.extend(["/api/v1/secrets", "/api/v1/pods"].map(forbidden));
    assert_eq!(
        text_of(Verdict::Exposed, requests),
        "read discovery; resources refused: 2 of 2"
    );
}

#[test]
fn long_lists_are_cut() {
    let lists =
        ["a", "b", "c", "d", "e", "f", "g", "h"].map(|list| granted(&format!("/api/v1/{list}")));
    assert_eq!(
        text_of(Verdict::Exposed, lists.into()),
        "list a, b, c, d and 4 more"
    );
}

#[test]
fn default_is_said_only_of_the_default_paths() {
    let api = || forbidden("/api");
    assert_eq!(
        text_of(
            Verdict::Forbidden,
            vec![granted("/version"), api(), granted("/healthz")]
        ),
        "version, health (default); resources not asked"
    );
    assert_eq!(
        text_of(
            Verdict::Forbidden,
            vec![granted("/version"), api(), forbidden("/healthz")]
        ),
        "version; resources not asked"
    );
    assert_eq!(
        text_of(
            Verdict::Forbidden,
            vec![forbidden("/version"), api(), forbidden("/healthz")]
        ),
        "nothing on 3 of 3 API paths; resources not asked"
    );
}

#[test]
fn limited_and_rejected() {
    let api = || rejected("/api");
    assert_eq!(
        text_of(
            Verdict::Limited,
            vec![granted("/version"), api(), granted("/livez")]
        ),
        "version, health only; resources not asked"
    );
    assert_eq!(
        text_of(Verdict::Limited, vec![forbidden("/version"), api()]),
        "nothing: the reason"
    );
    assert_eq!(
        text_of(
            Verdict::Rejected,
            vec![rejected("/version"), api(), granted("/ping")]
        ),
        "/ping; nothing on 2 of 2 API paths; resources not asked"
    );
    let lists = vec![rejected("/version"), api(), rejected("/api/v1/secrets")];
    assert_eq!(
        text_of(Verdict::Rejected, lists),
        "nothing on 3 of 3 API paths"
    );
}

#[test]
fn a_request_without_an_answer_is_not_refused() {
    let text = |verdict, requests: Vec<JudgedRequest>, not_asked: &[&str]| {
        let target = target(0, origin(1, "192.0.2.1"), "192.0.2.1", 6443);
        let mut report =
            with_requests(report(target, "192.0.2.1", verdict, "the reason"), requests);
        report.not_asked = not_asked
            .iter()
            .map(|path| Request::for_path(path).unwrap())
            .collect();
        anonymous_may(&report)
    };
    let refused = || vec![rejected("/api"), rejected("/api/v1/secrets")];
    assert_eq!(
        text(Verdict::Rejected, refused(), &["/api/v1/pods", "/metrics"]),
        "nothing on 2 of 2 API paths; resources: 1 of 2 asked, 1 other path without an answer"
    );
    assert_eq!(
        text(Verdict::Rejected, vec![rejected("/api")], &["/api/v1/pods"]),
        "nothing on 1 of 1 API paths; resources: 0 of 1 asked"
    );
    let open = || vec![granted("/healthz"), rejected("/api")];
    assert_eq!(
        text(Verdict::Limited, open(), &["/metrics"]),
        "health only; resources not asked; 1 other path without an answer"
    );
    let lists = vec![forbidden("/api"), forbidden("/api/v1/secrets")];
    assert_eq!(
        text(Verdict::Forbidden, lists, &["/api/v1/pods"]),
        "nothing on 2 of 2 API paths; resources refused: 1 of 2; resources: 1 of 2 asked"
    );
}

#[test]
fn paths_that_are_not_served_are_not_listed_as_readable() {
    let grant = |path: &str, not_served| Grant {
        path: path.to_owned(),
        grade: crate::model::Grade::Discovery,
        verb: crate::model::Verb::Get,
        not_served,
        request: 0,
    };
    let open = Grants::of(&[
        grant("/api", false),
        grant("/logs", true),
        grant("/ping", true),
    ]);
    assert_eq!(
        (open.beyond_default().as_str(), open.by_default().as_str()),
        ("read discovery", "")
    );
    // A grant without a served document is still more than the default.
    let open = Grants::of(&[grant("/logs", true), grant("/ping", true)]);
    assert_eq!(
        open.beyond_default(),
        "nothing served, but authorized for /logs"
    );
}

#[test]
fn who_names_a_component_only_with_evidence() {
    let text = |component, kubernetes, product: Option<&str>, confidence| {
        let target = target(0, origin(1, "192.0.2.1"), "192.0.2.1", 6443);
        let mut report = report(target, "192.0.2.1", Verdict::Unreachable, "tls: not TLS");
        let mut identification = identified(component, None);
        identification.kubernetes = kubernetes;
        identification.attribution.confidence = Some(confidence);
        identification.attribution.product = product.map(|short| Product {
            short: short.to_owned().into(),
            ..eks()
        });
        report.identification = Some(identification);
        who_answered(&report)
    };
    let (low, high) = (Confidence::Low, Confidence::High);
    assert_eq!(text(Component::Unknown, false, None, low), "unknown");
    assert_eq!(
        text(Component::Unknown, true, None, low),
        "Kubernetes, part unknown"
    );
    assert_eq!(
        text(Component::Unknown, true, Some("kubeadm"), high),
        "Kubernetes, part unknown (kubeadm)"
    );
    assert_eq!(
        text(Component::Kubelet, true, Some("kubeadm"), low),
        "kubelet (perhaps kubeadm)"
    );
    assert_eq!(
        text(Component::KubeApiServer, true, Some("kubeadm"), low),
        "perhaps kubeadm"
    );
}

#[test]
fn who_cuts_long_texts() {
    let target = target(0, origin(1, "192.0.2.1"), "192.0.2.1", 6443);
    let mut report = report(target, "192.0.2.1", Verdict::Forbidden, "");
    let mut identification = identified(Component::KubeApiServer, Some(&"9".repeat(300)));
    identification.attribution.others = vec![eks(); 9];
    report.identification = Some(identification);
    let text = who_answered(&report);
    assert!(
        text.starts_with("kube-apiserver (EKS or EKS or one of 7 more) 999"),
        "{text}"
    );
    assert!(text.chars().count() < 90, "{text}");
}
