//! The configuration of the API server of `OpenShift`: flags as a map of lists.

use super::found::Found;
use super::node::{Entry, Node};
use super::server::Server;
use super::words::Word;

/// Whether a document is such a configuration, or only its flags.
pub(super) fn is_config(node: &Node) -> bool {
    node.get("apiServerArguments").is_some()
}

/// Reads it.
pub(super) fn read(node: &Node, found: &mut Found) {
    let arguments = node.get("apiServerArguments").unwrap_or(node);
    let words: Vec<Word> = arguments.entries().iter().flat_map(words).collect();
    let server = Server::new("OpenShift apiServerArguments", &arguments.place, &words);
    found.servers.push(server);
}

/// One word for each value of a flag.
fn words(entry: &Entry) -> Vec<Word> {
    let one = std::slice::from_ref(&entry.node);
    let values = if entry.node.items().is_empty() {
        one
    } else {
        entry.node.items()
    };
    let word = |value: &Node| Word {
        text: format!("--{}={}", entry.key, value.text().unwrap_or_default()),
        place: value.place.clone(),
    };
    values.iter().map(word).collect()
}
