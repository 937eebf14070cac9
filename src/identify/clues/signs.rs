//! The signs in an observation, from which the component is concluded.

use std::fmt::{self, Write as _};

use super::super::attribution::ProductMarks;
use crate::model::{Clue, ClueKind};
use crate::products::Place;

/// The usual length of a clue.
const SEEN: usize = 64;

/// The signs in an observation.
#[derive(Default)]
pub(in crate::identify) struct Signs<'a> {
    pub(in crate::identify) clues: Vec<Clue>,
    /// The texts that match a product's patterns.
    pub(in crate::identify) marks: ProductMarks<'a>,
    pub(in crate::identify) replies: usize,
    /// `Status` objects of 401 or 403, which several components send.
    pub(in crate::identify) status_objects: usize,
    pub(super) status_401: bool,
    /// The realm of API servers with password authentication (before 1.19).
    pub(super) old_realm: bool,
    pub(super) refuses_a_resource: bool,
    /// A list of resources is refused as a path, so the program has no resources.
    pub(in crate::identify) refuses_lists_as_paths: bool,
    pub(super) discovery: bool,
    pub(super) audit_id: bool,
    pub(super) flow_control: bool,
    pub(in crate::identify) version: Option<&'a str>,
    pub(in crate::identify) etcd_answer: bool,
    /// A kubelet's own refusal: its authorization refused a user that its authentication had accepted.
    pub(in crate::identify) kubelet_answer: bool,
    pub(in crate::identify) version_is_go_404: bool,
    /// Every answer is text of Go's standard library, health text, metrics or empty, and none is a `Status`.
    pub(in crate::identify) only_go_text: bool,
    /// `kubernetes.default` or a sibling among the SANs.
    pub(in crate::identify) api_server_san: bool,
    /// The certificate names another service of a cluster, or is Kubernetes' self-made default.
    pub(in crate::identify) other_service_certificate: bool,
    pub(in crate::identify) node_certificate: bool,
    /// A certificate that a kubelet made for itself.
    pub(in crate::identify) self_made_node_certificate: bool,
    pub(in crate::identify) cluster_ca: bool,
    /// The certificate or a client CA is named for etcd.
    pub(in crate::identify) etcd_name: bool,
    /// The certificate of the k3s or RKE2 supervisor.
    pub(in crate::identify) supervisor_certificate: bool,
    /// An answer that only the supervisor gives.
    pub(in crate::identify) supervisor_answer: bool,
    /// A proxy that knows Kubernetes answers with a body of its own.
    pub(in crate::identify) proxy_answer: bool,
    /// The certificate of such a proxy.
    pub(in crate::identify) proxy_certificate: bool,
    /// Such a proxy refuses with a `Status` of its own.
    pub(in crate::identify) proxy_status: bool,
    /// A front end terminates TLS.
    pub(in crate::identify) front: bool,
}

impl Signs<'_> {
    /// Whether the version is an extension API server's own, as `v0.12.0`. Versions of Kubernetes begin with 1, or
    /// are the `v0.0.0-…` of a build without a version.
    pub(in crate::identify) fn own_version(&self) -> bool {
        let version = self.version.unwrap_or_default();
        version.starts_with("v0.") && !version.starts_with("v0.0.0")
    }

    /// How many independent signs show an API server, and not another program with the same HTTP library.
    pub(in crate::identify) fn api_server_signs(&self) -> u32 {
        [
            self.version.is_some(),
            self.discovery,
            self.audit_id,
            self.flow_control,
            self.refuses_a_resource,
            // Controller manager and scheduler always accept anonymous requests; a kubelet's 401 is text.
            self.status_401,
        ]
        .into_iter()
        .map(u32::from)
        .sum()
    }

    /// Whether any sign shows Kubernetes.
    pub(in crate::identify) fn shows_kubernetes(&self) -> bool {
        self.status_objects > 0
            || self.api_server_signs() > 0
            || self.api_server_san
            || self.node_certificate
            || self.cluster_ca
            || self.proxy_answer
            || self.kubelet_answer
            || self.supervisor_certificate
            || self.proxy_certificate
            || self.old_realm
            || self.marks.unique_in(Place::Host)
    }

    pub(super) fn push(&mut self, kind: ClueKind, seen: impl Into<String>) {
        self.clues.push(Clue {
            kind,
            seen: seen.into(),
        });
    }

    /// Adds a clue unless there is one of this kind: most answers would only repeat it.
    pub(super) fn push_once(&mut self, kind: ClueKind, seen: fmt::Arguments<'_>) {
        if self.clues.iter().all(|clue| clue.kind != kind) {
            let mut text = String::with_capacity(SEEN);
            // Writing to a string cannot fail.
            let _ = text.write_fmt(seen);
            self.push(kind, text);
        }
    }

    /// Adds a clue, or extends the one of this kind.
    pub(super) fn push_or_extend(&mut self, kind: ClueKind, seen: String) {
        match self.clues.iter_mut().find(|clue| clue.kind == kind) {
            Some(clue) => {
                clue.seen.push_str("; ");
                clue.seen.push_str(&seen);
            }
            None => self.push(kind, seen),
        }
    }
}
