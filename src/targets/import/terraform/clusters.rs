//! The clusters of a state or a plan. A plan leaves out what is not known yet, and a data source what it does not read.
//! Then nothing is said, which is not what null or an empty list says.

use serde::Deserialize;

use super::super::imported::{Entry, Handler};
use super::super::inventory::after;
use super::super::lenient::{Block, Said, Texts, first};
use super::super::{aks, eks, gke};

#[derive(Deserialize)]
pub(super) struct Google {
    name: Option<String>,
    location: Option<String>,
    project: Option<String>,
    endpoint: Option<String>,
    master_version: Option<String>,
    anonymous_authentication_config: Block<Mode>,
    private_cluster_config: Block<PrivateCluster>,
    control_plane_endpoints_config: Block<ControlPlane>,
    master_authorized_networks_config: Block<Networks>,
    master_auth: Block<MasterAuth>,
    resource_labels: Option<Texts>,
}

#[derive(Deserialize)]
struct Mode {
    mode: Option<String>,
}

#[derive(Deserialize)]
struct PrivateCluster {
    #[serde(rename = "enable_private_endpoint")]
    only_private: Option<bool>,
    #[serde(rename = "public_endpoint")]
    public: Option<String>,
    #[serde(rename = "private_endpoint")]
    private: Option<String>,
}

#[derive(Deserialize)]
struct ControlPlane {
    dns_endpoint_config: Block<Dns>,
    ip_endpoints_config: Block<Ip>,
}

#[derive(Deserialize)]
struct Dns {
    endpoint: Option<String>,
    allow_external_traffic: Option<bool>,
}

#[derive(Deserialize)]
struct Ip {
    enabled: Option<bool>,
}

#[derive(Deserialize)]
struct Networks {
    #[serde(rename = "gcp_public_cidrs_access_enabled")]
    google: Option<bool>,
    cidr_blocks: Option<Vec<Network>>,
}

#[derive(Deserialize)]
struct Network {
    cidr_block: Option<String>,
}

/// The client key and the password beside it are not read.
#[derive(Deserialize)]
struct MasterAuth {
    cluster_ca_certificate: Option<String>,
}

pub(super) fn google(line: u32, cluster: &Google, handle: Handler<'_>) {
    let mut entry = Entry::new("terraform", cluster.name.as_deref());
    entry.provider("gke");
    entry.region(cluster.location.as_deref());
    entry.version(cluster.master_version.as_deref());
    entry.label("project", cluster.project.as_deref());
    entry.tags(cluster.resource_labels.as_ref());
    let mode = first(cluster.anonymous_authentication_config.as_deref())
        .and_then(|config| config.mode.as_deref());
    entry.declared.anonymous = gke::anonymous(mode);
    let auth = first(cluster.master_auth.as_deref());
    entry.authority(auth.and_then(|auth| auth.cluster_ca_certificate.as_deref()));
    // The block restricts, even without a network in it.
    match first(cluster.master_authorized_networks_config.as_deref()) {
        Some(networks) => {
            let blocks = networks.cidr_blocks.iter().flatten();
            entry.networks(blocks.map(|block| block.cidr_block.as_deref().unwrap_or_default()));
            entry.declared.admits_provider = networks.google;
        }
        // An empty list is the default, which lets everybody in.
        None if cluster.master_authorized_networks_config.is_some() => {
            entry.admit_everybody();
        }
        None => {}
    }
    let private = first(cluster.private_cluster_config.as_deref());
    let control_plane = first(cluster.control_plane_endpoints_config.as_deref());
    let ip = control_plane.and_then(|config| first(config.ip_endpoints_config.as_deref()));
    let dns = control_plane.and_then(|config| first(config.dns_endpoint_config.as_deref()));
    let endpoints = gke::Endpoints {
        address: cluster.endpoint.as_deref(),
        public: private.and_then(|config| config.public.as_deref()),
        private: private.and_then(|config| config.private.as_deref()),
        by_address: ip.is_none_or(|ip| ip.enabled != Some(false)),
        only_private: match private {
            Some(config) => config.only_private,
            None => (cluster.private_cluster_config.as_ref()).map(|_| false),
        },
        name: dns.and_then(|dns| Some((dns.endpoint.as_deref()?, dns.allow_external_traffic))),
    };
    endpoints.found(line, &entry, None, handle);
}

