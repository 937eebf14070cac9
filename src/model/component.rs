//! The kind of program behind an endpoint.

use serde::{Deserialize, Serialize};
use strum::{Display, VariantNames};

use super::words;

/// The kind of program behind an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[derive(Display, VariantNames)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[strum(serialize_all = "kebab-case")]
pub enum Component {
    /// The API server of a cluster, reached directly or through a front end that passes on its answers.
    #[serde(rename = "kube-apiserver")]
    #[strum(serialize = "kube-apiserver")]
    KubeApiServer,
    /// An extension API server behind the aggregation layer, such as metrics-server.
    AggregatedApiServer,
    /// kube-controller-manager; its port distinguishes it from kube-scheduler.
    KubeControllerManager,
    /// kube-scheduler; its port distinguishes it from kube-controller-manager.
    KubeScheduler,
    /// kube-controller-manager or kube-scheduler, on another port.
    #[serde(rename = "kube-controller-manager-or-scheduler")]
    #[strum(serialize = "kube-controller-manager-or-scheduler")]
    ControllerManagerOrScheduler,
    /// A node's kubelet.
    Kubelet,
    /// etcd.
    Etcd,
    /// The node-registration service of RKE2 or k3s, on a port of its own.
    Supervisor,
    /// A proxy for Kubernetes that answers for itself (Rancher, Teleport): the cluster behind it cannot be seen.
    KubernetesProxy,
    /// A front end that answers for itself, with signs of Kubernetes behind it.
    FrontEnd,
    /// Another program, without any sign of Kubernetes.
    Other,
    /// A component of Kubernetes that the signs do not name.
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
