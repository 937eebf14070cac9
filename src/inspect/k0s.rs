//! `k0s.yaml`.

use super::found::Found;
use super::node::Node;
use super::server::{K0S, Server, flag_words};
use super::words::Word;

/// Reads a `ClusterConfig` of k0s. The arguments of `rawArgs` come last.
pub(super) fn read(node: &Node, found: &mut Found) {
    let api = node.at(&["spec", "api"]);
    let arguments = api.and_then(|api| api.get("extraArgs"));
    let mut words = arguments.map(flag_words).unwrap_or_default();
    let raw = api.and_then(|api| api.get("rawArgs"));
    let raw = raw.map_or(&[][..], Node::items).iter();
    words.extend(raw.filter_map(|item| {
        Some(Word {
            text: item.text()?.to_owned(),
            place: item.place.clone(),
        })
    }));
    let place = api.map_or(&node.place, |api| &api.place);
    let name = super::pod::object_name("k0s ClusterConfig", node);
    found
        .servers
        .push(Server::preset(name, place, &K0S, &words));
}
