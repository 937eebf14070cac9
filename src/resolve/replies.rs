//! The replies to the questions for a name's IPv4 and IPv6 addresses, and how they combine.

use std::net::IpAddr;
use std::sync::Arc;

use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RData, Record};

use super::resolved::{Resolved, is_temporary};
use crate::config::Family;
use crate::model::{Failure, FailureKind};

/// How many aliases are followed.
const MAX_ALIASES: usize = 16;

/// The reply to one question.
pub(super) enum Reply {
    Found(Found),
    /// There is no such name, or it has no address of this family.
    Nothing(FailureKind),
    Failed(Failure),
}

#[derive(Default)]
pub(super) struct Found {
    addresses: Vec<IpAddr>,
    aliases: Vec<Arc<str>>,
}

impl Found {
    /// The addresses that belong to the name, and its aliases. Other records are ignored.
    fn new(name: &Name, lookup: &Lookup, family: Family) -> Self {
        let (mut chain, mut last) = (Vec::new(), name);
        while chain.len() <= MAX_ALIASES && !chain.contains(&last) {
            chain.push(last);
            let is_alias =
                |record: &&Record| record.name == *last && matches!(record.data, RData::CNAME(_));
            // The records may come in any order.
            let alias = lookup.answers().iter().find(is_alias);
            let Some(RData::CNAME(alias)) = alias.map(|record| &record.data) else {
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
        Self {
            addresses: addresses
                .filter(|address| family.admits(*address))
                .collect(),
            aliases: chain.into_iter().skip(1).map(display).collect(),
        }
    }
}

impl Reply {
    pub(super) fn new(name: &Name, lookup: &Lookup, family: Family) -> Self {
        let found = Found::new(name, lookup, family);
        if found.addresses.is_empty() {
            Self::Nothing(FailureKind::NoAddress)
        } else {
            Self::Found(found)
        }
    }
}

/// Combines the replies for IPv4 and IPv6, if they were asked for. Returns the addresses, or the reply that
/// says why there are none. `earlier` is the failure of another search domain.
pub(super) fn combine(
    replies: [Option<Reply>; 2],
    candidate: &Name,
    as_written: bool,
    given: bool,
    earlier: Option<&Failure>,
) -> Result<Resolved, Reply> {
    let (mut found, mut others) = (Found::default(), Vec::new());
    for (question, reply) in ["A", "AAAA"].into_iter().zip(replies) {
        match reply {
            Some(Reply::Found(more)) => {
                found.addresses.extend(more.addresses);
                for alias in more.aliases {
                    // The replies for both families have the aliases.
                    if !found.aliases.contains(&alias) {
                        found.aliases.push(alias);
                    }
                }
            }
            Some(Reply::Failed(failure)) if failure.kind == FailureKind::ResourcesExhausted => {
                return Err(Reply::Failed(failure));
            }
            Some(reply) => others.push((question, reply)),
            None => {}
        }
    }
    if found.addresses.is_empty() {
        return Err(most_significant(others.into_iter().map(|(_, reply)| reply)));
    }
    found.addresses.sort_unstable();
    found.addresses.dedup();
    if !as_written {
        found.aliases.insert(0, display(candidate));
    }
    let failed = others
        .into_iter()
        .find_map(|(question, reply)| match reply {
            Reply::Failed(failure) => Some((question.to_owned(), failure.kind)),
            // The other family has addresses of this name: one of the two replies is wrong.
            Reply::Nothing(kind @ FailureKind::NameNotFound) => Some((question.to_owned(), kind)),
            _ => None,
        });
    let failed_earlier =
        || earlier.map(|failure| ("with another search domain".to_owned(), failure.kind));
    Ok(Resolved {
        addresses: found.addresses,
        aliases: found.aliases.into(),
        given,
        failed: failed.or_else(failed_earlier),
    })
}

/// The reply that counts among several without an address: a failure leaves the answer open, and a temporary
/// one is worth a retry. A name without an address does exist.
fn most_significant(replies: impl Iterator<Item = Reply>) -> Reply {
    let rank = |reply: &Reply| match reply {
        Reply::Failed(failure) if is_temporary(failure) => 0,
        Reply::Failed(_) => 1,
        Reply::Nothing(FailureKind::NoAddress) => 2,
        Reply::Nothing(_) | Reply::Found(_) => 3,
    };
    replies
        .min_by_key(rank)
        .unwrap_or(Reply::Nothing(FailureKind::NoAddress))
}

/// A name as reports show it.
fn display(name: &Name) -> Arc<str> {
    Arc::from(name.to_ascii().trim_end_matches('.').to_ascii_lowercase())
}

/// Whether this machine ran out of descriptors or memory.
fn is_exhausted(error: &std::io::Error) -> bool {
    #[cfg(unix)]
    let codes = [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM];
    #[cfg(not(unix))]
    let codes = [];
    error
        .raw_os_error()
        .is_some_and(|code| codes.contains(&code))
}

/// The kind of a failed question. `no_answer` is the kind if nobody answered.
pub(super) fn failure_kind(error: &NetError, no_answer: FailureKind) -> FailureKind {
    match error {
        NetError::Io(error) if is_exhausted(error) => FailureKind::ResourcesExhausted,
        NetError::Timeout => no_answer,
        NetError::Io(_) | NetError::NoConnections => FailureKind::NoResolver,
        NetError::Dns(DnsError::NoRecordsFound(none)) => match none.response_code {
            ResponseCode::NXDomain => FailureKind::NameNotFound,
            ResponseCode::NoError => FailureKind::NoAddress,
            _ => FailureKind::ResolverFailure,
        },
        _ => FailureKind::ResolverFailure,
    }
}
