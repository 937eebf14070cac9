//! What answered, and what says so.

use jiff::civil::Date;

use serde::{Deserialize, Serialize};
use strum::{Display, VariantNames};

use super::{Attribution, Minor, Product, Support, support::support, words};

/// The kind of program behind an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[derive(Display, VariantNames)]
#[strum(serialize_all = "kebab-case")]
pub enum Component {
    /// The API server of a cluster, reached directly or through something that passes its answers on.
    #[serde(rename = "kube-apiserver")]
    #[strum(serialize = "kube-apiserver")]
    KubeApiServer,
    /// An extension API server behind the aggregation layer (metrics-server and its like).
    AggregatedApiServer,
    /// kube-controller-manager, known by its port: it answers as the scheduler does.
    KubeControllerManager,
    /// kube-scheduler, known by its port.
    KubeScheduler,
    /// One of these two, on a port that does not tell which.
    #[serde(rename = "kube-controller-manager-or-scheduler")]
    #[strum(serialize = "kube-controller-manager-or-scheduler")]
    ControllerManagerOrScheduler,
    /// A node's kubelet.
    Kubelet,
    /// etcd.
    Etcd,
    /// The node-registration service of RKE2 or k3s, on a port of its own.
    Supervisor,
    /// A proxy that knows Kubernetes and answers for itself (Rancher, Teleport): whose cluster stands
    /// behind it, and how that is set, cannot be seen.
    KubernetesProxy,
    /// Something in front that answers by itself, with signs of Kubernetes behind it.
    FrontEnd,
    /// Something with no sign of Kubernetes at all.
    Other,
    /// Signs of Kubernetes, too few to say which part of it.
    Unknown,
}

words!(Component);

impl Component {
    /// Whether it is positively something that is no API server.
    pub const fn is_something_else(self) -> bool {
        matches!(
            self,
            Self::KubeControllerManager
                | Self::KubeScheduler
                | Self::ControllerManagerOrScheduler
                | Self::Kubelet
                | Self::Etcd
                | Self::Supervisor
                | Self::KubernetesProxy
                | Self::Other
        )
    }
}

/// How sure an identification is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[derive(VariantNames)]
#[strum(serialize_all = "kebab-case")]
pub enum Confidence {
    /// A guess that another reading could overturn.
    Low,
    /// One strong sign, or several weak ones.
    Medium,
    /// Several independent strong signs.
    High,
}

words!(Confidence);

/// What sort of sign it is; each sort proves something of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[derive(VariantNames)]
#[strum(serialize_all = "kebab-case")]
pub enum ClueKind {
    /// A Kubernetes `Status` object.
    #[serde(rename = "status-object")]
    #[strum(serialize = "status-object")]
    Status,
    /// The fields of `/version`.
    VersionFields,
    /// Discovery documents or the root path list.
    Discovery,
    /// `Audit-Id`.
    AuditId,
    /// The flow-control headers.
    FlowControl,
    /// Subject and issuer of the serving certificate.
    ServingCertificate,
    /// The subject alternative names of the serving certificate.
    CertificateNames,
    /// The client-CA names in the TLS `CertificateRequest`, or that it names none.
    ClientCaNames,
    /// The certificate or the CA names shown to a client that sends no SNI, where they differ.
    WithoutServerName,
    /// The protocol that ALPN settled on.
    Alpn,
    /// The host name that was asked for, and the names it is an alias of.
    HostName,
    /// `Strict-Transport-Security`, which API servers send only where somebody set it.
    TransportSecurity,
    /// An answer that is a product's own.
    ProductAnswer,
    /// An API server's answers over plain HTTP.
    PlainHttp,
    /// A body or status that is another program's.
    ForeignAnswer,
    /// The `Server` header.
    ServerHeader,
    /// The port number.
    Port,
}

words!(ClueKind);

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
    /// How sure the component is.
    pub confidence: Confidence,
    /// `gitVersion`, where `/version` showed it.
    pub version: Option<String>,
    /// Whether anything at all says Kubernetes.
    pub kubernetes: bool,
    /// Something in front passes an API server's answers on.
    pub through_front: bool,
    /// Whose it is: the distribution or the managed service.
    pub attribution: Attribution,
    /// The signs, in the order of [`ClueKind`], at most one of each.
    pub clues: Vec<Clue>,
}

impl Identification {
    /// The product, where one is named.
    pub const fn product(&self) -> Option<&Product> {
        self.attribution.product.as_ref()
    }

    /// The minor release, where `/version` showed one of Kubernetes: extension API servers count their
    /// own.
    pub fn minor(&self) -> Option<Minor> {
        let version = self
            .version
            .as_deref()
            .filter(|_| self.component == Component::KubeApiServer);
        version.and_then(Minor::of_git_version)
    }

    /// What upstream does for its version on a day; [`Support::Unknown`] without a version or a day.
    pub fn support(&self, on: Option<Date>) -> Support {
        self.minor()
            .zip(on)
            .map_or(Support::Unknown, |(minor, on)| support(minor, on))
    }
}
