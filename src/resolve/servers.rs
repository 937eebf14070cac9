//! The name servers, and how a name is put to them.
//!
//! A name is asked as this machine's other programs ask: the hosts file first, then the name with and
//! without the search domains, in the order that `ndots` says. With `--resolver` it is asked as it is
//! written. The questions for both families are told apart, so that the failure of one is neither the
//! failure of the name nor forgotten.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use hickory_resolver::system_conf::read_system_conf;
use hickory_resolver::{Resolver, TokioResolver};
use tokio::time::Instant;

use super::hosts::Hosts;
use super::{Answer, Resolved};
use crate::config::{Family, ScanConfig};
use crate::error::Error;
use crate::model::{Failure, FailureKind, Stage};

/// Names of a chain that are followed; an address behind a longer one is none.
const MAX_ALIASES: usize = 16;

/// The name servers as configured.
pub(super) struct Servers {
    resolver: TokioResolver,
    addresses: Vec<SocketAddr>,
    hosts: Hosts,
    /// Domains that are put behind a name.
    search: Vec<Name>,
    /// Dots from which on a name is asked as it is written first.
    ndots: usize,
    family: Family,
    /// For all questions about one name.
    timeout: Duration,
    /// Whether a server ever answered: who never does is none.
    heard: AtomicBool,
}

/// What came of one question.
enum Told {
    Found(Found),
    /// The server says that there is none: no such name, or none of this family.
    Nothing(FailureKind),
    Failed(Failure),
}

#[derive(Default)]
struct Found {
    addresses: Vec<IpAddr>,
    aliases: Vec<Arc<str>>,
}

impl Servers {
    pub(super) fn set_up(config: &ScanConfig) -> Result<Self, Error> {
        if let Some(server) = config.resolver {
            return Self::with(
                config,
                single(server),
                ResolverOpts::default(),
                Hosts::default(),
            );
        }
        let (settings, options) =
            read_system_conf().map_err(|error| Error::ResolverConfig(error.to_string()))?;
        Self::with(config, settings, options, Hosts::of_this_machine())
    }

