//! A set of addresses and names, each on all ports or on some.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use super::error::Problem;
use super::host_range::{HostKind, HostRange};
use super::intervals::Intervals;
use super::limits::MAX_PIECES;
use super::specification::{HostSpec, Hosts};
use crate::model::Host;

/// Stands for every port; 0 is not a port.
const ANY_PORT: u16 = 0;

/// The set.
#[derive(Debug, Clone, Default)]
pub(super) struct HostSet {
    pub(super) addresses: Intervals<(HostKind, u16)>,
    pub(super) names: HashMap<Arc<str>, BTreeSet<u16>>,
    /// How many were added.
    count: usize,
}

impl HostSet {
    /// Whether it has any address.
    pub(super) fn has_addresses(&self) -> bool {
        !self.addresses.is_empty()
    }

    /// Whether it has this address on this port. An IPv4-mapped address is the IPv4 address.
    pub(super) fn has_address(&self, address: IpAddr, port: u16) -> bool {
        let HostRange { kind, first, .. } = HostRange::of(address);
        [ANY_PORT, port]
            .into_iter()
            .any(|port| self.addresses.contains((kind, port), first))
    }

    /// Whether it has this host name on this port. Case and a trailing dot make no difference.
    pub(super) fn has_name(&self, name: &str, port: u16) -> bool {
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        self.names
            .get(name.as_str())
            .is_some_and(|ports| ports.contains(&ANY_PORT) || ports.contains(&port))
    }

    /// Adds what a specification names. `what` is the plural in the error for too many.
    pub(super) fn add(&mut self, spec: HostSpec, what: &str) -> Result<(), Problem> {
        if self.count >= MAX_PIECES {
            return Err(format!("more than {MAX_PIECES} {what}; write CIDRs or ranges").into());
        }
        self.count += 1;
        let port = spec.port.unwrap_or(ANY_PORT);
        let range = match spec.hosts {
            Hosts::One(Host::Name(name)) => {
                self.names.entry(name).or_default().insert(port);
                return Ok(());
            }
            Hosts::One(Host::Ip(address)) => HostRange::of(address),
            Hosts::Many(range) => range,
        };
        self.addresses
            .insert((range.kind, port), range.first, range.last);
        Ok(())
    }

    /// The parts of an address range that are not in the set on this port, ascending.
    pub(super) fn outside(&self, range: HostRange, port: u16) -> Vec<(u128, u128)> {
        let mut outside = self
            .addresses
            .gaps((range.kind, ANY_PORT), range.first, range.last);
        if port != ANY_PORT {
            outside = outside
                .into_iter()
                .flat_map(|(first, last)| self.addresses.gaps((range.kind, port), first, last))
                .collect();
        }
        outside
    }
}
