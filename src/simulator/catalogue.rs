//! The embedded scenarios.

use std::sync::{Arc, LazyLock};

use super::scenario::Scenario;

macro_rules! embedded {
    ($($name:literal)*) => {
        /// Name and text of every scenario, in the order of the list.
        pub(super) const TEXTS: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("scenarios/", $name, ".toml")))),*];
    };
}

embedded! {
    // API servers, recorded
    "default" "rejecting" "exposed" "public-info-removed" "nginx-fronted"
    // API servers, composed
    "health-only" "health-livez-only" "starting" "recovering" "etcd-down" "slow" "closes-each"
    "current" "eks-forbidden" "eks-older" "certificate-expired" "certificate-expiring" "http10" "insecure-http" "metrics-server" "control-characters" "front-answers-head"
    "lists-nodes" "metrics-open" "leaks-lists" "stalls" "openshift-custom-certificate" "k3s"
    // API servers that cannot be judged
    "overloaded" "load-balancer-health" "waf-403" "other-user" "wrong-code" "truncated-body"
    // Something else
    "kube-controller-manager" "kubelet" "kubelet-anonymous" "kubelet-open" "kubelet-health-port"
    "etcd" "etcd-open" "etcd-plain-http" "etcd-metrics-port" "rancher-401" "teleport" "rke2-supervisor"
    "gke-dns-endpoint" "mtls-400" "bad-gateway" "web-server"
    "catch-all-200" "json-api-401" "basic-401" "sso-redirect" "huge-body" "deep-json"
    // No answer
    "tls-port-speaks-http" "hangs-after-accept" "hangs-in-http" "closes-at-once" "resets" "drip"
    "huge-headers" "control-header" "garbage"
}

/// A test checks that every text parses, so none is left out here.
static SCENARIOS: LazyLock<Vec<Arc<Scenario>>> = LazyLock::new(|| {
    TEXTS
        .iter()
        .filter_map(|(_, text)| Scenario::parse(text).ok())
        .map(Arc::new)
        .collect()
});

/// Every embedded scenario, API servers first.
pub fn scenarios() -> impl Iterator<Item = &'static Arc<Scenario>> {
    SCENARIOS.iter()
}

/// The embedded scenario with this name. All callers share it and its certificates.
pub fn scenario(name: &str) -> Option<Arc<Scenario>> {
    scenarios().find(|scenario| scenario.name == name).cloned()
}

/// The text of an embedded scenario.
pub(super) fn text(name: &str) -> Option<&'static str> {
    TEXTS
        .iter()
        .find_map(|(known, text)| (*known == name).then_some(*text))
}
