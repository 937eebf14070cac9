//! The sections of `products.toml`.

use std::collections::HashMap;

use serde::Deserialize;

use super::entry::Entry;
use crate::model::Text;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) cluster_ca_names: Vec<String>,
    pub(super) product: Vec<Entry>,
    pub(super) sources: HashMap<String, FileSource>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileSource {
    title: String,
    url: Option<String>,
}

impl File {
    /// The title of a source, with its address if it has one.
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
    pub(super) fn ancestors(&self, product: &Entry) -> Result<Vec<usize>, String> {
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
