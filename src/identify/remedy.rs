//! How to close what is open, with the product's own switch where it has one.

use crate::model::unbind::{discovery, leave, monitoring, needed, reconciled, take_out};
use crate::model::{ClueKind, Component, Identification, Minor, Remedy, Text, Verdict};

use super::posture::Answered;
use super::products::{Entry, TABLE};

/// The page on anonymous requests of the Kubernetes documentation.
const ANONYMOUS: &str =
    "https://kubernetes.io/docs/reference/access-authn-authz/authentication/#anonymous-requests";
/// The product whose own bindings and switches hold for what is built on it.
const OPENSHIFT: &str = "openshift";
/// What keeps it closed below 1.14, or where no version shows.
const AGAIN: &str = concat!("Below 1.14 annotate both ", reconciled!());
/// What must stay on `OpenShift` and what is built on it.
const LEAVE_OPENSHIFT: &str = "Leave those that OpenShift ships with: system:public-info-viewer and, in clusters \
     that began before 4.17, those for webhooks, scope impersonation, OAuth token deletion and self access \
     review";
/// What limits anonymous requests to the paths that need them. One sentence, so that it is told whole.
const LIMIT: &str = "Start the API server with --authentication-config and in that file `anonymous: {enabled: \
     true, conditions: [{path: /livez}, {path: /readyz}, {path: /healthz}]}`, where nodes join by token with \
     {path: /api/v1/namespaces/kube-public/configmaps/cluster-info} too, and take --anonymous-auth out: with \
     both it does not start";
/// Where no version shows.
const IF_OLDER: &str = concat!(
    "Below 1.32, which has no such conditions, set --anonymous-auth=false where nothing needs anonymous \
     requests; ",
    needed!()
);
/// What is left before path conditions.
const BEFORE_CONDITIONS: &str = concat!(
    "Start the API server with --anonymous-auth=false where nothing needs anonymous requests; ",
    needed!()
);
/// What to do in any case then.
const UPGRADE: &str = "Upgrade: from 1.32 on anonymous requests can be limited to the health paths";
/// What is left where anonymous requests shall not be accepted at all.
const OFF: &str = concat!(
    "Start the API server with --anonymous-auth=false, so that it is rejected as expected; ",
    needed!()
);
/// What to expect there instead.
const LIMIT_INSTEAD: &str = "There limit anonymous requests to the health paths (--authentication-config, 1.32 \
     and later) and expect limited";

/// Where plain HTTP is spoken, RBAC is not what opens.
const PLAIN_HTTP: &str = "Close this port: an insecure port authenticates nobody (--insecure-port=0 before \
     1.20), and a proxy such as kubectl proxy lends its own rights to everybody who reaches it";
/// An extension API server asks the cluster's API server who may do what.
const EXTENSION: &str = "Keep this port from everybody but the cluster's API server, through which an extension API \
     server is meant to be reached, and review what the cluster grants to anonymous callers";
/// Where something stands in front, it may be what opens.
const FRONT: &str = "Take the credentials of what stands in front away, or let it authenticate callers, if the \
     cluster's own port refuses what is open here: then it lends its own identity";
/// Where products tie.
const TIED: &str = "Find out which product it is, which could not be told: how anonymous requests are limited \
     depends on it";
/// Where a service has no switch that is known.
const NO_SWITCH: &str = "Restrict who can reach the endpoint, and ask the provider: no setting of this service is \
     known that limits anonymous requests";

/// The remedy for what an endpoint leaves open.
pub(super) fn remedy(
    entry: Option<&'static Entry>,
    identification: &Identification,
    answered: Answered<'_>,
) -> Option<Remedy> {
    let exposed = match answered.verdict {
        Verdict::Exposed => true,
        Verdict::Forbidden => false,
        // The one product whose refusal may be the weakest setting of all.
        Verdict::Rejected if entry.is_some_and(|entry| entry.product.id == "microk8s") => false,
        _ => return None,
    };
    let mut steps: Vec<&str> = Vec::new();
    let plain_http = identification
        .clues
        .iter()
        .any(|clue| clue.kind == ClueKind::PlainHttp);
    if identification.component == Component::AggregatedApiServer {
        steps.push(EXTENSION);
    } else if plain_http {
        steps.push(PLAIN_HTTP);
    } else {
        if exposed {
            steps.extend(bindings(entry, identification, answered));
        }
        if exposed && identification.through_front {
            steps.push(FRONT);
        }
        steps.extend(setting(entry, identification, answered.expected));
    }
    Some(Remedy {
        text: steps
            .iter()
            .map(|step| format!("{}.", step.trim_end_matches('.')))
            .collect::<Vec<_>>()
            .join(" "),
        url: Some(Text::Borrowed(
            entry
                .and_then(|entry| entry.url.as_deref())
                .unwrap_or(ANONYMOUS),
        )),
        changeable: entry.and_then(|entry| entry.changeable),
        network_url: entry
            .and_then(|entry| entry.network_url.as_deref())
            .map(Text::Borrowed),
    })
}

