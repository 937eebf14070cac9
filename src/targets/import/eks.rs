//! `aws eks describe-cluster`: one, several one after the other, or an array of them.
//!
//! EKS has no setting for anonymous requests; its version decides.

use std::io::{self, BufRead};

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::documents;
use super::inventory::{Entry, NotAsked};
use super::lenient::Texts;
use super::lines::Handler;
use crate::model::DeclaredEndpoint;

const EXPECTED: &str = "the output of aws eks describe-cluster, one or several";
const NAMES_ONLY: &str = "aws eks list-clusters has names only: describe each cluster, and give the output of aws eks \
                          describe-cluster";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cluster {
    /// What describe-cluster wraps it in.
    #[serde(rename = "cluster")]
    wrapped: Option<Box<Self>>,
    /// What list-clusters writes instead.
    #[serde(rename = "clusters")]
    names: Option<IgnoredAny>,
    name: Option<String>,
    arn: Option<String>,
    version: Option<String>,
    endpoint: Option<String>,
    resources_vpc_config: Option<Vpc>,
    logging: Option<Logging>,
    status: Option<String>,
    certificate_authority: Option<Authority>,
    tags: Option<Texts>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Vpc {
    endpoint_public_access: Option<bool>,
    public_access_cidrs: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Logging {
    cluster_logging: Option<Vec<Log>>,
}

#[derive(Deserialize)]
struct Log {
    types: Option<Vec<String>>,
    enabled: Option<bool>,
}

#[derive(Deserialize)]
struct Authority {
    data: Option<String>,
}

pub(super) fn read(reader: impl BufRead, handle: Handler<'_>) -> Result<(), (u32, io::Error)> {
    documents::each(reader, EXPECTED, handle, found)
}

/// What an ARN and an endpoint say about where a cluster is.
pub(super) fn place(entry: &mut Entry, arn: Option<&str>, endpoint: Option<&str>) {
    // arn:aws:eks:REGION:ACCOUNT:cluster/NAME
    let mut parts = arn.unwrap_or_default().split(':').skip(3);
    let region = parts.next().filter(|region| !region.is_empty());
    // https://ID.SHARD.REGION.eks.amazonaws.com
    let host = endpoint.and_then(|endpoint| endpoint.split_once(".eks.amazonaws.com"));
    let of_host = host.and_then(|(before, _)| before.rsplit('.').next());
    entry.region(region.or(of_host));
    entry.label("account", parts.next());
}

/// Who may reach the endpoint, and the networks that may.
pub(super) fn reach<'a>(
    entry: &mut Entry,
    public: Option<bool>,
    networks: impl ExactSizeIterator<Item = &'a str>,
) -> DeclaredEndpoint {
    if public == Some(false) {
        return DeclaredEndpoint::Private;
    }
    if networks.len() > 0 {
        entry.networks(networks);
    }
    DeclaredEndpoint::Public
}

fn found(line: u32, cluster: Cluster, handle: Handler<'_>) {
    if let Some(cluster) = cluster.wrapped {
        return found(line, *cluster, handle);
    }
    if cluster.names.is_some() {
        return handle(line, Err(NAMES_ONLY.into()));
    }
    let mut entry = Entry::managed("eks", cluster.name.as_deref());
    let endpoint = cluster.endpoint.filter(|endpoint| !endpoint.is_empty());
    place(&mut entry, cluster.arn.as_deref(), endpoint.as_deref());
    entry.version(cluster.version.as_deref());
    entry.tags(cluster.tags.as_ref());
    let authority = cluster
        .certificate_authority
        .and_then(|authority| authority.data);
    entry.authority(authority.as_deref());
    let logs = cluster.logging.and_then(|logging| logging.cluster_logging);
    entry.declared.audit_logging = logs.and_then(|logs| audit(&logs));
    let vpc = cluster.resources_vpc_config.unwrap_or_default();
    let networks = vpc.public_access_cidrs.unwrap_or_default();
    let networks = networks.iter().map(String::as_str);
    let reach = reach(&mut entry, vpc.endpoint_public_access, networks);
    let not_asked = match cluster.status.as_deref() {
        Some("DELETING") => Some(NotAsked::Deleting),
        Some("CREATING" | "PENDING") => Some(NotAsked::Starting),
        _ => None,
    };
    let endpoints: Vec<String> = endpoint.into_iter().collect();
    entry.found(line, &endpoints, reach, not_asked, handle);
}

/// Whether the audit log is on: each entry says it of several kinds of log.
fn audit(logs: &[Log]) -> Option<bool> {
    let of_audit = |log: &&Log| log.types.iter().flatten().any(|kind| kind == "audit");
    logs.iter().find(of_audit)?.enabled
}