    pub(super) fn with(
        config: &ScanConfig,
        settings: ResolverConfig,
        mut options: ResolverOpts,
        hosts: Hosts,
    ) -> Result<Self, Error> {
        options.use_hosts_file = ResolveHosts::Never;
        // Refusals without a SOA record would not be cached there: `Names` remembers all.
        options.cache_size = 0;
        // Old servers answer FORMERR to it, and hickory does not ask again without. A long answer
        // comes over TCP.
        options.edns0 = false;
        // Of the time for a name, so that a lost question is asked a second time.
        options.timeout = options
            .timeout
            .min(config.timeout / 2)
            .max(Duration::from_millis(1));
        // Over one TCP connection.
        options.max_active_requests = options
            .max_active_requests
            .max(config.lookups.saturating_mul(2));
        let addresses = settings
            .name_servers()
            .iter()
            .filter_map(|server| Some(SocketAddr::new(server.ip, server.connections.first()?.port)))
            .collect();
        // Where there is no list, the machine's own domain is the list.
        let search = match settings.search() {
            [] => settings.domain().cloned().into_iter().collect(),
            list => list.to_vec(),
        };
        let ndots = options.ndots;
        let mut builder = Resolver::builder_with_config(settings, TokioRuntimeProvider::default());
        *builder.options_mut() = options;
        let resolver = builder.build().map_err(|error| match config.resolver {
            Some(server) => Error::Resolver(server, error.to_string()),
            None => Error::ResolverConfig(error.to_string()),
        })?;
        let (family, timeout) = (config.family, config.timeout);
        let heard = AtomicBool::new(false);
        Ok(Self {
            resolver,
            addresses,
            hosts,
            search,
            ndots,
            family,
            timeout,
            heard,
        })
    }

    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        self.addresses.clone()
    }

    /// The addresses of a name, within the time that there is for it.
    pub(super) async fn ask(&self, name: &str, absolute: bool) -> Answer {
        let addresses = self.hosts.addresses(name, self.family);
        if !addresses.is_empty() {
            return Ok(Resolved {
                addresses,
                aliases: Arc::default(),
                given: true,
                failed: None,
            });
        }
        let candidates = self.candidates(name, absolute).map_err(|error| {
            failure(
                FailureKind::ResolverFailure,
                format!("{name} cannot be asked: {error}"),
            )
        })?;
        let deadline = Instant::now() + self.timeout;
        let alone = candidates.len() == 1;
        let (mut failed, mut nothing): (Option<Failure>, _) = (None, FailureKind::NameNotFound);
        for (candidate, written) in candidates {
            let told = self.both(name, &candidate, deadline).await;
            match told.into_resolved(&candidate, written, is_localhost(name), failed.as_ref()) {
                Ok(resolved) => return Ok(resolved),
                Err(Told::Nothing(FailureKind::NoAddress)) => nothing = FailureKind::NoAddress,
                // The server has an answer, if only a bad one: the next domain may have a better one.
                Err(Told::Failed(bad)) if bad.kind == FailureKind::ResolverFailure => {
                    failed.get_or_insert(bad);
                }
                Err(Told::Failed(failure)) => return Err(failure),
                Err(_) => {}
            }
        }
        Err(failed.unwrap_or_else(|| {
            let detail = if alone {
                name.to_owned()
            } else {
                format!("{name}, with and without search domains")
            };
            failure(nothing, detail)
        }))
    }

    /// What the name may stand for, in the order in which it is asked, and whether it is the name as
    /// written.
    fn candidates(
        &self,
        name: &str,
        absolute: bool,
    ) -> Result<Vec<(Name, bool)>, hickory_resolver::proto::ProtoError> {
        // Not parsed as IDNA: that knows no underscore within a label, and names have them.
        let relative = Name::from_ascii(name)?;
        let mut as_written = relative.clone();
        as_written.set_fqdn(true);
        let search: Vec<(Name, bool)> = (self.search.iter())
            .filter(|_| !absolute && !is_localhost(name))
            // One that gets too long is none.
            .filter_map(|domain| relative.clone().append_domain(domain).ok())
            .map(|mut name| {
                name.set_fqdn(true);
                (name, false)
            })
            .collect();
        let first = name.matches('.').count() >= self.ndots;
        let (before, after) = if first {
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

    /// Asks for the families that are wanted, at once.
    async fn both(&self, name: &str, candidate: &Name, deadline: Instant) -> Both {
        let ask = async |wanted: bool, record| {
            if wanted {
                Some(self.question(name, candidate, record, deadline).await)
            } else {
                None
            }
        };
        let (v4, v6) = tokio::join!(
            ask(self.family != Family::V6, RecordType::A),
            ask(self.family != Family::V4, RecordType::AAAA)
        );
        Both { v4, v6 }
    }

    async fn question(
        &self,
        name: &str,
        candidate: &Name,
        record: RecordType,
        deadline: Instant,
    ) -> Told {
        let lookup = self.resolver.lookup(candidate.clone(), record);
        let Ok(answer) = tokio::time::timeout_at(deadline, lookup).await else {
            let detail = format!("{name}: no answer within {:?}", self.timeout);
            return Told::Failed(failure(self.silence(), detail));
        };
        let answered = matches!(answer, Ok(_) | Err(NetError::Dns(_))) && !is_localhost(name);
        self.heard.fetch_or(answered, Ordering::Relaxed);
        match answer {
            Ok(lookup) => {
                let found = self.found(candidate, &lookup);
                if found.addresses.is_empty() {
                    Told::Nothing(FailureKind::NoAddress)
                } else {
                    Told::Found(found)
                }
            }
            Err(error) => match kind(&error, self.silence()) {
                kind @ (FailureKind::NameNotFound | FailureKind::NoAddress) => Told::Nothing(kind),
                kind => Told::Failed(failure(kind, format!("{name}: {error}"))),
            },
        }
    }

    /// What it means that nobody answers: the trouble of this name's servers, or of ours.
    fn silence(&self) -> FailureKind {
        let heard = self.heard.load(Ordering::Relaxed);
        if heard {
            FailureKind::ResolverTimedOut
        } else {
            FailureKind::NoResolver
        }
    }

    /// The addresses in an answer that are the name's own, and the names on the way there. What else
    /// stands in it nobody asked for.
    fn found(&self, candidate: &Name, lookup: &Lookup) -> Found {
        let (mut chain, mut last) = (Vec::new(), candidate);
        while chain.len() <= MAX_ALIASES && !chain.contains(&last) {
            chain.push(last);
            let alias =
                |record: &&Record| record.name == *last && matches!(record.data, RData::CNAME(_));
            // In whatever order the records come.
            let Some(RData::CNAME(alias)) = lookup
                .answers()
                .iter()
                .find(alias)
                .map(|record| &record.data)
            else {
                break;
            };
            last = &alias.0;
        }
        let own = lookup
            .answers()
            .iter()
            .filter(|record| chain.contains(&&record.name));
        let addresses = own
            .filter_map(|record| record.data.ip_addr())
            .map(|address| address.to_canonical());
        Found {
            addresses: addresses
                .filter(|address| self.family.admits(*address))
                .collect(),
            aliases: chain.into_iter().skip(1).map(written).collect(),
        }
    }
}

/// What came of the questions for both families, those that were asked.
struct Both {
    v4: Option<Told>,
    v6: Option<Told>,
}

impl Both {
    /// The addresses of both, or why there is none. `before` is how an earlier candidate failed.
    fn into_resolved(
        self,
        candidate: &Name,
        as_written: bool,
        given: bool,
        before: Option<&Failure>,
    ) -> Result<Resolved, Told> {
        let (mut found, mut none) = (Found::default(), Vec::new());
        for (question, told) in [("A", self.v4), ("AAAA", self.v6)] {
            match told {
                Some(Told::Found(more)) => {
                    found.addresses.extend(more.addresses);
                    for alias in more.aliases {
                        // The answers for both families carry the chain.
                        if !found.aliases.contains(&alias) {
                            found.aliases.push(alias);
                        }
                    }
                }
                Some(Told::Failed(short)) if short.kind == FailureKind::LocalShortage => {
                    return Err(Told::Failed(short));
                }
                Some(told) => none.push((question, told)),
                None => {}
            }
        }
        if found.addresses.is_empty() {
            return Err(why_none(none.into_iter().map(|(_, told)| told)));
        }
        found.addresses.sort_unstable();
        found.addresses.dedup();
        if !as_written {
            found.aliases.insert(0, written(candidate));
        }
        let of_this = none.into_iter().find_map(|(question, told)| match told {
            Told::Failed(failure) => Some((question.to_owned(), failure.kind)),
            // There is such a name, and the server says that there is none: one answer is wrong.
            Told::Nothing(kind @ FailureKind::NameNotFound) => Some((question.to_owned(), kind)),
            _ => None,
        });
        let earlier =
            || before.map(|failure| ("with another search domain".to_owned(), failure.kind));
        Ok(Resolved {
            addresses: found.addresses,
            aliases: found.aliases.into(),
            given,
            failed: of_this.or_else(earlier),
        })
    }
}

/// Whether another attempt may find an answer.
pub(super) fn may_pass(failure: &Failure) -> bool {
    failure.may_pass() || failure.kind == FailureKind::NoResolver
}

/// Of several questions without an address the one that says most: a failure leaves it open, and what
/// may pass is worth another attempt; a name that exists has no address.
fn why_none(all: impl Iterator<Item = Told>) -> Told {
    let rank = |told: &Told| match told {
        Told::Failed(failure) if may_pass(failure) => 0,
        Told::Failed(_) => 1,
        Told::Nothing(FailureKind::NoAddress) => 2,
        Told::Nothing(_) | Told::Found(_) => 3,
    };
    all.min_by_key(rank)
        .unwrap_or(Told::Nothing(FailureKind::NoAddress))
}

/// A name as reports have it.
fn written(name: &Name) -> Arc<str> {
    Arc::from(name.to_ascii().trim_end_matches('.').to_ascii_lowercase())
}

/// `localhost` and what lies below it is this machine (RFC 6761): hickory asks nobody.
fn is_localhost(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}

/// A configuration of one server, asked over UDP and, for long answers, TCP.
pub(super) fn single(server: SocketAddr) -> ResolverConfig {
    let mut connections = vec![ConnectionConfig::udp(), ConnectionConfig::tcp()];
    for connection in &mut connections {
        connection.port = server.port();
    }
    let server = NameServerConfig::new(server.ip(), true, connections);
    ResolverConfig::from_parts(None, Vec::new(), vec![server])
}

pub(super) fn failure(kind: FailureKind, detail: String) -> Failure {
    Failure::new(Stage::Dns, kind, detail)
}

/// Whether the error is about this machine: it ran out of descriptors or of memory.
fn is_shortage(error: &std::io::Error) -> bool {
    #[cfg(unix)]
    let codes = [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM];
    #[cfg(not(unix))]
    let codes = [];
    error
        .raw_os_error()
        .is_some_and(|code| codes.contains(&code))
}

/// What kind of failure it is; `silence` is what it means that nobody answered.
fn kind(error: &NetError, silence: FailureKind) -> FailureKind {
    match error {
        NetError::Io(error) if is_shortage(error) => FailureKind::LocalShortage,
        NetError::Timeout => silence,
        NetError::Io(_) | NetError::NoConnections => FailureKind::NoResolver,
        NetError::Dns(DnsError::NoRecordsFound(none)) => match none.response_code {
            ResponseCode::NXDomain => FailureKind::NameNotFound,
            ResponseCode::NoError => FailureKind::NoAddress,
            _ => FailureKind::ResolverFailure,
        },
        _ => FailureKind::ResolverFailure,
    }
}
