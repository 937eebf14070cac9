//! How to close what is open.

use super::super::observed::Observed;
use super::super::remedy::remedy;
use super::verdict_alone;
use crate::identify::identify;
use crate::model::fixtures::*;
use crate::model::{Grade, Grant, Observation, Remedy, Verdict};
use crate::products::TABLE;

fn of(observation: &Observation, verdict: Verdict) -> Option<Remedy> {
    expecting(observation, verdict, None)
}

fn expecting(
    observation: &Observation,
    verdict: Verdict,
    expected: Option<Verdict>,
) -> Option<Remedy> {
    let observed = Observed {
        expected,
        ..verdict_alone(verdict)
    };
    remedy(&identify(observation), observed)
}

/// A remedy as one text.
fn told(remedy: &Remedy) -> String {
    remedy.remediation.text(usize::MAX)
}

fn grant(path: &str, grade: Grade) -> Grant {
    Grant {
        path: path.to_owned(),
        grade,
        verb: crate::model::Verb::Get,
        not_served: false,
        request: 0,
    }
}

/// The remedy if these paths are open.
fn opening(observation: &Observation, grants: &[Grant]) -> String {
    let observed = Observed {
        grants,
        ..verdict_alone(Verdict::Exposed)
    };
    told(&remedy(&identify(observation), observed).unwrap())
}

fn of_version(version: &str) -> Observation {
    let body = format!("{{\"major\":\"1\",\"minor\":\"0\",\"gitVersion\":\"{version}\"}}");
    let version = reply(200, "application/json", &body);
    seen(
        1,
        [("/version", version.marked()), ("/api", api_versions())],
    )
}

fn text(observation: &Observation, verdict: Verdict) -> String {
    told(&of(observation, verdict).unwrap())
}

fn look() -> Observation {
    seen(
        1,
        [
            ("/version", version()),
            ("/api", api_versions()),
            ("/healthz", ok()),
        ],
    )
}

#[test]
fn the_products_own_switch_and_nothing_where_nothing_is_open() {
    let eks = "abc.gr7.eu-west-1.eks.amazonaws.com";
    let observation = look().over_tls("CN=kube-apiserver", "CN=kubernetes", &[eks], &[]);
    let remedy = of(&observation, Verdict::Exposed).unwrap();
    let text = told(&remedy);
    assert!(
        text.starts_with("Take anonymous callers out of the bindings that open this. Restrict"),
        "{text}"
    );
    assert!(
        text.contains("not exposed to the operator")
            && text.contains("Take system:anonymous and system:unauthenticated out"),
        "{text}"
    );
    assert_eq!(remedy.changeable, Some(false));
    assert_eq!(of(&observation, Verdict::Rejected), None);
    assert_eq!(of(&observation, Verdict::Limited), None);
}

#[test]
fn openshift_is_never_told_to_switch_anonymous_off() {
    let names = ["OU=openshift, CN=admin-kubeconfig-signer"];
    let plain = look().over_tls(
        "CN=api",
        "OU=openshift, CN=kube-apiserver-lb-signer",
        &[],
        &names,
    );
    let contradicted = look().over_tls("CN=api", "CN=k3s-server-ca@1735689600", &[], &names);
    for observation in [plain, contradicted] {
        for verdict in [Verdict::Exposed, Verdict::Forbidden] {
            let text = text(&observation, verdict);
            assert!(
                !text.contains("anonymous-auth=false") && !text.contains("--authentication-config"),
                "{text}"
            );
        }
    }
}

#[test]
fn microk8s_reads_backwards() {
    let observation = look().over_tls("CN=x", "CN=10.152.183.1", &[], &[]);
    assert!(text(&observation, Verdict::Rejected).contains("microk8s enable rbac"));
}

#[test]
fn discovery_is_closed_where_it_is_opened_mostly_and_stays_for_others() {
    let discovery = [grant("/api", Grade::Discovery)];
    for (version, again) in [("v1.13.12", true), ("v1.20.2", false), ("v1.34.1", false)] {
        let text = opening(&of_version(version), &discovery);
        assert!(
            text.contains("\n1. Begin with the bindings of discovery")
                && text.contains(
                    "\n    kubectl edit clusterrolebinding system:discovery system:basic-user\n"
                ),
            "{text}"
        );
        assert!(
            text.contains("beside system:authenticated, which must stay"),
            "{text}"
        );
        assert_eq!(
            text.contains("system:basic-user rbac.authorization.kubernetes.io/autoupdate=false"),
            again
        );
        assert!(
            text.contains("delete only one that names nobody else"),
            "{text}"
        );
    }
    let others = [
        (
            grant("/api/v1/secrets", Grade::SensitiveResources),
            false,
            false,
        ),
        (grant("/metrics", Grade::Telemetry), false, true),
        (grant("/openapi/v2", Grade::Telemetry), true, false),
    ];
    for (grant, discovery, metrics) in others {
        let text = opening(&look(), &[grant]);
        assert_eq!(text.contains("system:discovery"), discovery, "{text}");
        assert_eq!(text.contains("monitoring system"), metrics, "{text}");
    }
}

