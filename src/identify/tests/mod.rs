mod confidence;

use super::identify;
use crate::model::fixtures::*;
use crate::model::{
    ClueKind, Component, Confidence, Failure, FailureKind, Observation, Product, Stage,
};

fn component(observation: &Observation) -> Component {
    identify(observation).component
}

#[test]
fn an_api_server_by_its_answers_alone() {
    let found = identify(&seen(
        1,
        [
            ("/version", version()),
            ("/api", forbidden()),
            ("/healthz", ok()),
        ],
    ));
    assert_eq!(
        (found.component, found.confidence),
        (Component::KubeApiServer, Confidence::High)
    );
    assert_eq!(found.version.as_deref(), Some("v1.34.1"));
    assert!(found.kubernetes);
}

#[test]
fn an_api_server_that_answers_401_everywhere() {
    let found = identify(&seen(
        1,
        [("/version", unauthorized()), ("/api", unauthorized())],
    ));
    assert_eq!(found.component, Component::KubeApiServer);
    assert_eq!(found.version, None, "the version is not guessed");
}

#[test]
fn behind_a_front_that_terminates_tls() {
    let answers = [
        ("/version", version().with("server", "nginx/1.22.1")),
        ("/api", forbidden().with("server", "nginx/1.22.1")),
    ];
    let found = identify(&seen(1, answers).over_tls(
        "CN=k8s.example.com",
        "CN=Some CA",
        &["k8s.example.com"],
        &[],
    ));
    assert_eq!(found.component, Component::KubeApiServer);
    assert!(found.through_front);
    let direct =
        identify(&seen(1, [("/version", version()), ("/api", forbidden())]).with_kubeadm_tls());
    assert!(!direct.through_front);
}

/// Controller manager and scheduler share the API server's HTTP library, CA names included.
#[test]
fn controller_manager_and_scheduler_are_no_api_server() {
    let look = |version| {
        seen(
            1,
            [
                ("/version", version),
                ("/api", bare_forbidden()),
                ("/healthz", reply(200, "text/plain", "ok")),
            ],
        )
        .over_tls(
            "CN=localhost@1795472166",
            "CN=localhost-ca@1795472166",
            &["localhost"],
            &["CN=kubernetes", "CN=front-proxy-ca"],
        )
    };
    assert_eq!(
        component(&look(go_404())),
        Component::ControllerManagerOrScheduler
    );
    // Where the delegated authorizer refuses /version too, the port is the only other sign.
    assert_eq!(
        component(&look(bare_forbidden()).on_port(10259)),
        Component::KubeScheduler
    );
    assert_eq!(
        component(&look(go_404()).on_port(10257)),
        Component::KubeControllerManager
    );
    assert_eq!(
        component(&look(bare_forbidden())),
        Component::Unknown,
        "cannot tell, and does not guess"
    );
}

#[test]
fn an_old_api_server_without_header_marks_is_known_by_its_certificate() {
    let bare = || {
        seen(
            1,
            [("/version", bare_forbidden()), ("/api", bare_forbidden())],
        )
    };
    assert_eq!(
        component(&bare().with_kubeadm_tls()),
        Component::KubeApiServer
    );
    assert_eq!(component(&bare()), Component::Unknown);
}

#[test]
fn an_extension_api_server() {
    let answers = || {
        seen(
            1,
            [
                ("/version", version()),
                ("/api", forbidden()),
                ("/healthz", ok()),
            ],
        )
    };
    let of_service = answers().over_tls(
        "CN=metrics",
        "CN=x",
        &["metrics-server.kube-system.svc"],
        &["CN=kubernetes"],
    );
    assert_eq!(component(&of_service), Component::AggregatedApiServer);
    let self_made = answers().over_tls(
        "CN=localhost@17",
        "CN=localhost-ca@17",
        &["localhost"],
        &["CN=kubernetes"],
    );
    assert_eq!(component(&self_made), Component::AggregatedApiServer);
    // kube-apiserver makes itself a certificate in the same form, with its own names in it.
    let own = answers().over_tls(
        "CN=10.0.0.1@17",
        "CN=10.0.0.1-ca@17",
        &["kubernetes.default.svc"],
        &[],
    );
    assert_eq!(component(&own), Component::KubeApiServer);
}

