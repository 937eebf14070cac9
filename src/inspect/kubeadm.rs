//! Configurations of kubeadm, and of Cluster API, which passes them to kubeadm.

use super::found::Found;
use super::node::Node;
use super::pod::object_name;
use super::server::{KUBEADM, Server, flag_words};
use crate::kubernetes::Minor;

/// Reads a `ClusterConfiguration`.
pub(super) fn read(node: &Node, found: &mut Found) {
    let release = node
        .text_of("kubernetesVersion")
        .and_then(Minor::of_git_version);
    read_configuration(
        "kubeadm ClusterConfiguration".to_owned(),
        node,
        release,
        found,
    );
}

/// Whether an object of Cluster API configures a control plane with kubeadm.
pub(super) fn is_control_plane(group: &str, kind: &str) -> bool {
    let of_control_plane = kind.starts_with("KubeadmControlPlane");
    group.ends_with("cluster.x-k8s.io") && (of_control_plane || kind.starts_with("KubeadmConfig"))
}

/// Reads a `KubeadmControlPlane`, a `KubeadmConfig` or a template of one.
pub(super) fn read_control_plane(node: &Node, found: &mut Found) {
    let name = object_name(node.text_of("kind").unwrap_or_default(), node);
    let template = node.at(&["spec", "template", "spec"]);
    let spec = template.or_else(|| node.get("spec")).unwrap_or(node);
    let kubeadm = spec.get("kubeadmConfigSpec").unwrap_or(spec);
    match kubeadm.get("clusterConfiguration") {
        Some(configuration) => {
            let release = spec.text_of("version").and_then(Minor::of_git_version);
            read_configuration(name, configuration, release, found);
        }
        // The configuration of a node that joins has no API server of its own settings.
        None if node
            .text_of("kind")
            .is_some_and(|kind| kind.starts_with("KubeadmConfig")) =>
        {
            found.others += 1;
        }
        None => read_configuration(name, kubeadm, None, found),
    }
}

fn read_configuration(name: String, node: &Node, release: Option<Minor>, found: &mut Found) {
    let arguments = node.at(&["apiServer", "extraArgs"]);
    let words = arguments.map(flag_words).unwrap_or_default();
    let place = arguments.map_or(&node.place, |arguments| &arguments.place);
    let mut server = Server::preset(name, place, &KUBEADM, &words);
    server.release = release;
    found.servers.push(server);
}
