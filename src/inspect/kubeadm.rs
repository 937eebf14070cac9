//! Configurations of kubeadm, and of Cluster API, which passes them to kubeadm.

use super::document::File;
use super::found::Found;
use super::node::Node;
use super::pod::object_name;
use super::server::{KUBEADM, Server, flag_words};
use super::{audit_policy, authentication, authorization};
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
pub(super) fn read_control_plane(file: File<'_>, node: &Node, found: &mut Found) {
    let name = object_name(node.text_of("kind").unwrap_or_default(), node);
    let template = node.at(&["spec", "template", "spec"]);
    let spec = template.or_else(|| node.get("spec")).unwrap_or(node);
    let kubeadm = spec.get("kubeadmConfigSpec").unwrap_or(spec);
    let before = found.servers.len();
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
    for index in before..found.servers.len() {
        for written in kubeadm.get("files").map_or(&[][..], Node::items) {
            read_written_file(file, written, index, found);
        }
    }
}

/// Reads a file that is written to the machine, if the flags of a server name its path.
fn read_written_file(file: File<'_>, written: &Node, server: usize, found: &mut Found) {
    let Some(content) = written.get("content").filter(|node| node.text().is_some()) else {
        return;
    };
    let server = &mut found.servers[server];
    let path = written.text_of("path").unwrap_or_default();
    // An empty flag is not given.
    let is_named = |flag| (server.flags.given(flag)).is_some_and(|flag| flag.has(path));
    let is_authentication = is_named("authentication-config");
    let is_authorization = is_named("authorization-config");
    if is_named("audit-policy-file") {
        found.policies.push(audit_policy::read_in(file, content));
        return;
    }
    if !is_authentication && !is_authorization {
        return;
    }
    match file.documents_in(content) {
        // The server reads the first document only.
        Ok((_, documents)) => match documents.first() {
            Some(first) if is_authentication => {
                server.authentication = Some(authentication::read(first, true));
            }
            Some(first) => server.authorization = Some(authorization::read(first)),
            None => {}
        },
        Err(unreadable) => found.unreadable.push(unreadable),
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
