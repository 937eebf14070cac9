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
const BINDING: &str = "Remove the role bindings and cluster role bindings whose subjects name the user \
     system:anonymous or the group system:unauthenticated, beside system:public-info-viewer";
/// What limits anonymous requests to the paths that need them.
const LIMIT: &str = "Limit anonymous requests with AuthenticationConfiguration (anonymous: enabled: true, \
     conditions: /livez, /readyz and /healthz for kubelet probes, and \
     /api/v1/namespaces/kube-public/configmaps/cluster-info where nodes join by token); \
     --anonymous-auth=false only where nothing needs them";
/// What is left before path conditions.
const BEFORE_CONDITIONS: &str = "This release has no path conditions (they came with 1.32): set \
     --anonymous-auth=false only where neither kubelet probes of the API server nor token-based joins \
     need anonymous requests, and upgrade";

/// The first minor release whose discovery is not public by default (KEP-789).
const CLOSED_DISCOVERY: Minor = Minor { major: 1, minor: 14 };
/// Why discovery is open on old clusters.
const HISTORY: &str = "Below 1.14 discovery is open to everybody by default, and a cluster upgraded from \
     there keeps that: the bindings of system:discovery and system:basic-user still name \
     system:unauthenticated";
/// Where plain HTTP is spoken, RBAC is not what opens.
const PLAIN_HTTP: &str = "Close this port: an insecure port authenticates nobody (--insecure-port=0 before \
     1.20), and a proxy such as kubectl proxy lends its own rights to everybody who reaches it";
/// An extension API server asks the cluster's API server who may do what.
const EXTENSION: &str = "An extension API server is meant to be reached through the cluster's API server \
     only: keep its port from everybody else, and review what the cluster grants to anonymous callers";
/// Where something stands in front, it may be what opens.
const FRONT: &str = "If the cluster's own port refuses what is open here, what stands in front lends its own \
     identity: take its credentials away or let it authenticate callers";
/// Where products tie.
const TIED: &str = "How anonymous requests are limited depends on the product, which could not be told";
/// Where a service has no switch that is known.
const NO_SWITCH: &str = "No setting of this service is known that limits anonymous requests: restrict who \
     can reach the endpoint, and ask the provider";

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
        steps.push(setting(entry, identification));
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
fn setting(entry: Option<&'static Entry>, identification: &Identification) -> &'static str {
    let Some(entry) = entry else {
        // One of those that tie may need what another should switch off.
        let tied = !identification.attribution.others.is_empty();
        let old = identification.minor().is_some_and(|minor| minor < CONDITIONS);
        return match (tied, old) {
            (true, _) => TIED,
            (false, true) => BEFORE_CONDITIONS,
            (false, false) => LIMIT,
        };
    };
    // What holds for OpenShift holds for all that is built on it; other switches are each product's own.
    let roots = entry.built_on.iter().map(|root| &TABLE.entries[*root]);
    let openshift = roots.filter(|root| root.product.id == "openshift");
    let own = std::iter::once(entry).chain(openshift).find_map(|entry| entry.change.as_deref());
    own.unwrap_or(if entry.product.managed { NO_SWITCH } else { LIMIT })
}

#[cfg(test)]
mod tests {
    use crate::identify::{Answered, identify, remedy};
    use crate::model::fixtures::*;
    use crate::model::{Observation, Remedy, Verdict};

    fn of(observation: &Observation, verdict: Verdict) -> Option<Remedy> {
        remedy(&identify(observation), Answered { verdict, grants: &[], paths: 3, refused: 3 })
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
        assert!(remedy.text.starts_with("Remove the role bindings"), "{}", remedy.text);
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
                    !text.contains("anonymous-auth=false") && !text.contains("Limit anonymous"),
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
        let old = reply(200, "application/json", r#"{"major":"1","minor":"13","gitVersion":"v1.13.12"}"#);
        let observation = seen(1, [("/version", old.marked()), ("/api", api_versions())]);
        let text = text(&observation, Verdict::Exposed);
        assert!(text.contains("Below 1.14 discovery is open"), "{text}");
        assert!(text.contains("no path conditions"), "{text}");
        assert!(!text.contains("Limit anonymous"), "{text}");
    }

    #[test]
    fn plain_http_is_closed_and_not_bound() {
        let mut observation = look();
        observation.endpoint.scheme = crate::model::Scheme::Http;
        let text = text(&observation, Verdict::Exposed);
        assert!(text.starts_with("Close this port") && !text.contains("bindings"), "{text}");
    }
}
