//! `gcloud container clusters list --format=json` and `describe`, and the answers of the Container API.

use std::io::{self, BufRead};

use serde::Deserialize;

use super::documents;
use super::imported::{Entry, Handler, ImportedLine};
use super::inventory::{after, is_private, not_one};
use super::lenient::Texts;
use crate::model::{DeclaredAnonymous, DeclaredEndpoint, NotAskedReason, short};
use crate::wording::joined_at_most;

const EXPECTED: &str = "the output of gcloud container clusters list --format=json";

/// The most zones that a warning names.
const MAX_ZONES: usize = 5;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cluster {
    /// The clusters, in the wrapper of the API.
    clusters: Option<Vec<Self>>,
    /// The zones that did not answer, in that wrapper.
    missing_zones: Option<Vec<String>>,
    name: Option<String>,
    location: Option<String>,
    zone: Option<String>,
    self_link: Option<String>,
    network: Option<String>,
    endpoint: Option<String>,
    current_master_version: Option<String>,
    anonymous_authentication_config: Option<Anonymous>,
    control_plane_endpoints_config: Option<ControlPlane>,
    private_cluster_config: Option<PrivateCluster>,
    master_authorized_networks_config: Option<Networks>,
    master_auth: Option<MasterAuth>,
    resource_labels: Option<Texts>,
    status: Option<String>,
}

