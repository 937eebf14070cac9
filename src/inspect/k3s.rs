//! `config.yaml` of k3s and RKE2, with the files of `config.yaml.d` behind it in the same file.

use super::found::Found;
use super::node::Node;
use super::place::Place;
use super::server::{K3S, Server};
use super::words::Word;

/// The arguments of the API server.
const ARGUMENTS: &str = "kube-apiserver-arg";
/// Fields by which a configuration without these arguments is recognised.
const OTHERS: [&str; 12] = [
    "cluster-cidr",
    "cluster-init",
    "cni",
    "disable",
    "flannel-backend",
    "kube-controller-manager-arg",
    "kubelet-arg",
    "node-label",
    "secrets-encryption",
    "selinux",
    "tls-san",
    "write-kubeconfig-mode",
];

/// The documents of one file, merged as k3s merges its files.
#[derive(Default)]
pub(super) struct Merged {
    words: Vec<Word>,
    place: Option<Place>,
}

impl Merged {
    /// Adds a document, if it is such a configuration.
    pub(super) fn add(&mut self, node: &Node) -> bool {
        let entries = node.entries();
        let is_its_field = |key: &str| {
            key.trim_end_matches('+') == ARGUMENTS || OTHERS.contains(&key.trim_end_matches('+'))
        };
        let is_config =
            node.get("kind").is_none() && entries.iter().any(|entry| is_its_field(&entry.key));
        if !is_config {
            return false;
        }
        let arguments = entries
            .iter()
            .filter(|entry| entry.key.trim_end_matches('+') == ARGUMENTS);
        for entry in arguments {
            // With a plus the list goes on; without one it begins anew.
            if !entry.key.ends_with('+') {
                self.words.clear();
            }
            let one = std::slice::from_ref(&entry.node);
            let items = if entry.node.text().is_some() {
                one
            } else {
                entry.node.items()
            };
            self.words.extend(items.iter().filter_map(word));
            self.place.get_or_insert_with(|| entry.place.clone());
        }
        self.place.get_or_insert_with(|| node.place.clone());
        true
    }

    pub(super) fn finish(self, found: &mut Found) {
        if let Some(place) = self.place {
            let name = "k3s or RKE2 configuration";
            found
                .servers
                .push(Server::preset(name, &place, &K3S, &self.words));
        }
    }
}

/// `anonymous-auth=true` as a word of the server.
fn word(node: &Node) -> Option<Word> {
    let text = node.text()?;
    let text = text.trim_start_matches("--");
    Some(Word {
        text: format!("--{text}"),
        place: node.place.clone(),
    })
}
