//! The kind of program behind an endpoint.

use serde::{Deserialize, Serialize};
use strum::{Display, VariantNames};

use super::words;

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
