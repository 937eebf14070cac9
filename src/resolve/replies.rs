//! The replies to the questions for a name's IPv4 and IPv6 addresses, and how they combine.

use std::net::IpAddr;
use std::sync::Arc;

use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RData, Record};

use super::resolved::{PartialFailure, Resolved, is_temporary};
use crate::config::Family;
use crate::model::{Failure, FailureKind};
use crate::os_error;

/// How many aliases are followed.
const MAX_ALIASES: usize = 16;

/// The reply to one question.
pub(super) enum DnsReply {
    AddressesFound(AddressesFound),
    /// There is no such name, or it has no address of this family.
    Nothing(FailureKind),
    Failed(Failure),
}

#[derive(Default)]
pub(super) struct AddressesFound {
    addresses: Vec<IpAddr>,
    aliases: Vec<Arc<str>>,
}

impl AddressesFound {
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

impl DnsReply {
    pub(super) fn new(name: &Name, lookup: &Lookup, family: Family) -> Self {
        let found = AddressesFound::new(name, lookup, family);
        if found.addresses.is_empty() {
            Self::Nothing(FailureKind::NoAddress)
        } else {
            Self::AddressesFound(found)
        }
    }
}

/// Combines the replies for IPv4 and IPv6, if they were asked for. Returns the addresses, or the reply that
/// says why there are none. `earlier` is the failure of another search domain.
pub(super) fn combine(
    replies: [Option<DnsReply>; 2],
    candidate: &Name,
    as_written: bool,
    is_local: bool,
    earlier: Option<&Failure>,
) -> Result<Resolved, DnsReply> {
    let (mut found, mut others) = (AddressesFound::default(), Vec::new());
    let families = [PartialFailure::IPv4, PartialFailure::IPv6];
    for (of_family, reply) in families.into_iter().zip(replies) {
        match reply {
            Some(DnsReply::AddressesFound(more)) => {
                found.addresses.extend(more.addresses);
                for alias in more.aliases {
                    // The replies for both families have the aliases.
                    if !found.aliases.contains(&alias) {
                        found.aliases.push(alias);
                    }
                }
            }
            Some(DnsReply::Failed(failure)) if failure.kind == FailureKind::ResourcesExhausted => {
                return Err(DnsReply::Failed(failure));
            }
            Some(reply) => others.push((of_family, reply)),
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
        .find_map(|(of_family, reply)| match reply {
            DnsReply::Failed(failure) => Some(of_family(failure.kind)),
            // The other family has addresses of this name: one of the two replies is wrong.
            DnsReply::Nothing(kind @ FailureKind::NameNotFound) => Some(of_family(kind)),
            _ => None,
        });
    let failed_earlier = || earlier.map(|failure| PartialFailure::SearchDomain(failure.kind));
    Ok(Resolved {
        addresses: found.addresses,
        aliases: found.aliases.into(),
        is_local,
        partial_failure: failed.or_else(failed_earlier),
    })
}

/// The reply that counts among several without an address. Temporary failures come first (worth a retry), then other
/// failures, then `NoAddress` (the name exists), then the rest.
fn most_significant(replies: impl Iterator<Item = DnsReply>) -> DnsReply {
    let rank = |reply: &DnsReply| match reply {
        DnsReply::Failed(failure) if is_temporary(failure) => 0,
        DnsReply::Failed(_) => 1,
        DnsReply::Nothing(FailureKind::NoAddress) => 2,
        DnsReply::Nothing(_) | DnsReply::AddressesFound(_) => 3,
    };
    replies
        .min_by_key(rank)
        .unwrap_or(DnsReply::Nothing(FailureKind::NoAddress))
}

/// A name as reports show it.
fn display(name: &Name) -> Arc<str> {
    Arc::from(name.to_ascii().trim_end_matches('.').to_ascii_lowercase())
}

/// The kind of a failed question. `no_answer` is the kind if nobody answered.
pub(super) fn failure_kind(error: &NetError, no_answer: FailureKind) -> FailureKind {
    match error {
        NetError::Io(error) if os_error::is_exhausted(error) => FailureKind::ResourcesExhausted,
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