#[derive(Deserialize)]
struct Anonymous {
    mode: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct ControlPlane {
    dns_endpoint_config: Option<Dns>,
    ip_endpoints_config: Option<Ip>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dns {
    endpoint: Option<String>,
    allow_external_traffic: Option<bool>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Ip {
    enabled: Option<bool>,
    enable_public_endpoint: Option<bool>,
    public_endpoint: Option<String>,
    private_endpoint: Option<String>,
    authorized_networks_config: Option<Networks>,
}

#[derive(Deserialize, Default)]
struct PrivateCluster {
    #[serde(rename = "enablePrivateEndpoint")]
    only_private: Option<bool>,
    #[serde(rename = "publicEndpoint")]
    public: Option<String>,
    #[serde(rename = "privateEndpoint")]
    private: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Networks {
    enabled: Option<bool>,
    #[serde(rename = "gcpPublicCidrsAccessEnabled")]
    google: Option<bool>,
    cidr_blocks: Option<Vec<Network>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Network {
    cidr_block: Option<String>,
}

/// The client key beside the CA certificate is not read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MasterAuth {
    cluster_ca_certificate: Option<String>,
}

impl Cluster {
    /// Whether it has a field that only clusters have.
    fn is_one(&self) -> bool {
        [&self.endpoint, &self.current_master_version, &self.status]
            .into_iter()
            .any(Option::is_some)
            || self.anonymous_authentication_config.is_some()
            || self.control_plane_endpoints_config.is_some()
            || self.private_cluster_config.is_some()
            || self.master_authorized_networks_config.is_some()
            || self.master_auth.is_some()
            || after(self.self_link.as_deref(), "clusters").is_some()
    }
}

pub(super) fn read(reader: impl BufRead, handle: Handler<'_>) -> Result<(), (u32, io::Error)> {
    documents::each(reader, EXPECTED, handle, found)
}

/// The declared mode. `None` for another word and without the setting: an old cluster without it is not `ENABLED`.
pub(super) fn anonymous(mode: Option<&str>) -> Option<DeclaredAnonymous> {
    match mode {
        Some("ENABLED") => Some(DeclaredAnonymous::Enabled),
        Some("LIMITED") => Some(DeclaredAnonymous::Limited),
        _ => None,
    }
}

/// The addresses at which a cluster is reached.
#[derive(Default)]
pub(super) struct Endpoints<'a> {
    /// The address that every version of the API lists.
    pub(super) address: Option<&'a str>,
    pub(super) public: Option<&'a str>,
    pub(super) private: Option<&'a str>,
    /// Whether addresses are served at all. Where they are not, the old one is still listed.
    pub(super) by_address: bool,
    /// Whether only the private address is served, if that is said.
    pub(super) only_private: Option<bool>,
    /// The name of the endpoint that Google fronts, and whether it is reached from outside, if that is said.
    pub(super) name: Option<(&'a str, Option<bool>)>,
}

impl Endpoints<'_> {
    /// Hands on a cluster: its address, and its name if that is reached from outside or nothing else is.
    pub(super) fn found(
        &self,
        line: u32,
        entry: &Entry,
        not_asked: Option<NotAskedReason>,
        handle: Handler<'_>,
    ) {
        let some = |text: &&str| !text.is_empty();
        let only_private = self.only_private == Some(true);
        let (first, second) = if only_private {
            (self.private, self.address)
        } else {
            (self.public, self.address)
        };
        let address = first.filter(some).or(second.filter(some));
        let address = address.filter(|_| self.by_address);
        let name = self.name.filter(|(name, _)| !name.is_empty());
        if address.is_some() || name.is_none() {
            let addresses: Vec<&str> = address.into_iter().collect();
            let mut entry = entry.clone();
            // A private address declares nothing.
            let is_undeclared = !only_private && address.is_some_and(is_private);
            let reach = self.only_private.filter(|_| !is_undeclared);
            let reach = reach.map(|only_private| reach_of(!only_private));
            // That everybody is admitted would not be about this endpoint, or not be said of it.
            if reach.is_none() && entry.admits_everybody() {
                entry.no_networks();
            }
            entry.found(line, &addresses, reach, not_asked, handle);
        }
        let is_asked = not_asked.is_none() || address.is_none();
        if let Some((name, external)) =
            name.filter(|(_, external)| is_asked && (*external == Some(true) || address.is_none()))
        {
            let mut entry = entry.clone();
            // Google serves it with a certificate of its own, to callers from any network.
            entry.declared.authorities = std::sync::Arc::default();
            entry.ca_is_damaged = false;
            entry.no_networks();
            entry.found(line, &[name], external.map(reach_of), not_asked, handle);
        }
    }
}

const fn reach_of(public: bool) -> DeclaredEndpoint {
    if public {
        DeclaredEndpoint::Public
    } else {
        DeclaredEndpoint::Private
    }
}

fn found(line: u32, cluster: Cluster, handle: Handler<'_>) {
    let missing = cluster.missing_zones.as_deref().unwrap_or_default();
    if !missing.is_empty() {
        let zones: Vec<_> = missing.iter().filter_map(|zone| short(zone)).collect();
        let zones = joined_at_most(MAX_ZONES, &zones);
        let text =
            format!("the list is not whole: the clusters of missingZones are missing ({zones})");
        handle(line, Ok(ImportedLine::Warning(text)));
    }
    if let Some(clusters) = cluster.clusters {
        for cluster in clusters {
            found(line, cluster, handle);
        }
        return;
    }
    if !cluster.is_one() {
        handle(line, Err(not_one("a GKE cluster", EXPECTED)));
        return;
    }
    let path = cluster.self_link.as_deref();
    let mut entry = Entry::managed("gke", cluster.name.as_deref().or(after(path, "clusters")));
    entry.region(cluster.location.as_deref().or(cluster.zone.as_deref()));
    entry.version(cluster.current_master_version.as_deref());
    entry.label("project", after(path, "projects"));
    entry.tags(cluster.resource_labels.as_ref());
    let mode = (cluster.anonymous_authentication_config).and_then(|config| config.mode);
    entry.declared.anonymous = anonymous(mode.as_deref());
    let auth = (cluster.master_auth).and_then(|auth| auth.cluster_ca_certificate);
    entry.authority(auth.as_deref());
    let control_plane = cluster.control_plane_endpoints_config.unwrap_or_default();
    let dns = control_plane.dns_endpoint_config;
    let ip = control_plane.ip_endpoints_config.unwrap_or_default();
    // A projection (`--format="json(name,endpoint)"`) leaves out whatever was not asked for.
    let is_whole = cluster.self_link.is_some() && cluster.network.is_some();
    let networks = [
        &ip.authorized_networks_config,
        &cluster.master_authorized_networks_config,
    ];
    // `{}` and `enabled: false` let everybody in, and so does no configuration.
    let mut said = networks.into_iter().flatten().peekable();
    let is_said = is_whole || said.peek().is_some();
    match said.find(|networks| networks.enabled == Some(true)) {
        Some(networks) => {
            let blocks = networks.cidr_blocks.iter().flatten();
            entry.networks(blocks.map(|block| block.cidr_block.as_deref().unwrap_or_default()));
            entry.declared.admits_provider = networks.google;
        }
        None if is_said => entry.admit_everybody(),
        None => {}
    }
    let private = cluster.private_cluster_config.unwrap_or_default();
    let not_asked = match cluster.status.as_deref() {
        Some("STOPPING") => Some(NotAskedReason::Deleting),
        Some("PROVISIONING") => Some(NotAskedReason::Starting),
        _ => None,
    };
    let endpoints = Endpoints {
        address: cluster
            .endpoint
            .as_deref()
            .filter(|text| !text.ends_with(".gke.goog")),
        public: (ip.public_endpoint.as_deref()).or(private.public.as_deref()),
        private: (ip.private_endpoint.as_deref()).or(private.private.as_deref()),
        by_address: ip.enabled != Some(false),
        only_private: match (ip.enable_public_endpoint, private.only_private) {
            (Some(false), _) | (_, Some(true)) => Some(true),
            (Some(true), _) | (_, Some(false)) => Some(false),
            (None, None) => is_whole.then_some(false),
        },
        name: (dns.as_ref()).and_then(|dns| {
            Some((
                dns.endpoint.as_deref()?,
                (dns.allow_external_traffic).or(is_whole.then_some(false)),
            ))
        }),
    };
    endpoints.found(line, &entry, not_asked, handle);
}
