//! Names to addresses, through hickory-resolver: the system's servers and hosts file, or the one
//! server the user names.
//!
//! A name is asked once, however many of its ports are targets: answers and refusals alike are
//! remembered, for [`REMEMBERED`] names at a time; what may pass is forgotten. Addresses are sorted, so that the same answer
//! gives the same order, and capped at [`MAX_ADDRESSES`].

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::lookup_ip::LookupIp;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::RData;
use hickory_resolver::system_conf::read_system_conf;
use hickory_resolver::{Resolver, TokioResolver};
use tokio::sync::OnceCell;

use crate::config::{Family, MAX_ADDRESSES, ScanConfig};
use crate::error::Error;
use crate::model::{Failure, FailureKind, Stage};

/// Names whose answers are remembered; then the memory begins anew.
pub const REMEMBERED: usize = 4096;

/// Names of a CNAME chain that are kept.
const MAX_ALIASES: usize = 8;

/// What a name resolved to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The addresses, sorted, IPv4-mapped ones as IPv4.
    pub addresses: Vec<IpAddr>,
    /// The names that it is an alias of (CNAME), in the order of the chain, in lower case.
    pub aliases: Arc<[Arc<str>]>,
}

/// What a name came to.
type Answer = Result<Resolved, Failure>;

/// Resolves names. Set up on first use, so that a scan of addresses needs no resolver at all.
pub struct Names {
    family: Family,
    server: Option<SocketAddr>,
    resolver: OnceCell<(TokioResolver, Vec<SocketAddr>)>,
    answers: Mutex<HashMap<Arc<str>, Arc<OnceCell<Answer>>>>,
}

impl Names {
    /// A resolver as configured; nothing is read or asked yet.
    pub fn new(config: &ScanConfig) -> Self {
        Self {
            family: config.family,
            server: config.resolver,
            resolver: OnceCell::new(),
            answers: Mutex::default(),
        }
    }

    /// Reads the resolver configuration, so that its errors show before the scan begins.
    ///
    /// # Errors
    /// [`Error::ResolverConfig`] or [`Error::Resolver`]: no name could be resolved at all.
    pub async fn prepare(&self) -> Result<(), Error> {
        self.resolver().await.map(drop)
    }

    /// The name servers that are asked; empty as long as none had to be.
    pub fn servers(&self) -> Vec<SocketAddr> {
        self.resolver.get().map(|(_, servers)| servers.clone()).unwrap_or_default()
    }

    async fn resolver(&self) -> Result<&TokioResolver, Error> {
        let build = || async { self.build() };
        self.resolver.get_or_try_init(build).await.map(|(resolver, _)| resolver)
    }

    fn build(&self) -> Result<(TokioResolver, Vec<SocketAddr>), Error> {
        let unreadable = |error: &dyn std::fmt::Display| Error::ResolverConfig(error.to_string());
        let (config, mut options) = if let Some(server) = self.server {
            (single(server), ResolverOpts::default())
        } else {
            read_system_conf().map_err(|error| unreadable(&error))?
        };
        options.use_hosts_file =
            if self.server.is_some() { ResolveHosts::Never } else { ResolveHosts::Always };
        options.ip_strategy = match self.family {
            Family::Both => LookupIpStrategy::Ipv4AndIpv6,
            Family::V4 => LookupIpStrategy::Ipv4Only,
            Family::V6 => LookupIpStrategy::Ipv6Only,
        };
        // Refusals without a SOA record would not be cached there: `addresses` remembers all.
        options.cache_size = 0;
        let servers = config
            .name_servers()
            .iter()
            .filter_map(|server| Some(SocketAddr::new(server.ip, server.connections.first()?.port)))
            .collect();
        let mut builder = Resolver::builder_with_config(config, TokioRuntimeProvider::default());
        *builder.options_mut() = options;
        let resolver = builder.build().map_err(|error| match self.server {
            Some(server) => Error::Resolver(server, error.to_string()),
            None => unreadable(&error),
        })?;
        Ok((resolver, servers))
    }