#[derive(Deserialize)]
pub(super) struct Azure {
    id: Option<String>,
    name: Option<String>,
    location: Option<String>,
    resource_group_name: Option<String>,
    fqdn: Option<String>,
    private_fqdn: Option<String>,
    private_cluster_enabled: Option<bool>,
    current_kubernetes_version: Option<String>,
    kubernetes_version: Option<String>,
    #[serde(default)]
    api_server_access_profile: Said<Vec<Access>>,
    /// Its name in versions of the provider before 4.
    #[serde(default)]
    api_server_authorized_ip_ranges: Said<Vec<String>>,
    kube_config: Block<KubeConfig>,
    tags: Option<Texts>,
}

#[derive(Deserialize)]
struct Access {
    #[serde(default)]
    authorized_ip_ranges: Said<Vec<String>>,
}

/// The keys and the password beside it are not read.
#[derive(Deserialize)]
struct KubeConfig {
    cluster_ca_certificate: Option<String>,
}

pub(super) fn azure(line: u32, cluster: Azure, handle: Handler<'_>) {
    let id = cluster.id.as_deref();
    let mut entry = Entry::new("terraform", cluster.name.as_deref());
    entry.provider("aks");
    entry.region(cluster.location.as_deref());
    let some = |text: &&String| !text.is_empty();
    let version = cluster.current_kubernetes_version.as_ref().filter(some);
    entry.version(
        version
            .or(cluster.kubernetes_version.as_ref())
            .map(String::as_str),
    );
    entry.label("subscription", after(id, "subscriptions"));
    let group = cluster.resource_group_name.as_deref();
    entry.label("resource-group", group.or(after(id, "resourceGroups")));
    entry.tags(cluster.tags.as_ref());
    let kube_config = first(cluster.kube_config.as_deref());
    entry.authority(kube_config.and_then(|config| config.cluster_ca_certificate.as_deref()));
    let old = cluster.api_server_authorized_ip_ranges.or_default(false);
    let profile = cluster.api_server_access_profile.or_default(false);
    let ranges = match profile.map(|profile| profile.into_iter().next()) {
        Some(Some(access)) => match (access.authorized_ip_ranges.or_default(false), old) {
            (Some(ranges), Some(old)) if ranges.is_empty() => Some(old),
            (ranges, _) => ranges,
        },
        Some(None) => old.or_else(|| Some(Vec::new())),
        None => old,
    };
    let endpoints = aks::Endpoints {
        private: cluster.private_cluster_enabled,
        ranges,
        fqdn: cluster.fqdn,
        private_fqdn: cluster.private_fqdn,
    };
    endpoints.found(line, entry, None, handle);
}

#[derive(Deserialize)]
pub(super) struct Amazon {
    name: Option<String>,
    arn: Option<String>,
    version: Option<String>,
    endpoint: Option<String>,
    status: Option<String>,
    vpc_config: Block<Vpc>,
    certificate_authority: Block<Authority>,
    enabled_cluster_log_types: Option<Vec<String>>,
    tags: Option<Texts>,
}

#[derive(Deserialize)]
struct Vpc {
    endpoint_public_access: Option<bool>,
    public_access_cidrs: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Authority {
    data: Option<String>,
}

pub(super) fn amazon(line: u32, cluster: &Amazon, handle: Handler<'_>) {
    let mut entry = Entry::new("terraform", cluster.name.as_deref());
    entry.provider("eks");
    entry.version(cluster.version.as_deref());
    entry.tags(cluster.tags.as_ref());
    let authority = first(cluster.certificate_authority.as_deref());
    entry.authority(authority.and_then(|authority| authority.data.as_deref()));
    let logs = cluster.enabled_cluster_log_types.as_ref();
    entry.declared.audit_logging = logs.map(|logs| logs.iter().any(|log| log == "audit"));
    let vpc = first(cluster.vpc_config.as_deref());
    let networks = vpc.and_then(|vpc| vpc.public_access_cidrs.as_deref());
    let endpoint = eks::Endpoint {
        arn: cluster.arn.as_deref(),
        url: cluster.endpoint.as_deref(),
        public: vpc.and_then(|vpc| vpc.endpoint_public_access),
        networks: networks.unwrap_or_default(),
        status: cluster.status.as_deref(),
    };
    endpoint.found(line, entry, handle);
}
