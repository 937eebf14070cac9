//! Which program answered, and which product it belongs to.
//!
//! ```text
//! Observation ─ clues ─→ signs ─ weigh ───────→ Component
//!                          └──── attribution ─→ Product
//! ```
//!
//! Runs before the assessment, because what a plain 401, a 405 or a 404 proves depends on the program. Pure functions
//! without I/O. Every conclusion rests on a [`Clue`](crate::model::Clue) that is reported with it.
//! `docs/identification.md` explains the weights.

mod attribution;
mod clues;

use std::sync::LazyLock;

use crate::model::{Attribution, Component, Confidence, FailureKind, Identification, Observation};

use crate::products::TABLE;
use clues::Signs;

/// The port on which kube-controller-manager serves by default.
const CONTROLLER_MANAGER_PORT: u16 = 10257;
/// The port on which kube-scheduler serves by default.
const SCHEDULER_PORT: u16 = 10259;
/// The port on which a kubelet serves by default.
const KUBELET_PORT: u16 = 10250;
/// The ports on which etcd serves clients and peers by default.
const ETCD_PORTS: [u16; 2] = [2379, 2380];

/// Reads and compiles the table of products, which takes milliseconds. Otherwise the first call of [`identify`] does.
pub fn prepare() {
    LazyLock::force(&TABLE);
}

/// Identifies the program and the product behind an endpoint.
pub fn identify(observation: &Observation) -> Identification {
    let signs = Signs::of(observation);
    let (component, confidence) = weigh(&signs, observation);
    // Without a sign of Kubernetes, a certificate like a product's proves nothing.
    let attribution = if signs.shows_kubernetes() {
        signs.marks.conclude()
    } else {
        Attribution::default()
    };
    Identification {
        component,
        confidence,
        version: signs.version.map(str::to_owned),
        kubernetes: signs.shows_kubernetes(),
        through_front: component == Component::KubeApiServer && signs.front,
        attribution,
        clues: signs.clues,
    }
}

fn weigh(signs: &Signs<'_>, observation: &Observation) -> (Component, Confidence) {
    let port = observation.endpoint.port;
    let sure = |strong: u32| {
        if strong > 1 {
            Confidence::High
        } else {
            Confidence::Medium
        }
    };

    if signs.etcd_answer {
        return (Component::Etcd, Confidence::High);
    }
    let may_be_etcd = signs.etcd_name || signs.cluster_ca && ETCD_PORTS.contains(&port);
    if may_be_etcd && signs.replies == 0 && wants_client_certificate(observation) {
        return (Component::Etcd, Confidence::Medium);
    }
    let strong = signs.api_server_signs();
    if strong > 0 {
        let component = if signs.other_service_certificate || signs.own_version() {
            Component::AggregatedApiServer
        } else {
            Component::KubeApiServer
        };
        return (component, sure(strong));
    }
    if signs.kubelet_answer {
        return (Component::Kubelet, Confidence::High);
    }
    if signs.proxy_answer || signs.proxy_status {
        return (Component::KubernetesProxy, Confidence::High);
    }
    if signs.supervisor_certificate && signs.replies > 0 {
        let confidence = if signs.supervisor_answer {
            Confidence::High
        } else {
            Confidence::Medium
        };
        return (Component::Supervisor, confidence);
    }
    if signs.status_objects > 0 {
        // Controller manager and scheduler share the API server's HTTP library: they have health paths and 403s
        // with a `Status`, but never /version, Audit-Id or flow-control headers.
        let manager = match port {
            CONTROLLER_MANAGER_PORT => Some(Component::KubeControllerManager),
            SCHEDULER_PORT => Some(Component::KubeScheduler),
            _ => None,
        };
        if signs.version_is_go_404 {
            return (
                manager.unwrap_or(Component::ControllerManagerOrScheduler),
                Confidence::High,
            );
        }
        if let Some(manager) = manager {
            return (manager, Confidence::Low);
        }
        if signs.api_server_san && !signs.refuses_lists_as_paths {
            return (Component::KubeApiServer, Confidence::Low);
        }
        return (Component::Unknown, Confidence::Low);
    }
    // Other programs on a node may have a certificate from its cluster. A kubelet has made its own certificate, or
    // requests client certificates of the cluster, or has the kubelets' port.
    let on_port = port == KUBELET_PORT;
    if signs.only_go_text && signs.node_certificate {
        let sure = signs.self_made_node_certificate || signs.cluster_ca || on_port;
        let confidence = if sure {
            Confidence::High
        } else {
            Confidence::Low
        };
        return (Component::Kubelet, confidence);
    }
    if signs.only_go_text && signs.cluster_ca && on_port {
        return (Component::Kubelet, Confidence::Medium);
    }
    if signs.proxy_certificate && signs.replies > 0 {
        return (Component::KubernetesProxy, Confidence::Medium);
    }
    match (signs.shows_kubernetes(), signs.replies) {
        (_, 0) => (Component::Unknown, Confidence::Low),
        (false, _) => (Component::Other, Confidence::Medium),
        // The certificate, the CA names or the host name show Kubernetes, but no answer does.
        (true, _) if signs.only_go_text => (Component::Unknown, Confidence::Low),
        (true, _) => (Component::FrontEnd, Confidence::Low),
    }
}

/// Whether the server refused the connection because we have no client certificate.
fn wants_client_certificate(observation: &Observation) -> bool {
    observation
        .failures()
        .any(|failure| failure.kind == FailureKind::ClientCertificateRequired)
}

#[cfg(test)]
mod tests;
