//! What answered, and what says so.

use std::fmt;

/// The kind of program behind an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Component {
    /// The API server of a cluster, reached directly or through something that passes its answers on.
    KubeApiServer,
    /// An extension API server behind the aggregation layer (metrics-server and its like).
    AggregatedApiServer,
    /// kube-controller-manager or kube-scheduler, which answer alike.
    ControllerManagerOrScheduler,
    /// A node's kubelet.
    Kubelet,
    /// etcd.
    Etcd,
    /// Something in front that answers by itself, with signs of Kubernetes behind it.
    FrontEnd,
    /// Something with no sign of Kubernetes at all.
    Other,
    /// Signs of Kubernetes, too few to say which part of it.
    Unknown,
}

impl Component {
    /// The word in reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::KubeApiServer => "kube-apiserver",
            Self::AggregatedApiServer => "aggregated-api-server",
            Self::ControllerManagerOrScheduler => "kube-controller-manager-or-scheduler",
            Self::Kubelet => "kubelet",
            Self::Etcd => "etcd",
            Self::FrontEnd => "front-end",
            Self::Other => "other",
            Self::Unknown => "unknown",
        }
    }

    /// Whether it is positively something that is no API server.
    pub const fn is_something_else(self) -> bool {
        matches!(self, Self::ControllerManagerOrScheduler | Self::Kubelet | Self::Etcd | Self::Other)
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// How sure an identification is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Confidence {
    /// A guess that another reading could overturn.
    Low,
    /// One strong sign, or several weak ones.
    Medium,
    /// Several independent strong signs.
    High,
}

impl Confidence {
    /// The word in reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// What sort of sign it is; each sort proves something of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ClueKind {
    /// A Kubernetes `Status` object.
    Status,
    /// The fields of `/version`.
    VersionFields,
    /// Discovery documents or the root path list.
    Discovery,
    /// `Audit-Id`.
    AuditId,
    /// The flow-control headers.
    FlowControl,
    /// Names in the serving certificate.
    ServingCertificate,
    /// The client-CA names in the TLS `CertificateRequest`.
    ClientCaNames,
    /// A body or status that is another program's.
    ForeignAnswer,
    /// The `Server` header.
    ServerHeader,
    /// The port number.
    Port,
}

impl ClueKind {
    /// The word in reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Status => "status-object",
            Self::VersionFields => "version-fields",
            Self::Discovery => "discovery",
            Self::AuditId => "audit-id",
            Self::FlowControl => "flow-control",
            Self::ServingCertificate => "serving-certificate",
            Self::ClientCaNames => "client-ca-names",
            Self::ForeignAnswer => "foreign-answer",
            Self::ServerHeader => "server-header",
            Self::Port => "port",
        }
    }
}

/// One sign, with what was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clue {
    /// What sort of sign.
    pub kind: ClueKind,
    /// What was seen, in words; may hold text from the network.
    pub seen: String,
}

/// What answered, how sure that is, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identification {
    /// The kind of program.
    pub component: Component,
    /// How sure.
    pub confidence: Confidence,
    /// `gitVersion`, where `/version` showed it.
    pub version: Option<String>,
    /// Whether anything at all says Kubernetes.
    pub kubernetes: bool,
    /// Something in front terminates TLS and passes an API server's answers on.
    pub through_front: bool,
    /// The signs, in the order of [`ClueKind`].
    pub clues: Vec<Clue>,
}
