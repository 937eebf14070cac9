//! The name servers, and which questions they are asked about a name.
//!
//! A name is resolved as other programs of this machine do: the hosts file first, then the name with and
//! without the search domains, in the order that `ndots` says. With `--resolver` it is asked as written.
//! IPv4 and IPv6 are asked separately, so that the failure of one is neither hidden nor the failure of the
//! name.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hickory_resolver::Resolver;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::NetError;
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::system_conf::read_system_conf;
use tokio::time::Instant;

use super::hosts::HostsFile;
use super::local_sockets::LocalSockets;
use super::replies::{DnsReply, combine, failure_kind};
use super::resolved::{Resolution, Resolved, failure};
use crate::config::{Family, ScanConfig};
use crate::error::Error;
use crate::local_end::LocalEnd;
use crate::model::{Failure, FailureKind};

/// The configured name servers.
pub(super) struct Servers {
    resolver: Resolver<LocalSockets>,
    addresses: Vec<SocketAddr>,
    hosts: HostsFile,
    /// Domains that are appended to a name.
    search: Vec<Name>,
    /// A name with at least so many dots is asked as written first.
    ndots: usize,
    family: Family,
    /// For all questions about one name.
    timeout: Duration,
    /// Whether a server ever answered. A server that never does is taken as missing.
    has_answered: AtomicBool,
}

impl Servers {
    pub(super) fn set_up(config: &ScanConfig) -> Result<Self, Error> {
        if let Some(server) = config.resolver {
            return Self::with(
                config,
                single(server),
                ResolverOpts::default(),
                HostsFile::default(),
            );
        }
        let (settings, options) =
            read_system_conf().map_err(|error| Error::ResolverConfig(error.to_string()))?;
        Self::with(config, settings, options, HostsFile::of_this_machine())
    }

