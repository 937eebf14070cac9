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

fn grant(path: &str, grade: Grade) -> Grant {
    Grant {
        path: path.to_owned(),
        grade,
        verb: crate::model::Verb::Get,
        not_served: false,
        request: 0,
    }
}

/// What is told where these are open.
fn opening(observation: &Observation, grants: &[Grant]) -> String {
    let observed = Observed {
        grants,
        ..verdict_alone(Verdict::Exposed)
    };
    remedy(&identify(observation), observed).unwrap().text
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
    of(observation, verdict).unwrap().text
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
    assert!(
        remedy
            .text
            .starts_with("Take system:anonymous and system:unauthenticated out"),
        "{}",
        remedy.text
    );
    assert!(
        remedy.text.contains("not exposed to the operator"),
        "{}",
        remedy.text
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
            text.starts_with("Begin with `kubectl edit clusterrolebinding system:discovery"),
            "{text}"
        );
        assert!(
            text.contains("beside system:authenticated, which must stay"),
            "{text}"
        );
        assert_eq!(
            text.contains("annotate both with `rbac.authorization.kubernetes.io/autoupdate"),
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

/// Formats cut long advice between sentences (`report::tell`): what does harm alone is in one sentence
/// with what keeps it from that, and what comes first is told everywhere.
#[test]
fn no_sentence_does_harm_alone() {
    let all = [
        grant("/api", Grade::Discovery),
        grant("/metrics", Grade::Telemetry),
        grant("/api/v1/secrets", Grade::SensitiveResources),
    ];
    for version in ["v1.13.12", "v1.20.2", "v1.34.1", "v0.0.0-x"] {
        let look = of_version(version).with_kubeadm_tls();
        let off = expecting(&look, Verdict::Forbidden, Some(Verdict::Rejected))
            .unwrap()
            .text;
        for text in [opening(&look, &all), text(&look, Verdict::Forbidden), off] {
            for sentence in text
                .split(". ")
                .filter(|sentence| sentence.contains("anonymous-auth=false"))
            {
                assert!(
                    sentence.contains("; on a kubeadm cluster that makes"),
                    "{sentence}"
                );
            }
            assert!(!text.contains("elete every"), "{text}");
        }
        let told = opening(&look, &all)
            .find("kubeadm:bootstrap-signer-clusterinfo")
            .unwrap();
        assert!(told < 900, "{version}: {told}");
    }
    let usual = opening(&of_version("v1.34.1").with_kubeadm_tls(), &all);
    assert!(usual.len() < 960, "{} characters: {usual}", usual.len());
}

#[test]
fn what_the_release_has_is_advised_with_its_flag() {
    let limits = "conditions: [{path: /livez}, {path: /readyz}, {path: /healthz}]";
    let text = |version, expected| {
        expecting(&of_version(version), Verdict::Forbidden, expected)
            .unwrap()
            .text
    };
    let new = text("v1.34.1", None);
    assert!(
        new.starts_with("Start the API server with --authentication-config"),
        "{new}"
    );
    assert!(new.contains(limits) && !new.contains("Below 1.32"), "{new}");
    let old = text("v1.20.2", None);
    assert!(
        old.starts_with("Start the API server with --anonymous-auth=false"),
        "{old}"
    );
    assert!(
        old.contains("kubelet's probes") && !old.contains(limits),
        "{old}"
    );
    // Why it may not be switched off stands beside that, and not beside the way out.
    let [probes, upgrade] =
        ["kubelet's probes", "Upgrade: from 1.32 on"].map(|words| old.find(words).unwrap());
    assert!(probes < upgrade, "{old}");
    // Who expects it to be off is told how to switch it off, whatever the release.
    for version in ["v1.34.1", "v1.20.2"] {
        let off = text(version, Some(Verdict::Rejected));
        assert!(
            off.starts_with(
                "Start the API server with --anonymous-auth=false, so that it is rejected"
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
        text.contains("`kubectl get clusterrolebindings,rolebindings -A -o wide | grep -E"),
        "{text}"
    );
}

/// Whoever reads a remedy is told what to do.
#[test]
fn every_remedy_begins_with_a_verb() {
    let verbs = [
        "Apply", "Keep", "Restrict", "Run", "Set", "Start", "Take", "Upgrade",
    ];
    let texts = TABLE
        .entries
        .iter()
        .filter_map(|entry| entry.change.as_deref());
    for text in texts {
        assert!(verbs.contains(&text.split(' ').next().unwrap()), "{text}");
    }
}

#[test]
fn plain_http_is_closed_and_not_bound() {
    let mut observation = look();
    observation.endpoint.scheme = crate::model::Scheme::Http;
    let text = text(&observation, Verdict::Exposed);
    assert!(
        text.starts_with("Close this port") && !text.contains("bindings"),
        "{text}"
    );
}
