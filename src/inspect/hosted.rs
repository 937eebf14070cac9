//! Specifications of clusters that another program turns into a configuration: kOps and Gardener. They are hints.

use super::found::Found;
use super::node::Node;
use super::pod::object_name;
use super::server::{Server, Statement, WithoutAnonymous};
use super::words::Word;
use crate::kubernetes::Minor;

fn word(text: &str, node: &Node) -> Word {
    Word {
        text: text.to_owned(),
        place: node.place.clone(),
    }
}

/// Reads a `Cluster` of kOps.
pub(super) fn read_kops(node: &Node, found: &mut Found) {
    let setting = node.at(&["spec", "kubeAPIServer", "anonymousAuth"]);
    let place = setting.unwrap_or(node);
    let words = [
        word("--anonymous-auth=false", place),
        word("--authorization-mode=Node,RBAC", place),
    ];
    let mut server = Server::new(object_name("kOps Cluster", node), &place.place, &words);
    server.is_hint = true;
    let text = "kOps sets --anonymous-auth=false, whatever the specification says";
    server.statements.push(Statement::at(&place.place, text));
    found.servers.push(server);
}

/// Reads a `Shoot` of Gardener.
pub(super) fn read_shoot(node: &Node, found: &mut Found) {
    let kubernetes = node.at(&["spec", "kubernetes"]);
    let api_server = kubernetes.and_then(|kubernetes| kubernetes.get("kubeAPIServer"));
    let setting = api_server.and_then(|server| server.get("enableAnonymousAuthentication"));
    let version = kubernetes.and_then(|kubernetes| kubernetes.text_of("version"));
    // Gardener completes a version without a patch level.
    let release = version.and_then(|version| {
        let patch = if version.matches('.').count() == 1 {
            ".0"
        } else {
            ""
        };
        Minor::of_git_version(&format!("v{version}{patch}"))
    });
    let config_map = api_server
        .and_then(|server| server.at(&["structuredAuthentication", "configMapName"]))
        .and_then(Node::text);
    let mut words = vec![word("--authorization-mode=Node,RBAC", node)];
    let is_on = setting.and_then(Node::text) == Some("true");
    let mut statements = Vec::new();
    let mut authentication_object = None;
    if let Some(name) = config_map {
        words.push(word(
            "--authentication-config=structuredAuthentication",
            node,
        ));
        let namespace = node.at(&["metadata", "namespace"]).and_then(Node::text);
        authentication_object = Some(format!(
            "ConfigMap {}/{name}",
            namespace.unwrap_or("default")
        ));
    } else {
        let place = setting.unwrap_or(node);
        words.push(word(&format!("--anonymous-auth={is_on}"), place));
        let text = if setting.is_some() {
            "Gardener passes enableAnonymousAuthentication to the API server; from 1.35 on it refuses the field"
        } else {
            "Gardener sets --anonymous-auth=false without enableAnonymousAuthentication"
        };
        statements.push(Statement::at(&place.place, text));
    }
    let place = setting.map_or(&node.place, |setting| &setting.place);
    let mut server = Server::new(object_name("Gardener Shoot", node), place, &words);
    server.statements = statements;
    server.without_anonymous = config_map.map(|_| {
        WithoutAnonymous::Off(
            "Gardener sets --anonymous-auth=false, because the file of structuredAuthentication has no anonymous",
        )
    });
    server.authentication_object = authentication_object;
    server.release = release;
    server.is_hint = true;
    found.servers.push(server);
}
