//! `terraform show -json` of a state or a plan, and state files of version 4: the clusters of all modules.
//!
//! A state has administrator keys in clear. Only attributes of clusters are read, into types without a field for a
//! secret; the attributes of any other resource are skipped unread.

use std::cell::Cell;
use std::fmt;
use std::io::{self, BufRead};

use serde::Deserialize;
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use super::documents::{self, Documents};
use super::imported::{Entry, Handler};
use super::inventory::after;
use super::lenient::{Block, Texts, first};
use super::{aks, eks, gke};

const EXPECTED: &str = "the output of terraform show -json, or a state file of version 4";

pub(super) fn read(reader: impl BufRead, handle: Handler<'_>) -> Result<(), (u32, io::Error)> {
    documents::read(reader, EXPECTED, handle, &mut Terraform)
}

struct Terraform;

impl Documents for Terraform {
    fn document<'de, D: Deserializer<'de>>(
        &mut self,
        line: &Cell<u32>,
        handle: Handler<'_>,
        deserializer: D,
    ) -> Result<(), D::Error> {
        let place = Place::Document;
        let walk = Walk {
            place,
            line,
            handle,
        };
        walk.deserialize(deserializer)
    }
}

/// A resource that is a cluster.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Google,
    Azure,
    Amazon,
}

impl Kind {
    fn of(resource: &str) -> Option<Self> {
        match resource {
            "google_container_cluster" => Some(Self::Google),
            "azurerm_kubernetes_cluster" => Some(Self::Azure),
            "aws_eks_cluster" => Some(Self::Amazon),
            _ => None,
        }
    }
}

/// Keys of which every state and plan has one.
const OF_DOCUMENTS: &str = "format_version terraform_version values planned_values resources";

/// Where in a document a value is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Document,
    Values,
    Module,
    Modules,
    Resources,
    Resource,
    Instances(Kind),
    Instance(Kind),
    Attributes(Kind),
}

/// Reads one value, and hands on the clusters in it.
struct Walk<'a, 'h> {
    place: Place,
    line: &'a Cell<u32>,
    handle: Handler<'h>,
}

impl Walk<'_, '_> {
    fn at(&mut self, place: Place) -> Walk<'_, '_> {
        Walk {
            place,
            line: self.line,
            handle: &mut *self.handle,
        }
    }

    fn attributes<'de, D: Deserializer<'de>>(self, kind: Kind, values: D) -> Result<(), D::Error> {
        let (line, handle) = (self.line.get(), self.handle);
        match kind {
            Kind::Google => Option::deserialize(values)?.map(|found| google(line, &found, handle)),
            Kind::Azure => Option::deserialize(values)?.map(|found| azure(line, found, handle)),
            Kind::Amazon => Option::deserialize(values)?.map(|found| amazon(line, &found, handle)),
        };
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.place {
            Place::Attributes(kind) => self.attributes(kind, deserializer),
            _ => deserializer.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for Walk<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object, an array or null")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        let element = match self.place {
            Place::Modules => Place::Module,
            Place::Resources => Place::Resource,
            Place::Instances(kind) => Place::Instance(kind),
            _ => return Err(A::Error::custom("an unexpected array")),
        };
        while seq.next_element_seed(self.at(element))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        // The kind of a resource, once it is read.
        let mut kind = None;
        let mut is_known = self.place != Place::Document;
        while let Some(key) = map.next_key::<String>()? {
            is_known |= OF_DOCUMENTS.split(' ').any(|one| one == key);
            let place = match (self.place, key.as_str()) {
                (Place::Document, "values" | "planned_values") => Place::Values,
                (Place::Document | Place::Module, "resources") => Place::Resources,
                (Place::Values, "root_module") => Place::Module,
                (Place::Module, "child_modules") => Place::Modules,
                (Place::Resource, "type") => {
                    kind = Some(Kind::of(&map.next_value::<String>()?));
                    continue;
                }
                (Place::Resource, "values" | "instances") => match (kind, key.as_str()) {
                    (None, _) => {
                        let problem =
                            "a resource whose type does not come first, as Terraform writes it";
                        return Err(A::Error::custom(problem));
                    }
                    (Some(Some(kind)), "values") => Place::Attributes(kind),
                    (Some(Some(kind)), _) => Place::Instances(kind),
                    (Some(None), _) => {
                        map.next_value::<IgnoredAny>()?;
                        continue;
                    }
                },
                (Place::Instance(kind), "attributes") => Place::Attributes(kind),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            map.next_value_seed(self.at(place))?;
        }
        let unknown = || A::Error::custom("neither a state nor a plan");
        is_known.then_some(()).ok_or_else(unknown)
    }
}

#[derive(Deserialize)]
struct Google {
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

fn google(line: u32, cluster: &Google, handle: Handler<'_>) {
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
            entry.declared.admits_provider = networks.google == Some(true);
            let blocks = networks.cidr_blocks.iter().flatten();
            entry.networks(blocks.map(|block| block.cidr_block.as_deref().unwrap_or_default()));
        }
        // A plan leaves out what is not known yet; an empty list is the default, which lets everybody in.
        None if cluster.master_authorized_networks_config.is_some() => {
            entry.networks(["0.0.0.0/0", "::/0"]);
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
        only_private: private.is_some_and(|config| config.only_private == Some(true)),
        name: dns.and_then(|dns| {
            Some((
                dns.endpoint.as_deref()?,
                dns.allow_external_traffic == Some(true),
            ))
        }),
    };
    endpoints.found(line, &entry, None, handle);
}

#[derive(Deserialize)]
struct Azure {
    id: Option<String>,
    name: Option<String>,
    location: Option<String>,
    resource_group_name: Option<String>,
    fqdn: Option<String>,
    private_fqdn: Option<String>,
    private_cluster_enabled: Option<bool>,
    current_kubernetes_version: Option<String>,
    kubernetes_version: Option<String>,
    api_server_access_profile: Block<Access>,
    /// Its name in versions of the provider before 4.
    api_server_authorized_ip_ranges: Option<Vec<String>>,
    kube_config: Block<KubeConfig>,
    tags: Option<Texts>,
}

#[derive(Deserialize)]
struct Access {
    authorized_ip_ranges: Option<Vec<String>>,
}

/// The keys and the password beside it are not read.
#[derive(Deserialize)]
struct KubeConfig {
    cluster_ca_certificate: Option<String>,
}

fn azure(line: u32, cluster: Azure, handle: Handler<'_>) {
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
    let access = cluster
        .api_server_access_profile
        .and_then(|profile| profile.into_iter().next());
    let ranges = access.and_then(|access| access.authorized_ip_ranges);
    let endpoints = aks::Endpoints {
        private: cluster.private_cluster_enabled == Some(true),
        ranges: ranges
            .or(cluster.api_server_authorized_ip_ranges)
            .unwrap_or_default(),
        fqdn: cluster.fqdn,
        private_fqdn: cluster.private_fqdn,
    };
    endpoints.found(line, entry, None, handle);
}

#[derive(Deserialize)]
struct Amazon {
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

fn amazon(line: u32, cluster: &Amazon, handle: Handler<'_>) {
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
