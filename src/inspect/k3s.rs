//! `config.yaml` of k3s and RKE2, with the files of `config.yaml.d` behind it in the same file.

use std::collections::BTreeMap;

use super::flags::{Flags, WordProblem};
use super::found::Found;
use super::node::Node;
use super::place::Place;
use super::server::{K3S, Server};
use super::words::Word;

/// The arguments of the API server.
const ARGUMENTS: &str = "kube-apiserver-arg";
/// Fields by which a configuration of a server is recognised. An agent has none of them.
const OF_SERVERS: [&str; 37] = [
    "advertise-address",
    "advertise-port",
    "agent-token",
    "audit-policy-file",
    "cluster-cidr",
    "cluster-dns",
    "cluster-domain",
    "cluster-init",
    "cni",
    "datastore-endpoint",
    "disable",
    "disable-apiserver",
    "disable-cloud-controller",
    "disable-controller-manager",
    "disable-etcd",
    "disable-helm-controller",
    "disable-kube-proxy",
    "disable-network-policy",
    "disable-scheduler",
    "egress-selector-mode",
    "embedded-registry",
    "etcd-arg",
    "etcd-expose-metrics",
    "etcd-s3",
    "etcd-snapshot-schedule-cron",
    "flannel-backend",
    "flannel-external-ip",
    "kube-cloud-controller-manager-arg",
    "kube-controller-manager-arg",
    "kube-scheduler-arg",
    "secrets-encryption",
    "service-cidr",
    "service-node-port-range",
    "tls-san",
    "tls-san-security",
    "write-kubeconfig",
    "write-kubeconfig-mode",
];
/// Fields by which a configuration is recognised, of a server or of an agent.
const OF_NODES: [&str; 3] = ["kubelet-arg", "node-label", "selinux"];
/// What is said of a configuration that has fields of every node only.
const PERHAPS_AGENT: &str = "no field is known as one of servers only, so this is perhaps the configuration of an agent, \
    which has no API server";

/// The documents of one file, merged as k3s merges its files.
#[derive(Default)]
pub(super) struct Merged {
    words: Vec<Word>,
    place: Option<Place>,
    /// Whether a field of servers only is there.
    is_of_server: bool,
}

impl Merged {
    /// Adds a document, if it is such a configuration.
    pub(super) fn add(&mut self, node: &Node) -> bool {
        let entries = node.entries();
        let has = |fields: &[&str]| {
            let mut keys = entries.iter().map(|entry| entry.key.trim_end_matches('+'));
            keys.any(|key| fields.contains(&key))
        };
        let is_of_server = has(&OF_SERVERS) || has(&[ARGUMENTS]);
        if node.get("kind").is_some() || !is_of_server && !has(&OF_NODES) {
            return false;
        }
        self.is_of_server |= is_of_server;
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
        let Some(place) = self.place else {
            return;
        };
        let name = "k3s or RKE2 configuration";
        let mut server = Server::preset(name, &place, &K3S, &arguments(&self.words));
        if !self.is_of_server {
            server.statements.clear();
            server.flags.unclear = Some(WordProblem {
                place,
                problem: PERHAPS_AGENT.to_owned(),
            });
        }
        found.servers.push(server);
    }
}

/// `anonymous-auth=true`.
fn word(node: &Node) -> Option<Word> {
    Some(Word {
        text: node.text()?.to_owned(),
        place: node.place.clone(),
    })
}

/// The arguments that k3s makes of those in its configuration: `NAME+=VALUE` goes on with those that there are, its own
/// included, and `NAME-=VALUE` puts one before them. They are sorted by name.
fn arguments(words: &[Word]) -> Vec<Word> {
    let split = |word: &Word| {
        let text = word.text.strip_prefix("--").unwrap_or(&word.text);
        let (name, value) = text.split_once('=').unwrap_or((text, "true"));
        (name.to_owned(), value.to_owned())
    };
    let plain: Vec<Word> = words
        .iter()
        .map(|word| argument(split(word), word))
        .collect();
    let given = Flags::read(&plain);
    let mut values: BTreeMap<String, Vec<Word>> = BTreeMap::new();
    for word in words {
        let (written, value) = split(word);
        let name = written.trim_end_matches(['-', '+']);
        let mut own = K3S.set(&given).filter(|(flag, _)| *flag == name);
        let own = own
            .next()
            .map(|(_, value)| argument((name.to_owned(), (*value).to_owned()), word));
        let is_first = !values.contains_key(name);
        let all = values.entry(name.to_owned()).or_default();
        let is_plain = written.len() == name.len();
        all.extend(own.filter(|_| is_first && !is_plain));
        let at = if written.ends_with('-') { 0 } else { all.len() };
        all.insert(at, argument((name.to_owned(), value), word));
    }
    values.into_values().flatten().collect()
}

fn argument((name, value): (String, String), word: &Word) -> Word {
    Word {
        text: format!("--{name}={value}"),
        place: word.place.clone(),
    }
}
