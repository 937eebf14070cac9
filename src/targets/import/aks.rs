//! `az aks list -o json` and `az aks show -o json`, in the spelling of the CLI and in that of Azure's REST API, which
//! puts most fields into `properties`.
//!
//! Azure declares no setting for anonymous requests.

use std::io::{self, BufRead};

use serde::Deserialize;

use super::documents;
use super::imported::{Entry, Handler, ImportedLine};
use super::inventory::{after, not_one};
use super::lenient::{Said, Texts};
use crate::model::{DeclaredEndpoint, NotAskedReason};

const EXPECTED: &str = "the output of az aks list -o json or az aks show -o json";

const NOT_WHOLE: &str = "the list is not whole: it has a nextLink, so the clusters of the next page are missing; az \
                         aks list -o json writes all";

#[derive(Deserialize, Default)]
struct Cluster {
    /// The clusters, in the wrapper of the REST API.
    value: Option<Vec<Self>>,
    /// Where the next part of the list is, in that wrapper.
    #[serde(rename = "nextLink")]
    next: Option<String>,
    id: Option<String>,
    name: Option<String>,
    location: Option<String>,
    #[serde(rename = "resourceGroup")]
    resource_group: Option<String>,
    tags: Option<Texts>,
    /// The fields below, where the REST API has them.
    properties: Option<Box<Self>>,
    fqdn: Option<String>,
    #[serde(rename = "privateFqdn", alias = "privateFQDN")]
    private_fqdn: Option<String>,
    #[serde(rename = "currentKubernetesVersion")]
    current_version: Option<String>,
    #[serde(rename = "kubernetesVersion")]
    version: Option<String>,
    #[serde(rename = "apiServerAccessProfile", default)]
    access: Said<Access>,
    /// Every answer has it, and hardly any selection of fields.
    #[serde(rename = "nodeResourceGroup")]
    node_group: Option<String>,
    #[serde(rename = "powerState")]
    power: Option<Power>,
    #[serde(rename = "provisioningState")]
    provisioning: Option<String>,
}

/// `apiServerAccessProfile`.
#[derive(Deserialize)]
struct Access {
    #[serde(rename = "authorizedIpRanges", alias = "authorizedIPRanges", default)]
    ranges: Said<Vec<String>>,
    #[serde(rename = "enablePrivateCluster", default)]
    private: Said<bool>,
}

impl Default for Access {
    /// What null stands for: a public cluster that everybody may reach.
    fn default() -> Self {
        Self {
            ranges: Said::Null,
            private: Said::Null,
        }
    }
}

#[derive(Deserialize)]
struct Power {
    code: Option<String>,
}

impl Cluster {
    /// Whether it has a field that only clusters have.
    fn is_one(&self) -> bool {
        let texts = [
            &self.fqdn,
            &self.private_fqdn,
            &self.current_version,
            &self.version,
            &self.provisioning,
        ];
        texts.into_iter().any(Option::is_some)
            || matches!(self.access, Said::Value(_))
            || self.power.is_some()
            || after(self.id.as_deref(), "managedClusters").is_some()
            || self.properties.as_deref().is_some_and(Self::is_one)
    }
}

pub(super) fn read(reader: impl BufRead, handle: Handler<'_>) -> Result<(), (u32, io::Error)> {
    documents::each(reader, EXPECTED, handle, found)
}

fn found(line: u32, cluster: Cluster, handle: Handler<'_>) {
    if (cluster.next.as_ref()).is_some_and(|next| !next.is_empty()) {
        handle(line, Ok(ImportedLine::Warning(NOT_WHOLE.into())));
    }
    if let Some(clusters) = cluster.value {
        for cluster in clusters {
            found(line, cluster, handle);
        }
        return;
    }
    if !cluster.is_one() {
        handle(line, Err(not_one("an AKS cluster", EXPECTED)));
        return;
    }
    let properties = *cluster.properties.unwrap_or_default();
    let id = cluster.id.as_deref();
    let mut entry = Entry::managed(
        "aks",
        cluster.name.as_deref().or(after(id, "managedClusters")),
    );
    let version = [
        &properties.current_version,
        &cluster.current_version,
        &properties.version,
        &cluster.version,
    ];
    entry.region(cluster.location.as_deref());
    entry.version(version.into_iter().flatten().next().map(String::as_str));
    entry.label("subscription", after(id, "subscriptions"));
    let group = cluster.resource_group.as_deref();
    entry.label("resource-group", group.or(after(id, "resourceGroups")));
    entry.tags(cluster.tags.as_ref());
    // An answer of the REST API leaves out a profile without settings; the CLI writes null. A projection (`--query`)
    // leaves out whatever was not asked for.
    let is_whole = properties.node_group.or(cluster.node_group).is_some();
    let access = match properties.access {
        Said::Absent => cluster.access,
        access => access,
    };
    let (ranges, private) = access.or_default(is_whole).map_or_else(
        || (None, None),
        |access| {
            let ranges = access.ranges.or_default(is_whole);
            (ranges, access.private.or_default(is_whole))
        },
    );
    let power = properties
        .power
        .or(cluster.power)
        .and_then(|power| power.code);
    let state = properties.provisioning.or(cluster.provisioning);
    let is = |state: &Option<String>, word| state.as_deref() == Some(word);
    let why = if is(&state, "Deleting") {
        Some(NotAskedReason::Deleting)
    } else if is(&power, "Stopped") {
        Some(NotAskedReason::Stopped)
    } else if is(&state, "Creating") {
        Some(NotAskedReason::Starting)
    } else {
        None
    };
    let endpoints = Endpoints {
        private,
        ranges,
        fqdn: properties.fqdn.or(cluster.fqdn),
        private_fqdn: properties.private_fqdn.or(cluster.private_fqdn),
    };
    endpoints.found(line, entry, why, handle);
}

/// The names of a cluster, and who may reach it.
pub(super) struct Endpoints {
    pub(super) private: Option<bool>,
    /// The only networks that may reach it; empty for everybody, `None` if nothing is said.
    pub(super) ranges: Option<Vec<String>>,
    pub(super) fqdn: Option<String>,
    pub(super) private_fqdn: Option<String>,
}

impl Endpoints {
    /// Hands on a cluster. A private one may have a public name too, which leads to its private address.
    pub(super) fn found(
        self,
        line: u32,
        mut entry: Entry,
        not_asked: Option<NotAskedReason>,
        handle: Handler<'_>,
    ) {
        match self.ranges.as_deref() {
            Some([]) if self.private.is_some() => entry.admit_everybody(),
            Some([]) | None => {}
            Some(ranges) => entry.networks(ranges.iter().map(String::as_str)),
        }
        let public = self.fqdn.filter(|fqdn| !fqdn.is_empty());
        let inside = self.private_fqdn.filter(|fqdn| !fqdn.is_empty());
        let (reach, hosts): (_, Vec<String>) = match self.private {
            Some(true) => (
                Some(DeclaredEndpoint::Private),
                public.into_iter().chain(inside).collect(),
            ),
            said => (
                said.map(|_| DeclaredEndpoint::Public),
                public.or(inside).into_iter().collect(),
            ),
        };
        entry.found(line, &hosts, reach, not_asked, handle);
    }
}