#[test]
fn a_kubelet() {
    let plain = || reply(401, "text/plain", "Unauthorized");
    let answers = || {
        seen(
            1,
            [
                ("/version", plain()),
                ("/api", plain()),
                ("/healthz", plain()),
            ],
        )
    };
    let cas = ["CN=kubernetes"];
    let self_made = answers().over_tls("CN=worker-1@17", "CN=worker-1-ca@17", &["worker-1"], &cas);
    assert_eq!(component(&self_made), Component::Kubelet);
    let issued = answers().over_tls(
        "O=system:nodes, CN=system:node:worker-1",
        "CN=kubernetes",
        &["worker-1"],
        &cas,
    );
    assert_eq!(component(&issued), Component::Kubelet);
    // An open one, that is asked for its metrics too, and one that is not well.
    for health in [
        reply(200, "text/plain", "ok"),
        reply(500, "text/plain", "[-]syncloop failed: reason withheld\n"),
    ] {
        let open = [
            ("/version", go_404()),
            ("/healthz", health),
            ("/metrics", reply(200, "text/plain", "# HELP x y\n")),
        ];
        let open =
            seen(1, open).over_tls("CN=worker-1@17", "CN=worker-1-ca@17", &["worker-1"], &cas);
        assert_eq!(component(&open), Component::Kubelet);
    }
    // Another program of the node, with the node's certificate.
    let health = || {
        seen(
            1,
            [
                ("/version", go_404()),
                ("/api", go_404()),
                ("/healthz", reply(200, "text/plain", "ok")),
            ],
        )
    };
    let issued = |cas: &[&str]| {
        health().over_tls(
            "O=system:nodes, CN=system:node:worker-1",
            "CN=kubernetes",
            &["worker-1"],
            cas,
        )
    };
    let confidence = |observation: &Observation| identify(observation).confidence;
    assert_eq!(confidence(&issued(&[])), Confidence::Low);
    assert_eq!(confidence(&issued(&cas)), Confidence::High);
    assert_eq!(confidence(&issued(&[]).on_port(10250)), Confidence::High);
    let odd = || answers().over_tls("CN=node.example.com", "CN=Corp CA", &[], &cas);
    assert_eq!(component(&odd().on_port(10250)), Component::Kubelet);
    assert_eq!(
        component(&odd()),
        Component::Unknown,
        "a bare 401 and a CA name prove neither"
    );
}

/// It serves no `/version` and no `/api`, and refuses `/healthz` in its own words, under any certificate.
#[test]
fn a_kubelet_that_takes_anonymous_callers() {
    let denial = "Forbidden (user=system:anonymous, verb=get, resource=nodes, subresource(s)=[healthz proxy])\n";
    let answers = || {
        seen(
            1,
            [
                ("/version", go_404()),
                ("/api", go_404()),
                ("/healthz", reply(403, "text/plain", denial)),
            ],
        )
    };
    let found = identify(&answers().over_tls("CN=node.example.com", "CN=Corp CA", &[], &[]));
    assert_eq!(
        (found.component, found.confidence),
        (Component::Kubelet, Confidence::High)
    );
    assert!(found.kubernetes);
    let told = found
        .clues
        .iter()
        .find(|clue| clue.kind == ClueKind::ForeignAnswer)
        .unwrap();
    assert!(
        told.seen
            .contains("GET /healthz answered 403 with a kubelet's refusal"),
        "{}",
        told.seen
    );
    // An API server that passes it on is one.
    let through = seen(
        1,
        [
            ("/version", version()),
            ("/healthz", reply(403, "text/plain", denial)),
        ],
    );
    assert_eq!(component(&through), Component::KubeApiServer);
}

/// Whoever owns a name may point it anywhere.
#[test]
fn an_alias_names_nothing_against_the_certificate() {
    let eks = "a42c0404a862c06b0e9998c1ec42d7e1.gr7.ap-northeast-2.eks.amazonaws.com";
    let refusing = || seen(1, [("/version", unauthorized()), ("/api", unauthorized())]);
    let aliased = |observation: Observation| {
        let mut observation = observation;
        observation.endpoint.name = Some("api.example.com".into());
        observation.aliases = [eks.into()].into();
        identify(&observation).attribution
    };
    let ids = |products: &[Product]| {
        products
            .iter()
            .map(|product| product.id.to_string())
            .collect::<Vec<_>>()
    };
    // The alias is as strong as the certificate. The certificate's product is named, and the alias is evidence against
    // it.
    let kubeadm = aliased(refusing().with_kubeadm_tls());
    assert_eq!(
        kubeadm.product.map(|product| product.id).as_deref(),
        Some("kubeadm")
    );
    assert_eq!(
        kubeadm
            .against
            .iter()
            .map(|mark| mark.seen.as_str())
            .collect::<Vec<_>>(),
        [eks]
    );
    // Stronger than the certificate's product: neither is named.
    let weaker = aliased(refusing().over_tls("CN=x", "CN=kubernetes-ca", &[], &[]));
    assert_eq!(
        (weaker.product, weaker.confidence),
        (None, Some(Confidence::Medium))
    );
    assert!(
        ids(&weaker.others).contains(&"eks".to_owned()),
        "{:?}",
        ids(&weaker.others)
    );
    assert!(
        ids(&weaker.others).contains(&"k0s".to_owned()),
        "{:?}",
        ids(&weaker.others)
    );
    // A certificate that fits the alias, and one without marks.
    let own = refusing().over_tls(
        "CN=kube-apiserver",
        "CN=kubernetes",
        &[eks],
        &["CN=kubernetes"],
    );
    let silent = refusing().over_tls("CN=api.example.com", "O=Example, CN=Issuing CA", &[], &[]);
    for observation in [own, silent] {
        let found = aliased(observation);
        assert_eq!(
            found.product.map(|product| product.id).as_deref(),
            Some("eks")
        );
    }
    // The name that was asked for is what the user says.
    let mut asked = refusing().with_kubeadm_tls();
    asked.endpoint.name = Some(eks.into());
    assert_eq!(
        identify(&asked).product().map(|product| &*product.id),
        Some("eks")
    );
}

