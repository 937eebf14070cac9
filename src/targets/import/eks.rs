//! `aws eks describe-cluster`: one, several one after the other, or an array of them.
//!
//! EKS has no setting for anonymous requests; its version decides.

use std::io::{self, BufRead};

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::documents;
use super::imported::{Entry, Handler, ImportedLine};
use super::inventory::not_one;
use super::lenient::Texts;
use crate::model::{DeclaredEndpoint, NotAskedReason};

const EXPECTED: &str = "the output of aws eks describe-cluster --output json, one or several";
const NAMES_ONLY: &str = "aws eks list-clusters has names only: describe each cluster, and give the output of aws eks \
                          describe-cluster";

const NOT_WHOLE: &str = "the list is not whole: it has a nextToken, so the clusters of the next page are missing; the \
                         aws CLI writes all without --max-items and --no-paginate";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cluster {
    /// What describe-cluster wraps it in.
    #[serde(rename = "cluster")]
    wrapped: Option<Box<Self>>,
    /// What list-clusters writes instead.
    #[serde(rename = "clusters")]
    names: Option<Vec<IgnoredAny>>,
    /// Whether another page follows; null on the last one.
    #[serde(rename = "nextToken", alias = "NextToken")]
    next: Option<IgnoredAny>,
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

impl Cluster {
    /// Whether it has a field that only clusters have.
    fn is_one(&self) -> bool {
        [&self.arn, &self.version, &self.endpoint, &self.status]
            .into_iter()
            .any(Option::is_some)
            || self.resources_vpc_config.is_some()
            || self.logging.is_some()
            || self.certificate_authority.is_some()
    }
}

pub(super) fn read(reader: impl BufRead, handle: Handler<'_>) -> Result<(), (u32, io::Error)> {
    documents::each(reader, EXPECTED, handle, found)
}

/// Where a cluster is, and who may reach it.
pub(super) struct Endpoint<'a> {
    pub(super) arn: Option<&'a str>,
    pub(super) url: Option<&'a str>,
    /// Whether the Internet reaches it.
    pub(super) public: Option<bool>,
    /// The networks from which the Internet reaches it.
    pub(super) networks: &'a [String],
    pub(super) status: Option<&'a str>,
}

impl Endpoint<'_> {
    /// Hands on a cluster.
    pub(super) fn found(&self, line: u32, mut entry: Entry, handle: Handler<'_>) {
        let url = self.url.filter(|url| !url.is_empty());
        // arn:aws:eks:REGION:ACCOUNT:cluster/NAME
        let mut parts = self.arn.unwrap_or_default().split(':').skip(3);
        let region = parts.next().filter(|region| !region.is_empty());
        // https://ID.SHARD.REGION.eks.amazonaws.com
        let host = url.and_then(|url| url.split_once(".eks.amazonaws.com"));
        let of_host = host.and_then(|(before, _)| before.rsplit('.').next());
        entry.region(region.or(of_host));
        entry.label("account", parts.next());
        let reach = self.public.map(|public| {
            if public {
                DeclaredEndpoint::Public
            } else {
                DeclaredEndpoint::Private
            }
        });
        if reach != Some(DeclaredEndpoint::Private) && !self.networks.is_empty() {
            entry.networks(self.networks.iter().map(String::as_str));
        }
        let not_asked = match self.status {
            Some("DELETING") => Some(NotAskedReason::Deleting),
            Some("CREATING" | "PENDING") => Some(NotAskedReason::Starting),
            _ => None,
        };
        let urls: Vec<&str> = url.into_iter().collect();
        entry.found(line, &urls, reach, not_asked, handle);
    }
}

fn found(line: u32, cluster: Cluster, handle: Handler<'_>) {
    if cluster.next.is_some() {
        handle(line, Ok(ImportedLine::Warning(NOT_WHOLE.into())));
    }
    if let Some(cluster) = cluster.wrapped {
        return found(line, *cluster, handle);
    }
    if let Some(names) = cluster.names {
        if !names.is_empty() {
            handle(line, Err(NAMES_ONLY.into()));
        }
        return;
    }
    if !cluster.is_one() {
        handle(line, Err(not_one("an EKS cluster", EXPECTED)));
        return;
    }
    let mut entry = Entry::managed("eks", cluster.name.as_deref());
    entry.version(cluster.version.as_deref());
    entry.tags(cluster.tags.as_ref());
    let authority = cluster
        .certificate_authority
        .and_then(|authority| authority.data);
    entry.authority(authority.as_deref());
    let logs = cluster.logging.and_then(|logging| logging.cluster_logging);
    entry.declared.audit_logging = logs.and_then(|logs| audit(&logs));
    let vpc = cluster.resources_vpc_config.unwrap_or_default();
    let endpoint = Endpoint {
        arn: cluster.arn.as_deref(),
        url: cluster.endpoint.as_deref(),
        public: vpc.endpoint_public_access,
        networks: vpc.public_access_cidrs.as_deref().unwrap_or_default(),
        status: cluster.status.as_deref(),
    };
    endpoint.found(line, entry, handle);
}

/// Whether the audit log is on: each entry says it of several kinds of log.
fn audit(logs: &[Log]) -> Option<bool> {
    let of_audit = |log: &&Log| log.types.iter().flatten().any(|kind| kind == "audit");
    logs.iter().find(of_audit)?.enabled
}
