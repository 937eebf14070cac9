//! `products.toml` as it is written. An unknown key is an error, because a misspelt key would lose a fact.

use std::collections::HashMap;

use serde::Deserialize;

use super::entry::Expected;
use crate::model::{Component, Provenance, Specificity, Text};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) cluster_ca_names: Vec<String>,
    pub(super) product: Vec<FileProduct>,
    pub(super) sources: HashMap<String, FileSource>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileProduct {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) short: String,
    pub(super) managed: bool,
    #[serde(default)]
    pub(super) based_on: Vec<String>,
    #[serde(default)]
    pub(super) version: Vec<FileFact>,
    #[serde(default)]
    pub(super) host: Vec<FileFact>,
    #[serde(default)]
    pub(super) issuer: Vec<FileFact>,
    #[serde(default)]
    pub(super) subject: Vec<FileFact>,
    #[serde(default)]
    pub(super) san: Vec<FileFact>,
    #[serde(default)]
    pub(super) client_ca: Vec<FileFact>,
    #[serde(default)]
    pub(super) transport_security: Vec<FileFact>,
    #[serde(default)]
    pub(super) answer: Vec<FileFact>,
    #[serde(default)]
    pub(super) expected: Vec<Expected>,
    pub(super) unknown: Option<String>,
    pub(super) changeable: Option<bool>,
    pub(super) change: Option<String>,
    pub(super) keep: Option<String>,
    #[serde(default)]
    pub(super) upstream: bool,
    #[serde(default)]
    pub(super) rejected_is_weak: bool,
    pub(super) url: Option<String>,
    pub(super) network_url: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileFact {
    pub(super) like: String,
    pub(super) names: Specificity,
    pub(super) known: Provenance,
    pub(super) shows: Option<Component>,
    #[serde(default)]
    pub(super) source: Text,
    #[expect(dead_code, reason = "for people who read the table")]
    note: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileSource {
    title: String,
    url: Option<String>,
}

impl File {
    /// The title of a source, and its address where one was kept.
    pub(super) fn source(&self, id: &str) -> Result<Text, String> {
        if id.is_empty() {
            return Ok("general product knowledge".into());
        }
        let source = self
            .sources
            .get(id)
            .ok_or_else(|| format!("the source {id} is not listed"))?;
        Ok(match &source.url {
            Some(url) => format!("{} ({url})", source.title).into(),
            None => source.title.clone().into(),
        })
    }

    /// The indices of everything that a product is built on, transitively.
    pub(super) fn ancestors(&self, product: &FileProduct) -> Result<Vec<usize>, String> {
        let mut found = Vec::new();
        let mut open: Vec<&String> = product.based_on.iter().collect();
        while let Some(id) = open.pop() {
            let at = self
                .product
                .iter()
                .position(|other| other.id == *id)
                .ok_or_else(|| format!("{} is based on {id}, which is no entry", product.id))?;
            if !found.contains(&at) {
                found.push(at);
                open.extend(&self.product[at].based_on);
            }
        }
        Ok(found)
    }
}
