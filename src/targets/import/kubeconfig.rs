//! Kubeconfigs: every cluster once, however many contexts use it.
//!
//! `users` and `contexts` are skipped by type: no type here has a field for a token, a key or a command.

use std::collections::HashMap;
use std::io::{self, BufRead};

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::imported::{Entry, Handler, ImportedLine};
use super::yaml;
use crate::model::NotAskedReason;
use crate::targets::error::Problem;

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
    let Some(documents) = yaml::read::<Kubeconfig>(reader, "a kubeconfig", handle)? else {
        return Ok(());
    };
    let clusters = documents
        .into_iter()
        .filter_map(|document| document.clusters);
    let (mut seen, mut empty) = (HashMap::new(), true);
    for cluster in clusters.flatten() {
        empty = false;
        let line = yaml::line(&cluster);
        match entry(cluster.value) {
            Ok(entry) => {
                // Entries that say something else of one server are all handed on: they are merged, or one needs a
                // proxy and the other does not.
                let endpoint = entry.line.replace("/ sni=", " sni=");
                let endpoint = endpoint.trim_end_matches('/').to_owned();
                let said: &mut Vec<Entry> = seen.entry(endpoint).or_default();
                let is_same = |one: &Entry| {
                    one.declared == entry.declared
                        && one.ca_file == entry.ca_file
                        && one.ca_is_damaged == entry.ca_is_damaged
                };
                if entry.line.is_empty() || !said.iter().any(is_same) {
                    said.push(entry.clone());
                    handle(line, Ok(ImportedLine::Entry(Box::new(entry))));
                }
            }
            Err(problem) => handle(line, Err(problem)),
        }
    }
    if empty {
        let problem = "no clusters: expected a kubeconfig with clusters";
        handle(1, Err(problem.into()));
    }
    Ok(())
}

fn entry(cluster: NamedCluster) -> Result<Entry, Problem> {
    let mut entry = Entry::new("kubeconfig", cluster.name.as_deref());
    let Some(cluster) = cluster.cluster else {
        entry.not_asked = Some(NotAskedReason::NoEndpoint);
        return Ok(entry);
    };
    let server = cluster.server.as_deref().map(str::trim).unwrap_or_default();
    if server.is_empty() {
        entry.not_asked = Some(NotAskedReason::NoEndpoint);
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
