//! Kubeconfigs: every cluster once, however many contexts use it.
//!
//! `users` and `contexts` are skipped by type: no type here has a field for a token, a key or a command.

use std::collections::HashMap;
use std::io::{self, BufRead};

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_saphyr::Spanned;

use super::imported::{Entry, Handler, ImportedLine};
use super::lenient::Text;
use super::yaml;
use crate::model::NotAskedReason;
use crate::targets::error::Problem;

#[derive(Deserialize)]
struct Kubeconfig {
    clusters: Option<Vec<Spanned<NamedCluster>>>,
    #[serde(default)]
    kind: Text,
    #[serde(rename = "current-context")]
    context: Option<IgnoredAny>,
}

impl Kubeconfig {
    /// Whether it has a key that shows what it is. One without clusters may lack any of them.
    fn is_one(&self) -> bool {
        self.clusters.is_some()
            || self.kind.0.as_deref() == Some("Config")
            || self.context.is_some()
    }
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
    if !documents.iter().any(Kubeconfig::is_one) {
        let problem =
            "a file without the keys of a kubeconfig: expected the output of kubectl config view";
        handle(1, Err(problem.into()));
    }
    let clusters = documents
        .into_iter()
        .filter_map(|document| document.clusters);
    let mut seen = HashMap::new();
    for cluster in clusters.flatten() {
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
