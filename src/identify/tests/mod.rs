mod confidence;
mod posture;

use super::identify;
use crate::model::fixtures::*;
use crate::model::{Component, Confidence, Failure, FailureKind, Observation, Stage};

fn component(observation: &Observation) -> Component {
    identify(observation).component
}

#[test]
fn an_api_server_by_its_answers_alone() {
    let found = identify(&seen(1, [("/version", version()), ("/api", forbidden()), ("/healthz", ok())]));
    assert_eq!((found.component, found.confidence), (Component::KubeApiServer, Confidence::High));
    assert_eq!(found.version.as_deref(), Some("v1.34.1"));
    assert!(found.kubernetes);
}

#[test]
fn an_api_server_that_answers_401_everywhere() {
    let found = identify(&seen(1, [("/version", unauthorized()), ("/api", unauthorized())]));
    assert_eq!(found.component, Component::KubeApiServer);
    assert_eq!(found.version, None, "the version is not guessed");
}

#[test]
fn behind_a_front_that_terminates_tls() {
    let answers = [
        ("/version", version().with("server", "nginx/1.22.1")),
        ("/api", forbidden().with("server", "nginx/1.22.1")),
    ];
    let found =
        identify(&seen(1, answers).over_tls("CN=k8s.example.com", "CN=Some CA", &["k8s.example.com"], &[]));
    assert_eq!(found.component, Component::KubeApiServer);
    assert!(found.through_front);
    let direct = identify(&seen(1, [("/version", version()), ("/api", forbidden())]).with_kubeadm_tls());
    assert!(!direct.through_front);
}

/// Controller manager and scheduler share the API server's HTTP library, CA names included.
#[test]
fn controller_manager_and_scheduler_are_no_api_server() {
    let look = |version| {
        seen(
            1,
            [("/version", version), ("/api", bare_forbidden()), ("/healthz", reply(200, "text/plain", "ok"))],
        )
        .over_tls(
            "CN=localhost@1795472166",
            "CN=localhost-ca@1795472166",
            &["localhost"],
            &["CN=kubernetes", "CN=front-proxy-ca"],
        )
    };
    assert_eq!(component(&look(go_404())), Component::ControllerManagerOrScheduler);
    // Where the delegated authorizer refuses /version too, the port is the only other sign.
    assert_eq!(component(&look(bare_forbidden()).on_port(10259)), Component::KubeScheduler);
    assert_eq!(component(&look(go_404()).on_port(10257)), Component::KubeControllerManager);
    assert_eq!(component(&look(bare_forbidden())), Component::Unknown, "cannot tell, and does not guess");
}

#[test]
fn an_old_api_server_without_header_marks_is_known_by_its_certificate() {
    let bare = || seen(1, [("/version", bare_forbidden()), ("/api", bare_forbidden())]);
    assert_eq!(component(&bare().with_kubeadm_tls()), Component::KubeApiServer);
    assert_eq!(component(&bare()), Component::Unknown);
}

#[test]
fn an_extension_api_server() {
    let answers = || seen(1, [("/version", version()), ("/api", forbidden()), ("/healthz", ok())]);
    let of_service =
        answers().over_tls("CN=metrics", "CN=x", &["metrics-server.kube-system.svc"], &["CN=kubernetes"]);
    assert_eq!(component(&of_service), Component::AggregatedApiServer);
    let self_made =
        answers().over_tls("CN=localhost@17", "CN=localhost-ca@17", &["localhost"], &["CN=kubernetes"]);
    assert_eq!(component(&self_made), Component::AggregatedApiServer);
    // kube-apiserver makes itself a certificate in the same form, with its own names in it.
    let own = answers().over_tls("CN=10.0.0.1@17", "CN=10.0.0.1-ca@17", &["kubernetes.default.svc"], &[]);
    assert_eq!(component(&own), Component::KubeApiServer);
}

#[test]
fn a_kubelet() {
    let plain = || reply(401, "text/plain", "Unauthorized");
    let answers = || seen(1, [("/version", plain()), ("/api", plain()), ("/healthz", plain())]);
    let cas = ["CN=kubernetes"];
    let self_made = answers().over_tls("CN=worker-1@17", "CN=worker-1-ca@17", &["worker-1"], &cas);
    assert_eq!(component(&self_made), Component::Kubelet);
    let issued =
        answers().over_tls("O=system:nodes, CN=system:node:worker-1", "CN=kubernetes", &["worker-1"], &cas);
    assert_eq!(component(&issued), Component::Kubelet);
    let odd = || answers().over_tls("CN=node.example.com", "CN=Corp CA", &[], &cas);
    assert_eq!(component(&odd().on_port(10250)), Component::Kubelet);
    assert_eq!(component(&odd()), Component::Unknown, "a bare 401 and a CA name prove neither");
}

#[test]
fn etcd() {
    let version = reply(200, "application/json", r#"{"etcdserver":"3.5.0","etcdcluster":"3.5.0"}"#);
    assert_eq!(component(&seen(1, [("/version", version), ("/api", go_404())])), Component::Etcd);
    let refusal = || Failure::new(Stage::Tls, FailureKind::ClientCertificateRequired, "");
    let closed =
        |ca| failing(1, [("/version", Err(refusal()))]).over_tls("CN=etcd", "CN=x", &["etcd"], &[ca]);
    assert_eq!(component(&closed("CN=etcd-ca")), Component::Etcd);
    assert_ne!(component(&closed("CN=corporate")), Component::Etcd);
}

#[test]
fn what_has_no_sign_of_kubernetes_is_something_else() {
    for answer in [
        page(200),
        page(403),
        reply(401, "application/json", r#"{"error":"unauthorized"}"#),
        reply(401, "text/plain", "Unauthorized"),
        reply(200, "text/plain", "ok"),
        reply(302, "", ""),
    ] {
        let found = identify(&seen(1, [("/version", answer.clone()), ("/api", answer)]));
        assert_eq!(found.component, Component::Other);
        assert!(!found.kubernetes);
    }
}

#[test]
fn a_page_in_front_of_a_kubernetes_certificate_is_a_front_end() {
    let found = identify(&seen(1, [("/version", page(403)), ("/api", page(403))]).with_kubeadm_tls());
    assert_eq!(found.component, Component::FrontEnd);
    assert!(found.kubernetes);
}

#[test]
fn every_sign_is_told() {
    let found = identify(&seen(1, [("/version", version()), ("/api", forbidden())]).with_kubeadm_tls());
    let kinds: Vec<&str> = found.clues.iter().map(|clue| clue.kind.word()).collect();
    assert_eq!(
        kinds,
        [
            "status-object",
            "version-fields",
            "audit-id",
            "flow-control",
            "serving-certificate",
            "certificate-names",
            "client-ca-names",
            "alpn"
        ]
    );
}
