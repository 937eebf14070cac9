//! The only addresses and names that may be asked.

use std::net::IpAddr;

use super::error::Problem;
use super::host_range::HostRange;
use super::host_set::HostSet;
use super::specification::HostSpec;

/// Addresses and names outside of which nothing is asked. A name that is allowed may lead anywhere; any other name only
/// to allowed addresses.
#[derive(Debug, Clone, Default)]
pub struct Allowlist {
    pub(super) hosts: HostSet,
}

impl Allowlist {
    /// Whether any address is allowed.
    pub fn has_addresses(&self) -> bool {
        self.hosts.has_addresses()
    }

    /// Whether this address may be asked on this port. An IPv6 address that leads to an allowed IPv4 address is not
    /// itself allowed, except an IPv4-mapped one.
    pub fn allows_address(&self, address: IpAddr, port: u16) -> bool {
        self.hosts.has_address(address, port)
    }

    /// Whether this host name may be asked on this port, at all of its addresses.
    pub fn allows_name(&self, name: &str, port: u16) -> bool {
        self.hosts.has_name(name, port)
    }

    /// Whether this host name must be resolved, because some of its addresses may be allowed.
    pub(super) fn may_allow_name(&self, name: &str, port: u16) -> bool {
        self.has_addresses() || self.allows_name(name, port)
    }

    pub(super) fn add(&mut self, spec: HostSpec) -> Result<(), Problem> {
        self.hosts.add(spec, "allowed hosts")
    }

    /// The parts of an address range that may be asked on this port, ascending.
    pub(super) fn inside(&self, range: HostRange, port: u16) -> Vec<(u128, u128)> {
        let (mut next, mut inside) = (Some(range.first), Vec::new());
        for (first, last) in self.hosts.outside(range, port) {
            if let Some(from) = next.filter(|from| *from < first) {
                inside.push((from, first - 1));
            }
            next = last.checked_add(1);
        }
        inside.extend(
            next.filter(|from| *from <= range.last)
                .map(|from| (from, range.last)),
        );
        inside
    }
}
