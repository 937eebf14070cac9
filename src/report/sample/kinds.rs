//! The kinds of clusters in the estate, and the rules that find something at them.

use super::findings::rule;
use crate::model::{Rule, Severity, Verdict};

pub(super) static EXPOSED: Rule = rule(
    "anonymous-resources-exposed",
    Severity::Critical,
    "9.8",
    Some(306),
);
pub(super) static UNEXPECTED: Rule = rule(
    "anonymous-auth-unexpected",
    Severity::High,
    "7.5",
    Some(1188),
);
pub(super) static ENABLED: Rule = rule(
    "anonymous-auth-enabled",
    Severity::Medium,
    "5.3",
    Some(1188),
);
pub(super) static NOT_CHANGEABLE: Rule = rule(
    "anonymous-auth-not-changeable",
    Severity::Low,
    "3.1",
    Some(1188),
);
pub(super) static LIMITED: Rule = rule("anonymous-auth-limited", Severity::Note, "0.0", None);
pub(super) static NOT_COVERED: Rule = rule("target-not-covered", Severity::Low, "2.0", None);

/// A kind of cluster.
pub(super) struct Kind {
    pub(super) product: &'static str,
    pub(super) name: &'static str,
    pub(super) managed: bool,
    /// The part of the label before the number.
    pub(super) label: &'static str,
    pub(super) version: &'static str,
    pub(super) verdict: Verdict,
    /// The paths that are open.
    pub(super) open: &'static [&'static str],
    /// The rule of its finding, and the fix.
    pub(super) found: Option<(&'static Rule, &'static str)>,
}

const PUBLIC: &[&str] = &["/version", "/healthz"];
const REJECT: &str = "Set --anonymous-auth=false, or limit it to the health paths. Then restart the API server. On a \
                      kubeadm cluster the kubelet probes health anonymously.";
const RESTRICT: &str = "Restrict the public endpoint to known networks. The provider does not let its users change the \
                        anonymous setting.";

/// The kinds, as often as an estate of twenty has them.
pub(super) const KINDS: [(usize, Kind); 7] = [
    (
        6,
        Kind {
            product: "kubeadm",
            name: "kubeadm",
            managed: false,
            label: "onprem-fra-",
            version: "v1.33.5",
            verdict: Verdict::Forbidden,
            open: PUBLIC,
            found: Some((&ENABLED, REJECT)),
        },
    ),
    (
        3,
        Kind {
            product: "k3s",
            name: "K3s",
            managed: false,
            label: "edge-muc-",
            version: "v1.32.9+k3s1",
            verdict: Verdict::Rejected,
            open: &[],
            found: None,
        },
    ),
    (
        3,
        Kind {
            product: "eks",
            name: "Amazon EKS",
            managed: true,
            label: "prod-eks-",
            version: "v1.33.5-eks-0a1b2c3",
            verdict: Verdict::Limited,
            open: &["/healthz"],
            found: Some((
                &LIMITED,
                "Nothing to do: this is the recommended setting. Only health is open.",
            )),
        },
    ),
    (
        3,
        Kind {
            product: "gke",
            name: "Google GKE",
            managed: true,
            label: "prod-gke-",
            version: "v1.34.1-gke.1829001",
            verdict: Verdict::Forbidden,
            open: PUBLIC,
            found: Some((
                &ENABLED,
                "Limit anonymous access with --anonymous-authentication-config=LIMITED. Nodes keep working.",
            )),
        },
    ),
    (
        2,
        Kind {
            product: "aks",
            name: "Azure AKS",
            managed: true,
            label: "stage-aks-",
            version: "v1.33.3",
            verdict: Verdict::Forbidden,
            open: PUBLIC,
            found: Some((&NOT_CHANGEABLE, RESTRICT)),
        },
    ),
    (
        2,
        Kind {
            product: "openshift",
            name: "OpenShift",
            managed: false,
            label: "ocp-ams-",
            version: "v1.32.7",
            verdict: Verdict::Forbidden,
            open: PUBLIC,
            found: Some((&ENABLED, REJECT)),
        },
    ),
    (
        1,
        Kind {
            product: "openshift",
            name: "OpenShift",
            managed: false,
            label: "ocp-ams-old-",
            version: "v1.27.16",
            verdict: Verdict::Forbidden,
            open: &["/version", "/healthz", "/ping"],
            found: Some((&UNEXPECTED, REJECT)),
        },
    ),
];
