//! Machine configurations of Talos: one document with almost everything, and from 1.14 on documents of their own.

use super::authentication::{self, AuthenticationFile};
use super::found::Found;
use super::node::Node;
use super::place::Place;
use super::server::{Server, Statement, TALOS, TALOS_DOCUMENTS, flag_words};
use super::words::Word;

/// The documents of one file.
#[derive(Default)]
pub(super) struct Merged {
    place: Option<Place>,
    words: Vec<Word>,
    authentication: Option<AuthenticationFile>,
    release: Option<crate::kubernetes::Minor>,
}

impl Merged {
    /// Adds a document, if it is one of Talos.
    pub(super) fn add(&mut self, node: &Node) -> bool {
        let kind = node.text_of("kind").unwrap_or_default();
        let is_document = node.text_of("apiVersion") == Some("v1alpha1") && !kind.is_empty();
        let is_machine = node.text_of("version") == Some("v1alpha1")
            && node.get("machine").is_some()
            && kind.is_empty();
        if is_machine {
            let is_worker = node.at(&["machine", "type"]).and_then(Node::text) == Some("worker");
            if !is_worker {
                self.place.get_or_insert_with(|| node.place.clone());
                self.server(node.at(&["cluster", "apiServer"]));
            }
        } else if is_document && kind == "KubeAuthenticationConfig" {
            let configuration = node.get("configuration").unwrap_or(node);
            self.place = Some(configuration.place.clone());
            self.authentication = Some(authentication::read(configuration, false));
        } else if is_document && kind == "KubeAPIServerConfig" {
            self.place.get_or_insert_with(|| node.place.clone());
            self.server(Some(node));
        }
        is_machine || is_document
    }

    fn server(&mut self, node: Option<&Node>) {
        let Some(node) = node else {
            return;
        };
        let image = node.text_of("image").and_then(super::pod::release_of_image);
        self.release = self.release.or(image);
        self.words
            .extend(node.get("extraArgs").map(flag_words).unwrap_or_default());
    }

    pub(super) fn finish(self, found: &mut Found) {
        let Some(place) = self.place else {
            return;
        };
        let preset = if self.authentication.is_some() {
            &TALOS_DOCUMENTS
        } else {
            &TALOS
        };
        let mut server = Server::preset("Talos machine configuration", &place, preset, &self.words);
        server.release = self.release;
        if self.authentication.is_some() {
            let text = "Talos passes KubeAuthenticationConfig to the API server from 1.14 on";
            server.statements.push(Statement::known(text));
        }
        server.authentication = self.authentication;
        found.servers.push(server);
    }
}