#[test]
fn what_the_product_needs_is_left() {
    let text = text(&look(), Verdict::Exposed);
    assert!(
        text.contains("Leave system:public-info-viewer and, where nodes join by token"),
        "{text}"
    );
    assert!(
        text.contains("kubeadm:bootstrap-signer-clusterinfo"),
        "{text}"
    );
    let names = ["OU=openshift, CN=admin-kubeconfig-signer"];
    for issuer in [
        "OU=openshift, CN=kube-apiserver-lb-signer",
        "CN=k3s-server-ca@1735689600",
    ] {
        let text = self::text(
            &look().over_tls("CN=api", issuer, &[], &names),
            Verdict::Exposed,
        );
        assert!(
            text.contains("Leave those that OpenShift ships with"),
            "{text}"
        );
        assert!(
            text.contains("webhooks") && !text.contains("kubeadm"),
            "{text}"
        );
    }
}

/// Formats leave steps out where there is no room: what a step breaks is said even then.
#[test]
fn what_a_step_breaks_is_always_said() {
    let all = [
        grant("/api", Grade::Discovery),
        grant("/metrics", Grade::Telemetry),
        grant("/api/v1/secrets", Grade::SensitiveResources),
    ];
    for version in ["v1.13.12", "v1.20.2", "v0.0.0-x"] {
        let look = of_version(version).with_kubeadm_tls();
        let off = expecting(&look, Verdict::Forbidden, Some(Verdict::Rejected)).unwrap();
        let exposed = Observed {
            grants: &all,
            ..verdict_alone(Verdict::Exposed)
        };
        let exposed = remedy(&identify(&look), exposed).unwrap();
        for remedy in [off, exposed, of(&look, Verdict::Forbidden).unwrap()] {
            let (whole, short) = (told(&remedy), remedy.remediation.text(900));
            for text in [whole, short] {
                assert!(
                    text.contains(
                        "on a kubeadm cluster the kubelet's probes of the API server fail"
                    ),
                    "{version}: {text}"
                );
                assert!(text.contains("\nUndo: "), "{text}");
                assert!(!text.contains("elete every"), "{text}");
            }
        }
    }
}

#[test]
fn what_the_release_has_is_advised_with_its_flag() {
    let limits = "conditions:\n      - path: /livez\n      - path: /readyz\n      - path: /healthz";
    let text = |version, expected| {
        told(&expecting(&of_version(version), Verdict::Forbidden, expected).unwrap())
    };
    let new = text("v1.34.1", None);
    assert!(new.contains("\n    --authentication-config=/etc"), "{new}");
    assert!(new.contains(limits) && !new.contains("Below 1.32"), "{new}");
    let old = text("v1.20.2", None);
    assert!(
        old.contains("\n1. Start the API server with --anonymous-auth=false"),
        "{old}"
    );
    assert!(
        old.contains("kubelet's probes") && !old.contains(limits),
        "{old}"
    );
    assert!(old.contains("\n2. Upgrade: from 1.32 on"), "{old}");
    let unknown = told(&of(&of_version("v0.0.0-x"), Verdict::Forbidden).unwrap());
    assert!(
        unknown.contains(limits) || unknown.contains("Below 1.32"),
        "{unknown}"
    );
    // Who expects it to be off is told how to switch it off, whatever the release.
    for version in ["v1.34.1", "v1.20.2"] {
        let off = text(version, Some(Verdict::Rejected));
        assert!(
            off.contains(
                "\n1. Start the API server with --anonymous-auth=false, so that it is rejected"
            ),
            "{off}"
        );
        assert!(
            off.contains("kubelet's probes") && !off.contains(limits),
            "{off}"
        );
    }
    assert_eq!(text("v1.34.1", Some(Verdict::Limited)), new);
}

#[test]
fn who_may_is_found_with_a_command() {
    let text = text(&look(), Verdict::Exposed);
    assert!(
        text.contains("\n    kubectl get clusterrolebindings,rolebindings -A -o wide | grep -E '"),
        "{text}"
    );
}

/// A remedy says what to do.
#[test]
fn every_remedy_begins_with_a_verb() {
    let verbs = [
        "Apply", "Keep", "Limit", "Restrict", "Set", "Start", "Take", "Turn",
    ];
    let guides = TABLE
        .entries
        .iter()
        .filter_map(|entry| entry.change.as_ref());
    for guide in guides {
        let text = &guide.summary;
        assert!(verbs.contains(&text.split(' ').next().unwrap()), "{text}");
    }
}

#[test]
fn plain_http_is_closed_and_not_bound() {
    let mut observation = look();
    observation.endpoint.scheme = crate::model::Scheme::Http;
    let text = text(&observation, Verdict::Exposed);
    assert!(
        text.starts_with("Close this port")
            && text.contains("\n    --insecure-port=0\n")
            && !text.contains("bindings"),
        "{text}"
    );
}
