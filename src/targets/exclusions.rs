//! Addresses and names that must not be asked.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use super::error::Problem;
use super::host_range::{HostKind, HostRange};
use super::intervals::Intervals;
use super::limits::MAX_PIECES;
use super::specification::{HostSpec, Hosts};
use crate::model::{Host, embedded_v4};

/// Stands for every port; 0 is not a port.
const ANY_PORT: u16 = 0;

/// Addresses and names that are excluded, on all ports or on some.
///
/// A target set has no excluded targets. The addresses that its names resolve to must be checked
/// here.
#[derive(Debug, Clone, Default)]
pub struct Exclusions {
    pub(super) addresses: Intervals<(HostKind, u16)>,
    pub(super) names: HashMap<Arc<str>, BTreeSet<u16>>,
    /// How many were added.
    count: usize,
}

impl Exclusions {
    /// Whether any address is excluded.
    pub fn has_addresses(&self) -> bool {
        !self.addresses.is_empty()
    }

    /// Whether this address and port are excluded, so that nothing may be sent to them.
    /// An IPv6 address that leads to an excluded IPv4 address (IPv4-mapped, NAT64, 6to4 …) is excluded too.
    pub fn excludes_address(&self, address: IpAddr, port: u16) -> bool {
        let excluded = |address: IpAddr| {
            let HostRange { kind, first, .. } = HostRange::of(address);
            [ANY_PORT, port]
                .into_iter()
                .any(|port| self.addresses.contains((kind, port), first))
        };
        excluded(address) || embedded_v4(address).is_some_and(|v4| excluded(v4.into()))
    }

    /// Whether this host name is excluded on this port. Case and a trailing dot make no difference.
    pub fn excludes_name(&self, name: &str, port: u16) -> bool {
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        self.names
            .get(name.as_str())
            .is_some_and(|ports| ports.contains(&ANY_PORT) || ports.contains(&port))
    }

    pub(super) fn add(&mut self, spec: HostSpec) -> Result<(), Problem> {
        if self.count >= MAX_PIECES {
            return Err(format!("more than {MAX_PIECES} exclusions; write CIDRs or ranges").into());
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

    /// The parts of an address range that may be asked on this port, ascending. In a range of several
    /// IPv6 addresses, those that lead to an excluded IPv4 address stay:
    /// [`Self::excludes_address`] finds them before they are probed.
    pub(super) fn allowed(&self, range: HostRange, port: u16) -> Vec<(u128, u128)> {
        let single = range
            .kind
            .address(range.first)
            .filter(|_| range.first == range.last);
        if single.is_some_and(|address| self.excludes_address(address, port)) {
            return Vec::new();
        }
        let mut allowed = self
            .addresses
            .gaps((range.kind, ANY_PORT), range.first, range.last);
        if port != ANY_PORT {
            allowed = allowed
                .into_iter()
                .flat_map(|(first, last)| self.addresses.gaps((range.kind, port), first, last))
                .collect();
        }
        allowed
    }
}