#[test]
fn a_document_that_names_etcd_at_every_path_is_no_etcd() {
    let page = || {
        let body = r#"{"etcdserver":"3.5.9","etcdcluster":"3.5.0"}"#;
        reply(200, "application/json", body)
    };
    let everywhere = seen(
        1,
        [("/version", page()), ("/api", page()), ("/healthz", page())],
    );
    assert_eq!(component(&everywhere), Component::Other);
}

/// What is no Kubernetes path's body identifies nothing.
#[test]
fn an_index_of_other_paths_is_no_discovery() {
    for body in [
        r#"{"paths":["/users","/orders"]}"#,
        r#"{"kind":"APIGroup","versions":[]}"#,
    ] {
        let app = seen(
            1,
            [
                ("/version", page(404)),
                ("/api", reply(200, "application/json", body)),
                ("/healthz", page(404)),
            ],
        );
        assert_eq!(component(&app), Component::Other, "{body}");
    }
}

/// A controller manager with the API server's certificate refuses lists of resources as paths.
#[test]
fn lists_that_are_refused_as_paths_show_no_api_server() {
    let list = "/api/v1/pods&continue=bogus";
    let as_path = status(
        403,
        "Forbidden",
        "forbidden: User \"system:anonymous\" cannot get path \"/api/v1/pods\"",
    );
    let refusing = |answer: crate::model::Reply| {
        seen(
            1,
            [
                ("/version", bare_forbidden()),
                ("/api", bare_forbidden()),
                ("/healthz", reply(200, "text/plain", "ok")),
                (list, answer),
            ],
        )
        .with_kubeadm_tls()
    };
    assert_eq!(component(&refusing(as_path)), Component::Unknown);
    assert_eq!(
        component(&refusing(bare_forbidden())),
        Component::KubeApiServer
    );
}

#[test]
fn etcd() {
    let version = reply(
        200,
        "application/json",
        r#"{"etcdserver":"3.5.0","etcdcluster":"3.5.0"}"#,
    );
    assert_eq!(
        component(&seen(1, [("/version", version), ("/api", go_404())])),
        Component::Etcd
    );
    let refusal = || Failure::new(Stage::Tls, FailureKind::ClientCertificateRequired, "");
    let closed = |issuer, ca| {
        failing(1, [("/version", Err(refusal()))]).over_tls(
            "CN=control-plane-1",
            issuer,
            &[],
            &[ca],
        )
    };
    assert_eq!(component(&closed("CN=x", "CN=etcd-ca")), Component::Etcd);
    assert_eq!(component(&closed("CN=x", "CN=Etcd-CA")), Component::Etcd);
    assert_eq!(component(&closed("CN=etcd-ca", "CN=x")), Component::Etcd);
    assert_ne!(component(&closed("CN=x", "CN=corporate")), Component::Etcd);
    // By its port, as a kubelet.
    assert_eq!(
        component(&closed("CN=x", "CN=kubernetes").on_port(2379)),
        Component::Etcd
    );
    assert_ne!(component(&closed("CN=x", "CN=kubernetes")), Component::Etcd);
    assert_ne!(
        component(&closed("CN=x", "CN=corporate").on_port(2379)),
        Component::Etcd
    );
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
    let found =
        identify(&seen(1, [("/version", page(403)), ("/api", page(403))]).with_kubeadm_tls());
    assert_eq!(found.component, Component::FrontEnd);
    assert!(found.kubernetes);
}

#[test]
fn every_sign_is_told() {
    let found =
        identify(&seen(1, [("/version", version()), ("/api", forbidden())]).with_kubeadm_tls());
    let kinds: Vec<&str> = found.clues.iter().map(|clue| clue.kind.as_str()).collect();
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
