//! How to close what is open, with the product's own switch where it has one.

use crate::model::{ClueKind, Component, Identification, Minor, Remedy, Text, Verdict};

use super::posture::Answered;
use super::products::{Entry, TABLE};

/// The page on anonymous requests of the Kubernetes documentation.
const ANONYMOUS: &str =
    "https://kubernetes.io/docs/reference/access-authn-authz/authentication/#anonymous-requests";
/// The first minor release that takes path conditions without a feature gate (KEP-4633, beta).
const CONDITIONS: Minor = Minor { major: 1, minor: 32 };
/// What takes a grant away, whoever runs the cluster.
const BINDING: &str = "Delete every binding of system:anonymous and system:unauthenticated but \
     system:public-info-viewer: `kubectl get clusterrolebindings,rolebindings -A -o wide | grep -E \
     'system:(anonymous|unauthenticated)'` lists them";
/// What limits anonymous requests to the paths that need them.
const LIMIT: &str = "Start the API server with --authentication-config and in that file `anonymous: {enabled: \
     true, conditions: [{path: /livez}, {path: /readyz}, {path: /healthz}]}`, and take --anonymous-auth out: \
     with both it does not start. Where nodes join by token, add {path: \
     /api/v1/namespaces/kube-public/configmaps/cluster-info}";
/// Where no version shows.
const IF_OLDER: &str = "Below 1.32, which has no such conditions, set --anonymous-auth=false where nothing \
     needs anonymous requests";
/// What is left before path conditions.
const BEFORE_CONDITIONS: &str = "Start the API server with --anonymous-auth=false where nothing needs anonymous \
     requests, and upgrade: from 1.32 on they can be limited to the health paths";
/// What is left where anonymous requests shall not be accepted at all.
const OFF: &str = "Start the API server with --anonymous-auth=false, so that it is rejected as expected";
/// Why that is no remedy everywhere.
const NEEDED: &str = "On a kubeadm cluster the kubelet's probes of the API server would then fail with 401 and \
     restart it, and nodes could not join by token";
/// What to expect there instead.
const LIMIT_INSTEAD: &str = "There limit anonymous requests to the health paths (--authentication-config, 1.32 \
     and later) and expect health-only";

/// The first minor release whose discovery is not public by default (KEP-789).
const CLOSED_DISCOVERY: Minor = Minor { major: 1, minor: 14 };
/// Why discovery is open on old clusters.
const HISTORY: &str = "Take system:unauthenticated out of system:discovery and system:basic-user too (`kubectl edit \
     clusterrolebinding system:discovery system:basic-user`): below 1.14 they open discovery to everybody, and \
     a cluster upgraded from there keeps that";
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
    let plain_http = identification.clues.iter().any(|clue| clue.kind == ClueKind::PlainHttp);
    if identification.component == Component::AggregatedApiServer {
        steps.push(EXTENSION);
    } else if plain_http {
        steps.push(PLAIN_HTTP);
    } else {
        if exposed {
            steps.push(BINDING);
        }
        if exposed && identification.through_front {
            steps.push(FRONT);
        }
        if exposed && identification.minor().is_some_and(|minor| minor < CLOSED_DISCOVERY) {
            steps.push(HISTORY);
        }
        steps.extend(setting(entry, identification, answered.expected));
    }
    Some(Remedy {
        text: steps
            .iter()
            .map(|step| format!("{}.", step.trim_end_matches('.')))
            .collect::<Vec<_>>()
            .join(" "),
        url: Some(Text::Borrowed(entry.and_then(|entry| entry.url.as_deref()).unwrap_or(ANONYMOUS))),
        changeable: entry.and_then(|entry| entry.changeable),
        network_url: entry.and_then(|entry| entry.network_url.as_deref()).map(Text::Borrowed),
    })
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
        return if tied { vec![TIED] } else { upstream(identification.minor(), expected) };
    };
    // What holds for OpenShift holds for all that is built on it; other switches are each product's own.
    let roots = entry.built_on.iter().map(|root| &TABLE.entries[*root]);
    let openshift = roots.filter(|root| root.product.id == "openshift");
    let own = std::iter::once(entry).chain(openshift).find_map(|entry| entry.change.as_deref());
    match own {
        Some(own) => vec![own],
        None if entry.product.managed => vec![NO_SWITCH],
        None => upstream(identification.minor(), expected),
    }
}

