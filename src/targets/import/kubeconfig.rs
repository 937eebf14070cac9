//! Kubeconfigs: every cluster once, however many contexts use it.
//!
//! `users` and `contexts` are skipped by type: no type here has a field for a token, a key or a command.

use std::collections::HashSet;
use std::io::{self, BufRead};

use serde::Deserialize;
use serde_saphyr::options::DuplicateKeyPolicy;
use serde_saphyr::{Options, Spanned};

use super::inventory::{Entry, NotAsked};
use super::lines::{Handler, ImportedLine};
use crate::input;
use crate::targets::error::Problem;

/// The largest kubeconfig that is read, in bytes.
const MAX_SIZE: u32 = 64 * 1024 * 1024;

/// The most events that aliases of a YAML file may repeat.
const MAX_REPLAYED: usize = 50_000;
/// The most values that a YAML file may have.
const MAX_NODES: usize = 4_000_000;

#[derive(Deserialize)]
struct Kubeconfig {
    clusters: Option<Vec<Spanned<NamedCluster>>>,
}

#[derive(Deserialize)]
struct NamedCluster {
    name: Option<String>,
    cluster: Option<Cluster>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Cluster {
    server: Option<String>,
    tls_server_name: Option<String>,
    certificate_authority: Option<String>,
    certificate_authority_data: Option<String>,
    proxy_url: Option<String>,
    insecure_skip_tls_verify: Option<bool>,
}

pub(super) fn read(reader: impl BufRead, handle: Handler<'_>) -> Result<(), (u32, io::Error)> {
    let text = match input::text(reader, MAX_SIZE) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            handle(1, Err(error.to_string().into()));
            return Ok(());
        }
        Err(error) => return Err((1, error)),
    };
    let documents: Vec<Kubeconfig> = match yaml(&text, "a kubeconfig") {
        Ok(documents) => documents,
        Err((line, problem)) => {
            handle(line, Err(problem));
            return Ok(());
        }
    };
    let mut seen = HashSet::new();
    let clusters = documents
        .into_iter()
        .filter_map(|document| document.clusters);
    let mut empty = true;
    for cluster in clusters.flatten() {
        empty = false;
        let line = u32::try_from(cluster.referenced.line()).unwrap_or(u32::MAX);
        match entry(cluster.value) {
            Ok(entry) if entry.line.is_empty() || seen.insert(entry.line.clone()) => {
                handle(line, Ok(ImportedLine::Entry(Box::new(entry))));
            }
            Ok(_) => {}
            Err(problem) => handle(line, Err(problem)),
        }
    }
    if empty {
        handle(
            1,
            Err("no clusters: expected a kubeconfig with clusters".into()),
        );
    }
    Ok(())
}

/// Reads YAML documents within bounds on size, depth and aliases, or says where the first mistake is. The parser's
/// message repeats the file, so it is not shown.
pub(super) fn yaml<T: serde::de::DeserializeOwned>(
    text: &str,
    expected: &str,
) -> Result<Vec<T>, (u32, Problem)> {
    let mut options = Options::default();
    options.with_snippet = false;
    options.duplicate_keys = DuplicateKeyPolicy::LastWins;
    options.alias_limits.max_total_replayed_events = MAX_REPLAYED;
    if let Some(budget) = &mut options.budget {
        (budget.max_events, budget.max_nodes) = (MAX_NODES * 2, MAX_NODES);
    }
    serde_saphyr::from_multiple_with_options(text, options).map_err(|error| {
        let place = error.location();
        let line = place.map_or(1, |place| u32::try_from(place.line()).unwrap_or(u32::MAX));
        let column = place.map_or(1, |place| place.column());
        let problem = format!("invalid YAML at character {column}: expected {expected}");
        (line.max(1), problem.into())
    })
}

fn entry(cluster: NamedCluster) -> Result<Entry, Problem> {
    let mut entry = Entry::new("kubeconfig", cluster.name.as_deref());
    let Some(cluster) = cluster.cluster else {
        entry.not_asked = Some(NotAsked::NoEndpoint);
        return Ok(entry);
    };
    let server = cluster.server.as_deref().map(str::trim).unwrap_or_default();
    if server.is_empty() {
        entry.not_asked = Some(NotAsked::NoEndpoint);
    } else {
        let name = cluster.tls_server_name.as_deref();
        let name = name.map(str::trim).filter(|name| !name.is_empty());
        // kubectl reads a server without a scheme as plain HTTP.
        let server = if server.contains("://") {
            server.to_owned()
        } else {
            format!("http://{server}")
        };
        entry.line = super::lines::spec(&server, None, name)?;
    }
    entry.declared.skips_certificate_check = cluster.insecure_skip_tls_verify == Some(true);
    entry.authority(cluster.certificate_authority_data.as_deref());
    if cluster.certificate_authority_data.is_none() {
        entry.ca_file = cluster.certificate_authority.map(Into::into);
    }
    if let Some(proxy) = cluster.proxy_url.filter(|proxy| !proxy.is_empty()) {
        entry.proxy(&proxy);
    }
    Ok(entry)
}