    pub(super) fn with(
        config: &ScanConfig,
        settings: ResolverConfig,
        mut options: ResolverOpts,
        hosts: HostsFile,
    ) -> Result<Self, Error> {
        options.use_hosts_file = ResolveHosts::Never;
        // hickory does not cache refusals without a SOA record. Our `Resolver` remembers all answers.
        options.cache_size = 0;
        // Old servers answer FORMERR to EDNS, and hickory does not retry without it. Long answers come over
        // TCP.
        options.edns0 = false;
        // Half of the time for a name, so that a lost question can be asked again.
        options.timeout = options
            .timeout
            .min(config.timeout / 2)
            .max(Duration::from_millis(1));
        // The limit holds for each TCP connection.
        options.max_active_requests = options
            .max_active_requests
            .max(config.lookups.saturating_mul(2));
        let addresses = settings
            .name_servers()
            .iter()
            .filter_map(|server| Some(SocketAddr::new(server.ip, server.connections.first()?.port)))
            .collect();
        // Without a list, the machine's own domain is the only search domain.
        let search = match settings.search() {
            [] => settings.domain().cloned().into_iter().collect(),
            list => list.to_vec(),
        };
        let ndots = options.ndots;
        let mut builder =
            Resolver::builder_with_config(settings, LocalSockets::new(LocalEnd::new(config)));
        *builder.options_mut() = options;
        let resolver = builder.build().map_err(|error| match config.resolver {
            Some(server) => Error::Resolver(server, error.to_string()),
            None => Error::ResolverConfig(error.to_string()),
        })?;
        Ok(Self {
            resolver,
            addresses,
            hosts,
            search,
            ndots,
            family: config.family,
            timeout: config.timeout,
            has_answered: AtomicBool::new(false),
        })
    }

    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        self.addresses.clone()
    }

    /// The addresses of a name, within the timeout.
    pub(super) async fn ask(&self, name: &str, absolute: bool) -> Resolution {
        let addresses = self.hosts.addresses(name, self.family);
        if !addresses.is_empty() {
            return Ok(Resolved {
                addresses,
                aliases: Arc::default(),
                is_local: true,
                partial_failure: None,
            });
        }
        let candidates = self.candidates(name, absolute).map_err(|error| {
            failure(
                FailureKind::ResolverFailure,
                format!("{name}: invalid name: {error}"),
            )
        })?;
        let deadline = Instant::now() + self.timeout;
        let has_one_candidate = candidates.len() == 1;
        let (mut failed, mut nothing): (Option<Failure>, _) = (None, FailureKind::NameNotFound);
        for (candidate, written) in candidates {
            let replies = self.ask_both(name, &candidate, deadline).await;
            let is_local = is_localhost(name);
            match combine(replies, &candidate, written, is_local, failed.as_ref()) {
                Ok(resolved) => return Ok(resolved),
                Err(DnsReply::Nothing(FailureKind::NoAddress)) => nothing = FailureKind::NoAddress,
                // The server answered with an error: the next search domain may do better.
                Err(DnsReply::Failed(error)) if error.kind == FailureKind::ResolverFailure => {
                    failed.get_or_insert(error);
                }
                Err(DnsReply::Failed(failure)) => return Err(failure),
                Err(_) => {}
            }
        }
        Err(failed.unwrap_or_else(|| {
            let detail = if has_one_candidate {
                name.to_owned()
            } else {
                format!("{name}, with and without search domains")
            };
            failure(nothing, detail)
        }))
    }

    /// The full names that a name may stand for, in the order in which they are asked, and whether each is
    /// the name as written.
    fn candidates(
        &self,
        name: &str,
        absolute: bool,
    ) -> Result<Vec<(Name, bool)>, hickory_resolver::proto::ProtoError> {
        // Not parsed as IDNA, which allows no underscore within a label.
        let relative = Name::from_ascii(name)?;
        let mut as_written = relative.clone();
        as_written.set_fqdn(true);
        let search: Vec<(Name, bool)> = (self.search.iter())
            .filter(|_| !absolute && !is_localhost(name))
            // A name that gets too long is left out.
            .filter_map(|domain| relative.clone().append_domain(domain).ok())
            .map(|mut name| {
                name.set_fqdn(true);
                (name, false)
            })
            .collect();
        let written_first = name.matches('.').count() >= self.ndots;
        let (before, after) = if written_first {
            (Vec::new(), search)
        } else {
            (search, Vec::new())
        };
        Ok(before
            .into_iter()
            .chain([(as_written, true)])
            .chain(after)
            .collect())
    }

    /// Asks for both families at once, unless only one is wanted.
    async fn ask_both(
        &self,
        name: &str,
        candidate: &Name,
        deadline: Instant,
    ) -> [Option<DnsReply>; 2] {
        let ask = async |wanted: bool, record| {
            if wanted {
                Some(self.ask_one(name, candidate, record, deadline).await)
            } else {
                None
            }
        };
        let (v4, v6) = tokio::join!(
            ask(self.family != Family::V6, RecordType::A),
            ask(self.family != Family::V4, RecordType::AAAA)
        );
        [v4, v6]
    }

    async fn ask_one(
        &self,
        name: &str,
        candidate: &Name,
        record: RecordType,
        deadline: Instant,
    ) -> DnsReply {
        let lookup = self.resolver.lookup(candidate.clone(), record);
        let Ok(answer) = tokio::time::timeout_at(deadline, lookup).await else {
            let detail = format!("{name}: no answer within {:?}", self.timeout);
            return DnsReply::Failed(failure(self.no_answer(), detail));
        };
        let answered = matches!(answer, Ok(_) | Err(NetError::Dns(_))) && !is_localhost(name);
        self.has_answered.fetch_or(answered, Ordering::Relaxed);
        match answer {
            Ok(lookup) => DnsReply::new(candidate, &lookup, self.family),
            Err(error) => match failure_kind(&error, self.no_answer()) {
                kind @ (FailureKind::NameNotFound | FailureKind::NoAddress) => {
                    DnsReply::Nothing(kind)
                }
                kind => DnsReply::Failed(failure(kind, format!("{name}: {error}"))),
            },
        }
    }

    /// The kind of failure if nobody answers: a problem of this name's servers, or of ours.
    fn no_answer(&self) -> FailureKind {
        if self.has_answered.load(Ordering::Relaxed) {
            FailureKind::ResolverTimedOut
        } else {
            FailureKind::NoResolver
        }
    }
}

/// `localhost` and the names below it are this machine (RFC 6761): hickory asks no server.
fn is_localhost(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}

/// The configuration of a single server. It is asked over UDP and, for long answers, over TCP.
pub(super) fn single(server: SocketAddr) -> ResolverConfig {
    let mut connections = vec![ConnectionConfig::udp(), ConnectionConfig::tcp()];
    for connection in &mut connections {
        connection.port = server.port();
    }
    let server = NameServerConfig::new(server.ip(), true, connections);
    ResolverConfig::from_parts(None, Vec::new(), vec![server])
}
