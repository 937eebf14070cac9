//! Addresses and names that must not be asked.

use std::net::IpAddr;

use super::error::Problem;
use super::host_range::HostRange;
use super::host_set::HostSet;
use super::specification::HostSpec;
use crate::model::embedded_v4;

/// Addresses and names that are excluded, on all ports or on some.
///
/// A target set has no excluded targets. The addresses that its names resolve to must be checked
/// here.
#[derive(Debug, Clone, Default)]
pub struct Exclusions {
    pub(super) hosts: HostSet,
}

impl Exclusions {
    /// Whether any address is excluded.
    pub fn has_addresses(&self) -> bool {
        self.hosts.has_addresses()
    }

    /// Whether this address and port are excluded, so that nothing may be sent to them.
    /// An IPv6 address that leads to an excluded IPv4 address (IPv4-mapped, NAT64, 6to4 …) is excluded too.
    pub fn excludes_address(&self, address: IpAddr, port: u16) -> bool {
        self.hosts.has_address(address, port)
            || embedded_v4(address).is_some_and(|v4| self.hosts.has_address(v4.into(), port))
    }

    /// Whether this host name is excluded on this port. Case and a trailing dot make no difference.
    pub fn excludes_name(&self, name: &str, port: u16) -> bool {
        self.hosts.has_name(name, port)
    }

    pub(super) fn add(&mut self, spec: HostSpec) -> Result<(), Problem> {
        self.hosts.add(spec, "exclusions")
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
        self.hosts.outside(range, port)
    }
}
