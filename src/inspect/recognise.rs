//! Finds out what a document is, and takes from it what it says about API servers.

use super::authentication::StartProblem;
use super::document::File;
use super::found::Found;
use super::node::Node;
use super::{
    argument_list, audit_policy, authentication, authorization, hosted, k0s, k3s, kubeadm,
    openshift, pod, talos,
};

/// What is said of a file without any document.
pub(super) const EMPTY_FILE: &str = "the file is empty";

/// Reads a file.
pub(super) fn read(file: File<'_>, found: &mut Found) {
    if argument_list::read(file, found) {
        return;
    }
    match file.documents() {
        Ok(documents) if documents.is_empty() => {
            found.gap(&file.place(1, 1), EMPTY_FILE);
        }
        Ok(documents) => {
            let mut k3s = k3s::Merged::default();
            let mut talos = talos::Merged::default();
            for node in read_documents(&documents, found) {
                let others = found.others;
                if !k3s.add(node) && !talos.add(node) {
                    document(file, node, found);
                }
                if found.others > others && node.place == documents[0].place {
                    found.foreign.push(node.place.clone());
                }
            }
            k3s.finish(found);
            talos.finish(found);
        }
        Err(unreadable) => found.unreadable.push(unreadable),
    }
}

/// A file of which an API server reads the first document only.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ServerFile {
    Authentication,
    Authorization,
}

/// Which such file a document is. Without its kind it is one too, with which no server starts.
fn server_file(node: &Node) -> Option<ServerFile> {
    let has = |keys: &[&str]| keys.iter().any(|key| node.get(key).is_some());
    match node.text_of("kind") {
        Some("AuthenticationConfiguration") => Some(ServerFile::Authentication),
        Some("AuthorizationConfiguration") => Some(ServerFile::Authorization),
        None if has(&["anonymous", "jwt"]) => Some(ServerFile::Authentication),
        None if has(&["authorizers"]) => Some(ServerFile::Authorization),
        _ => None,
    }
}

/// The documents without those that no server reads, because they stand behind another one of their kind. They are noted.
fn read_documents<'a>(documents: &'a [Node], found: &mut Found) -> Vec<&'a Node> {
    let first = documents.first().and_then(server_file);
    let (left_out, read): (Vec<_>, Vec<_>) = (0..)
        .zip(documents)
        .partition(|(index, node)| *index > 0 && first.is_some() && server_file(node) == first);
    for (_, node) in left_out {
        let text = "the server reads the first document of the file only, so this one is not read";
        found.note(&node.place, text);
    }
    read.into_iter().map(|(_, node)| node).collect()
}

/// Reads a document, whichever it is.
fn document(file: File<'_>, node: &Node, found: &mut Found) {
    let version = node.text_of("apiVersion").unwrap_or_default();
    let group = version.split_once('/').map_or("", |(group, _)| group);
    let kind = node.text_of("kind").unwrap_or_default();
    match server_file(node) {
        Some(ServerFile::Authentication) => {
            let mut read = authentication::read(node, true);
            read.problems.extend(behind_empty_document(file, node));
            found.authentication.push(read);
            return;
        }
        Some(ServerFile::Authorization) => {
            let mut read = authorization::read(node);
            read.problems.extend(behind_empty_document(file, node));
            found.authorization.push(read);
            return;
        }
        None => {}
    }
    match (group, kind) {
        ("rbac.authorization.k8s.io", kind) if found.rbac.add(kind, node) => {}
        ("audit.k8s.io", "Policy") => match audit_policy::read(file, node) {
            Some(policy) => found.policies.push(policy),
            None => found.note(
                &node.place,
                "an audit policy within another document is not read; save it as a file of its own",
            ),
        },
        (_, "Secret") | ("", "Config") => {
            found.note(&node.place, "holds credentials and is not read");
        }
        (_, kind) if kind.ends_with("List") => list(file, node, found),
        ("" | "apps", "Pod" | "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet") => {
            pod::read(file, node, found);
        }
        ("" | "core", "ConfigMap") => config_map(file, node, found),
        ("kubeadm.k8s.io", "ClusterConfiguration") => kubeadm::read(node, found),
        _ if kubeadm::is_control_plane(group, kind) => {
            kubeadm::read_control_plane(file, node, found);
        }
        ("k0s.k0sproject.io", "ClusterConfig") => k0s::read(node, found),
        ("kops.k8s.io", "Cluster") => hosted::read_kops(node, found),
        ("core.gardener.cloud", "Shoot") => hosted::read_shoot(node, found),
        _ if openshift::is_config(node) => openshift::read(node, found),
        _ if kind.is_empty() && argument_list::read_sequence(node, found) => {}
        _ => found.others += 1,
    }
}

fn behind_empty_document(file: File<'_>, node: &Node) -> Option<StartProblem> {
    let text = "the server reads the first document of the file only, and that is empty";
    file.is_behind_empty_document(node)
        .then(|| StartProblem::always(&node.place, text))
}

/// Reads a list of objects. Without any it is an answer too.
fn list(file: File<'_>, node: &Node, found: &mut Found) {
    let items = node.get("items").map_or(&[][..], Node::items);
    if items.is_empty() {
        found.gap(&node.place, pod::NO_POD);
    }
    let kind = node.text_of("kind").unwrap_or_default();
    for item in items {
        // The items of `PodList` and its like have no kind of their own.
        if item.get("kind").is_some() || kind == "List" {
            document(file, item, found);
        } else if kind == "PodList" {
            pod::read(file, item, found);
        } else if !found.rbac.add(kind.trim_end_matches("List"), item) {
            found.others += 1;
        }
    }
}

/// Reads the documents in a `ConfigMap`.
fn config_map(file: File<'_>, node: &Node, found: &mut Found) {
    let name = pod::object_name("ConfigMap", node);
    let before = (found.authentication.len(), found.servers.len());
    for entry in node.get("data").map_or(&[][..], Node::entries) {
        if entry.node.text().is_none() {
            continue;
        }
        match file.documents_in(&entry.node) {
            Ok((inner, documents)) => {
                for node in read_documents(&documents, found) {
                    document(inner, node, found);
                }
            }
            // Most texts in a ConfigMap are of other programs.
            Err(unreadable) => found.note(&unreadable.place, unreadable.problem),
        }
    }
    for file in &mut found.authentication[before.0..] {
        file.holder.get_or_insert_with(|| name.clone());
    }
    for server in &mut found.servers[before.1..] {
        server.name = format!("{} of {name}", server.name);
    }
}