    /// The addresses of a name, and what it is an alias of: one answer has both.
    ///
    /// # Errors
    /// A [`Failure`] of stage `dns`: what the name server said, or that it did not answer.
    pub async fn addresses(&self, name: &Arc<str>) -> Answer {
        let answer = {
            let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
            if answers.len() >= REMEMBERED && !answers.contains_key(name) {
                answers.clear();
            }
            Arc::clone(answers.entry(Arc::clone(name)).or_default())
        };
        let found = answer.get_or_init(|| self.ask(name)).await.clone();
        if found.as_ref().is_err_and(|failure| passing(failure.kind)) {
            // Those who asked together share it; who asks again later asks anew.
            let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
            if answers.get(name).is_some_and(|kept| Arc::ptr_eq(kept, &answer)) {
                answers.remove(name);
            }
        }
        found
    }

    async fn ask(&self, name: &str) -> Answer {
        let fail = |kind, detail: String| Failure::new(Stage::Dns, kind, detail);
        let resolver =
            self.resolver().await.map_err(|error| fail(FailureKind::ResolverFailure, error.to_string()))?;
        // The trailing dot keeps the search list out: a target is asked as it is written.
        let found = resolver.lookup_ip(format!("{name}.")).await.map_err(|error| {
            let kind = kind(&error);
            let detail = match kind {
                FailureKind::NameNotFound | FailureKind::NoAddress => name.to_owned(),
                _ => format!("{name}: {error}"),
            };
            fail(kind, detail)
        })?;
        let mut addresses: Vec<IpAddr> =
            found.iter().map(|address| address.to_canonical()).filter(|a| self.family.admits(*a)).collect();
        addresses.sort_unstable();
        addresses.dedup();
        if addresses.len() > MAX_ADDRESSES {
            tracing::warn!(name, found = addresses.len(), asked = MAX_ADDRESSES, "too many addresses");
            addresses.truncate(MAX_ADDRESSES);
        }
        if addresses.is_empty() {
            return Err(fail(FailureKind::NoAddress, name.to_owned()));
        }
        Ok(Resolved { addresses, aliases: aliases(&found) })
    }
}

/// The targets of the CNAME records in an answer.
fn aliases(found: &LookupIp) -> Arc<[Arc<str>]> {
    let records = found.as_lookup().answers().iter();
    let names = records.filter_map(|record| match &record.data {
        RData::CNAME(alias) => Some(alias.0.to_ascii()),
        _ => None,
    });
    let mut aliases: Vec<Arc<str>> = Vec::new();
    // The answers for both families carry the chain.
    for name in names {
        let name: Arc<str> = Arc::from(name.trim_end_matches('.').to_ascii_lowercase());
        if !aliases.contains(&name) && aliases.len() < MAX_ALIASES {
            aliases.push(name);
        }
    }
    aliases.into()
}

/// A configuration of one server, asked over UDP and, for long answers, TCP.
fn single(server: SocketAddr) -> ResolverConfig {
    let mut connections = vec![ConnectionConfig::udp(), ConnectionConfig::tcp()];
    for connection in &mut connections {
        connection.port = server.port();
    }
    let server = NameServerConfig::new(server.ip(), true, connections);
    ResolverConfig::from_parts(None, Vec::new(), vec![server])
}

/// Whether another attempt may find another answer.
const fn passing(kind: FailureKind) -> bool {
    matches!(kind, FailureKind::ResolverTimedOut | FailureKind::LocalShortage)
}

/// Whether the error is about this machine: it ran out of descriptors or of memory.
fn is_shortage(error: &std::io::Error) -> bool {
    #[cfg(unix)]
    let codes = [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM];
    #[cfg(not(unix))]
    let codes = [];
    error.raw_os_error().is_some_and(|code| codes.contains(&code))
}

fn kind(error: &NetError) -> FailureKind {
    match error {
        NetError::Io(error) if is_shortage(error) => FailureKind::LocalShortage,
        NetError::Timeout => FailureKind::ResolverTimedOut,
        NetError::Dns(DnsError::NoRecordsFound(none)) => match none.response_code {
            ResponseCode::NXDomain => FailureKind::NameNotFound,
            ResponseCode::NoError => FailureKind::NoAddress,
            _ => FailureKind::ResolverFailure,
        },
        _ => FailureKind::ResolverFailure,
    }
}