/// Which bindings to change, by what is open, and which ones the product needs.
fn bindings(
    entry: Option<&'static Entry>,
    identification: &Identification,
    answered: Answered<'_>,
) -> Vec<&'static str> {
    let mut steps = Vec::new();
    if answered.opens_discovery() {
        steps.push(discovery!());
        if identification
            .minor()
            .is_none_or(|minor| minor < Minor::CLOSED_DISCOVERY)
        {
            steps.push(AGAIN);
        }
    }
    steps.push(take_out!());
    // Where products tie, it may be one of them.
    let others = &identification.attribution.others;
    let openshift = entry.is_some_and(|entry| openshift(entry).is_some())
        || others.iter().any(|product| product.id == OPENSHIFT);
    steps.push(if openshift { LEAVE_OPENSHIFT } else { leave!() });
    if answered.opens_metrics() {
        steps.push(monitoring!());
    }
    steps
}

/// The entry of `OpenShift`, where it is that or built on it.
fn openshift(entry: &'static Entry) -> Option<&'static Entry> {
    let roots = entry.built_on.iter().map(|root| &TABLE.entries[*root]);
    std::iter::once(entry)
        .chain(roots)
        .find(|entry| entry.product.id == OPENSHIFT)
}

/// How anonymous requests are limited: by the product's own switch where one is known.
fn setting(
    entry: Option<&'static Entry>,
    identification: &Identification,
    expected: Option<Verdict>,
) -> Vec<&'static str> {
    let Some(entry) = entry else {
        // One of those that tie may need what another should switch off.
        let tied = !identification.attribution.others.is_empty();
        return if tied {
            vec![TIED]
        } else {
            upstream(identification.minor(), expected)
        };
    };
    // What holds for OpenShift holds for all that is built on it; other switches are each product's own.
    let own = std::iter::once(entry)
        .chain(openshift(entry))
        .find_map(|entry| entry.change.as_deref());
    match own {
        Some(own) => vec![own],
        None if entry.product.managed => vec![NO_SWITCH],
        None => upstream(identification.minor(), expected),
    }
}

/// The flags of the API server itself, by what its release has and what is wanted.
fn upstream(minor: Option<Minor>, expected: Option<Verdict>) -> Vec<&'static str> {
    match minor {
        _ if expected == Some(Verdict::Rejected) => vec![OFF, LIMIT_INSTEAD],
        Some(minor) if minor < Minor::PATH_CONDITIONS => vec![BEFORE_CONDITIONS, UPGRADE],
        Some(_) => vec![LIMIT],
        None => vec![LIMIT, IF_OLDER],
    }
}

#[cfg(test)]
mod tests {
    use crate::identify::products::TABLE;
    use crate::identify::{Answered, identify, remedy};
    use crate::model::fixtures::*;
    use crate::model::{Grade, Grant, Observation, Remedy, Verdict};

    fn of(observation: &Observation, verdict: Verdict) -> Option<Remedy> {
        expecting(observation, verdict, None)
    }

    fn expecting(
        observation: &Observation,
        verdict: Verdict,
        expected: Option<Verdict>,
    ) -> Option<Remedy> {
        let answered = Answered {
            verdict,
            grants: &[],
            requests: &[],
            not_asked: &[],
            expected,
        };
        remedy(&identify(observation), answered)
    }

    fn grant(path: &str, grade: Grade) -> Grant {
        Grant {
            path: path.to_owned(),
            grade,
            verb: "get",
            not_served: false,
            request: 0,
        }
    }

    /// What is told where these are open.
    fn opening(observation: &Observation, grants: &[Grant]) -> String {
        let answered = Answered {
            verdict: Verdict::Exposed,
            grants,
            requests: &[],
            not_asked: &[],
            expected: None,
        };
        remedy(&identify(observation), answered).unwrap().text
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
                    !text.contains("anonymous-auth=false")
                        && !text.contains("--authentication-config"),
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
}
