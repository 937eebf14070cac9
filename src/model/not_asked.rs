//! Clusters that inventories list and a scan does not ask.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use strum::VariantNames;

use super::{Declared, Origin, words};

/// A cluster of an inventory that is not asked. It is not part of the coverage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ClusterNotAsked {
    /// Where the inventory lists it; the text is its endpoint, empty if it has none.
    pub origin: Arc<Origin>,
    /// What the inventory calls it.
    #[serde(rename = "name")]
    pub label: Option<Arc<str>>,
    /// Why it is not asked.
    pub why: NotAskedReason,
    /// What the inventory says about it.
    pub declared: Arc<Declared>,
}

/// Why an inventory's cluster is not asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, VariantNames)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[strum(serialize_all = "kebab-case")]
pub enum NotAskedReason {
    /// Its owner stopped it.
    Stopped,
    /// It is being created.
    Starting,
    /// It is being deleted.
    Deleting,
    /// The inventory has no endpoint of it.
    NoEndpoint,
    /// It is reached through a proxy that is not given.
    NeedsProxy,
}

words!(NotAskedReason);

impl NotAskedReason {
    /// The reason in words.
    const fn text(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Starting => "being created",
            Self::Deleting => "being deleted",
            Self::NoEndpoint => "no endpoint in the inventory",
            Self::NeedsProxy => "reached through a proxy",
        }
    }
}

impl ClusterNotAsked {
    /// A cluster with this name, listed here.
    pub(crate) fn new(
        origin: Arc<Origin>,
        label: Option<Arc<str>>,
        why: NotAskedReason,
        declared: Declared,
    ) -> Self {
        Self {
            origin,
            label,
            why,
            declared: declared.into(),
        }
    }

    /// Its name, or else its endpoint.
    pub fn name(&self) -> &str {
        match (self.label.as_deref(), &*self.origin.text) {
            (Some(name), _) => name,
            (None, "") => "a cluster without a name",
            (None, endpoint) => endpoint,
        }
    }

    /// Why it is not asked, in words.
    pub fn text(&self) -> String {
        match (self.why, &self.declared.proxy) {
            (NotAskedReason::NeedsProxy, Some(proxy)) if proxy.starts_with("https://") => {
                format!("reached through {proxy}, and kubeknock cannot use HTTPS proxies")
            }
            (NotAskedReason::NeedsProxy, Some(proxy)) => format!("needs --proxy {proxy}"),
            (why, _) => why.text().to_owned(),
        }
    }
}
