//! What answered: an API server, or what else? And is it Kubernetes at all?
//!
//! Runs before the assessment, because what a bare 401, a 405 or a 404 proves depends on who said
//! it. Pure: from an [`Observation`] to an [`Identification`], no I/O. Every statement rests on a
//! [`Clue`](crate::model::Clue) that is reported with it.
//!
//! `clues` gathers the signs, this page weighs them. Sources: the recorded exchanges and
//! the Kubernetes documentation named in `docs/architecture.md`.

mod clues;

use crate::model::{Component, Confidence, FailureKind, Identification, Observation};

use clues::Signs;

/// The ports on which kube-controller-manager and kube-scheduler serve by default.
const MANAGER_PORTS: [u16; 2] = [10257, 10259];
/// The port on which a kubelet serves by default.
const KUBELET_PORT: u16 = 10250;

/// Says what answered.
pub fn identify(observation: &Observation) -> Identification {
    let signs = Signs::of(observation);
    let (component, confidence) = weigh(&signs, observation);
    Identification {
        component,
        confidence,
        version: signs.version.clone(),
        kubernetes: signs.kubernetes(),
        through_front: component == Component::KubeApiServer && signs.front,
        clues: signs.clues,
    }
}

fn weigh(signs: &Signs, observation: &Observation) -> (Component, Confidence) {
    let port = observation.endpoint.address.port();
    let sure = |strong: u32| if strong > 1 { Confidence::High } else { Confidence::Medium };

    if signs.etcd_answer {
        return (Component::Etcd, Confidence::High);
    }
    if signs.etcd_ca && wants_client_certificate(observation) {
        return (Component::Etcd, Confidence::Medium);
    }
    let strong = signs.api_server_signs();
    if strong == 0 && signs.status_objects > 0 {
        // Controller manager and scheduler share the API server's HTTP library, health and 403
        // `Status` included. What they never have: /version, Audit-Id, flow-control headers.
        if signs.version_is_go_404 {
            return (Component::ControllerManagerOrScheduler, Confidence::High);
        }
        if MANAGER_PORTS.contains(&port) {
            return (Component::ControllerManagerOrScheduler, Confidence::Low);
        }
        if signs.api_server_san {
            return (Component::KubeApiServer, Confidence::Low);
        }
        return (Component::Unknown, Confidence::Low);
    }
    if strong > 0 {
        let component = if signs.other_service_certificate {
            Component::AggregatedApiServer
        } else {
            Component::KubeApiServer
        };
        return (component, sure(strong));
    }
    if signs.only_go_text && signs.node_certificate {
        return (Component::Kubelet, Confidence::High);
    }
    if signs.only_go_text && signs.cluster_ca && port == KUBELET_PORT {
        return (Component::Kubelet, Confidence::Medium);
    }
    match (signs.kubernetes(), signs.replies) {
        (_, 0) => (Component::Unknown, Confidence::Low),
        (false, _) => (Component::Other, Confidence::Medium),
        // The certificate or the CA names say Kubernetes, no answer does.
        (true, _) if signs.only_go_text => (Component::Unknown, Confidence::Low),
        (true, _) => (Component::FrontEnd, Confidence::Low),
    }
}

/// Whether the server ended the attempt because we carry no client certificate.
fn wants_client_certificate(observation: &Observation) -> bool {
    let failures = observation.exchanges.iter().filter_map(|exchange| exchange.outcome.as_ref().err());
    failures.chain(&observation.failure).any(|failure| failure.kind == FailureKind::ClientCertificateRequired)
}

#[cfg(test)]
mod tests;
