//! What a log shows as a whole: how much of it was read, its time, and which log of a product it is.

use jiff::Timestamp;
use serde::Serialize;

/// How much of the input was read. Whatever is not an event is counted, and never stops the reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Counts {
    /// Audit events.
    pub events: u64,
    /// JSON values that are no audit events.
    pub foreign: u64,
    /// Lines that are no JSON, such as events in the format `legacy`.
    pub not_json: u64,
    /// Values that end too early, or that a service cut.
    pub truncated: u64,
    /// Lines and values over the limit of size.
    pub too_long: u64,
    /// Files whose compression ends too early or is damaged.
    pub damaged_files: u64,
    /// Files in UTF-16, which are not read.
    pub utf16_files: u64,
}

impl Counts {
    /// How many things were left out.
    pub const fn left_out(&self) -> u64 {
        self.foreign
            + self.not_json
            + self.truncated
            + self.too_long
            + self.damaged_files
            + self.utf16_files
    }
}

/// Which log it is, and when.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// When the first event was received.
    pub first: Option<Timestamp>,
    /// When the last event was received.
    pub last: Option<Timestamp>,
    /// Whether it has entries of GKE's Data Access log, which has the reads.
    pub gke_data_access: bool,
    /// Whether it has entries of GKE's Admin Activity log, which has only the writes.
    pub gke_activity: bool,
    /// Whether it has entries of AKS's `kube-audit`.
    pub aks_all: bool,
    /// Whether it has entries of AKS's `kube-audit-admin`, which lacks the verbs get and list.
    pub aks_admin: bool,
    /// Whether it has EKS's log streams of the control plane.
    pub eks_other: bool,
    /// Whether it has EKS's streams `kube-apiserver-audit-…`.
    pub eks_audit: bool,
}

impl Facts {
    /// Notes the time of an event.
    pub(super) fn saw(&mut self, at: Timestamp) {
        self.first = Some(self.first.map_or(at, |first| first.min(at)));
        self.last = Some(self.last.map_or(at, |last| last.max(at)));
    }

    /// Notes the name of a log: its category, its stream, or its place in Cloud Logging.
    pub(super) fn named(&mut self, name: &str) {
        match name {
            "kube-audit" => self.aks_all = true,
            "kube-audit-admin" => self.aks_admin = true,
            _ if name.ends_with("cloudaudit.googleapis.com%2Fdata_access") => {
                self.gke_data_access = true;
            }
            _ if name.ends_with("cloudaudit.googleapis.com%2Factivity") => self.gke_activity = true,
            _ if name.starts_with("kube-apiserver-audit-") => self.eks_audit = true,
            _ => self.eks_other |= EKS_STREAMS.iter().any(|stream| name.starts_with(stream)),
        }
    }

    /// Why a request that reads is in no log of this kind, although the server handled it; `None` if it should be there.
    pub const fn reads_are_left_out(&self) -> Option<&'static str> {
        if self.gke_activity && !self.gke_data_access {
            Some(
                "GKE logs reads only with Data Access audit logs of the Kubernetes API, and this is Admin Activity",
            )
        } else if self.aks_admin && !self.aks_all {
            Some("kube-audit-admin leaves out get and list; only kube-audit has them")
        } else if self.eks_other && !self.eks_audit {
            Some(
                "these are other logs of the EKS control plane; the log type audit is off, or was not exported",
            )
        } else {
            None
        }
    }
}

/// The log streams of EKS beside the audit log.
const EKS_STREAMS: [&str; 5] = [
    "kube-apiserver-",
    "kube-controller-manager-",
    "kube-scheduler-",
    "cloud-controller-manager-",
    "authenticator-",
];