/// The flags of the API server itself, by what its release has and what is wanted.
fn upstream(minor: Option<Minor>, expected: Option<Verdict>) -> Vec<&'static str> {
    match minor {
        _ if expected == Some(Verdict::Rejected) => vec![OFF, NEEDED, LIMIT_INSTEAD],
        Some(minor) if minor < CONDITIONS => vec![BEFORE_CONDITIONS, NEEDED],
        Some(_) => vec![LIMIT],
        None => vec![LIMIT, IF_OLDER],
    }
}

#[cfg(test)]
mod tests {
    use crate::identify::products::TABLE;
    use crate::identify::{Answered, identify, remedy};
    use crate::model::fixtures::*;
    use crate::model::{Observation, Remedy, Verdict};

    fn of(observation: &Observation, verdict: Verdict) -> Option<Remedy> {
        expecting(observation, verdict, None)
    }

    fn expecting(observation: &Observation, verdict: Verdict, expected: Option<Verdict>) -> Option<Remedy> {
        let answered = Answered { verdict, grants: &[], paths: 3, refused: 3, expected };
        remedy(&identify(observation), answered)
    }

    fn of_version(version: &str) -> Observation {
        let body = format!("{{\"major\":\"1\",\"minor\":\"0\",\"gitVersion\":\"{version}\"}}");
        let version = reply(200, "application/json", &body);
        seen(1, [("/version", version.marked()), ("/api", api_versions())])
    }

    fn text(observation: &Observation, verdict: Verdict) -> String {
        of(observation, verdict).unwrap().text
    }

    fn look() -> Observation {
        seen(1, [("/version", version()), ("/api", api_versions()), ("/healthz", ok())])
    }

    #[test]
    fn the_products_own_switch_and_nothing_where_nothing_is_open() {
        let eks = "abc.gr7.eu-west-1.eks.amazonaws.com";
        let observation = look().over_tls("CN=kube-apiserver", "CN=kubernetes", &[eks], &[]);
        let remedy = of(&observation, Verdict::Exposed).unwrap();
        assert!(remedy.text.starts_with("Delete every binding of system:anonymous"), "{}", remedy.text);
        assert!(remedy.text.contains("not exposed to the operator"), "{}", remedy.text);
        assert_eq!(remedy.changeable, Some(false));
        assert_eq!(of(&observation, Verdict::Rejected), None);
        assert_eq!(of(&observation, Verdict::HealthOnly), None);
    }

    #[test]
    fn openshift_is_never_told_to_switch_anonymous_off() {
        let names = ["OU=openshift, CN=admin-kubeconfig-signer"];
        let plain = look().over_tls("CN=api", "OU=openshift, CN=kube-apiserver-lb-signer", &[], &names);
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
    fn old_discovery_is_explained() {
        let text = text(&of_version("v1.13.12"), Verdict::Exposed);
        assert!(text.contains("below 1.14 they open discovery"), "{text}");
        assert!(text.contains("with --anonymous-auth=false") && !text.contains("conditions"), "{text}");
    }

    #[test]
    fn what_the_release_has_is_advised_with_its_flag() {
        let limits = "conditions: [{path: /livez}, {path: /readyz}, {path: /healthz}]";
        let text =
            |version, expected| expecting(&of_version(version), Verdict::Forbidden, expected).unwrap().text;
        let new = text("v1.34.1", None);
        assert!(new.starts_with("Start the API server with --authentication-config"), "{new}");
        assert!(new.contains(limits) && !new.contains("Below 1.32"), "{new}");
        let old = text("v1.20.2", None);
        assert!(old.starts_with("Start the API server with --anonymous-auth=false"), "{old}");
        assert!(old.contains("kubelet's probes") && !old.contains(limits), "{old}");
        // Who expects it to be off is told how to switch it off, whatever the release.
        for version in ["v1.34.1", "v1.20.2"] {
            let off = text(version, Some(Verdict::Rejected));
            assert!(
                off.starts_with("Start the API server with --anonymous-auth=false, so that it is rejected"),
                "{off}"
            );
            assert!(off.contains("kubelet's probes") && !off.contains(limits), "{off}");
        }
        assert_eq!(text("v1.34.1", Some(Verdict::HealthOnly)), new);
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
        let verbs = ["Apply", "Keep", "Restrict", "Run", "Set", "Start", "Take", "Upgrade"];
        let texts = TABLE.entries.iter().filter_map(|entry| entry.change.as_deref());
        for text in texts {
            assert!(verbs.contains(&text.split(' ').next().unwrap()), "{text}");
        }
    }

    #[test]
    fn plain_http_is_closed_and_not_bound() {
        let mut observation = look();
        observation.endpoint.scheme = crate::model::Scheme::Http;
        let text = text(&observation, Verdict::Exposed);
        assert!(text.starts_with("Close this port") && !text.contains("bindings"), "{text}");
    }
}
