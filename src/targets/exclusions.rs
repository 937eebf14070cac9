//! What must not be asked, whoever names it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use super::draft::MAX_PIECES;
use super::error::Kind;
use super::intervals::Intervals;
use super::span::{Space, Span};
use super::spec::{Hosts, Word};
use crate::model::{Host, embedded_v4};

/// Stands for every port; 0 is none.
const ANY_PORT: u16 = 0;

/// Addresses and names that are excluded, on all ports or on some.
///
/// A target set has taken them out of itself already; what a name resolves to must be asked for
/// here.
#[derive(Debug, Clone, Default)]
pub struct Exclusions {
    addresses: Intervals<(Space, u16)>,
    names: HashMap<Arc<str>, BTreeSet<u16>>,
    /// How many were added.
    count: usize,
}

impl Exclusions {
    /// Whether addresses are excluded, and not names alone.
    pub fn has_addresses(&self) -> bool {
        !self.addresses.is_empty()
    }

    /// Whether nothing may be sent to this address and port. An IPv6 address that leads to an IPv4
    /// address (IPv4-mapped, NAT64, 6to4 …) is excluded with that one.
    pub fn excludes_address(&self, address: IpAddr, port: u16) -> bool {
        let excluded = |address: IpAddr| {
            let Span { space, first, .. } = Span::of(address);
            [ANY_PORT, port]
                .into_iter()
                .any(|port| self.addresses.contains((space, port), first))
        };
        excluded(address) || embedded_v4(address).is_some_and(|v4| excluded(v4.into()))
    }

    /// Whether this host name is excluded on this port; upper and lower case are the same, and a
    /// trailing dot says nothing.
    pub fn excludes_name(&self, name: &str, port: u16) -> bool {
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        self.names
            .get(name.as_str())
            .is_some_and(|ports| ports.contains(&ANY_PORT) || ports.contains(&port))
    }

    /// Writes out everything that is excluded, in an order of its own.
    pub(super) fn describe(&self, out: &mut impl std::fmt::Write) -> std::fmt::Result {
        let names: BTreeMap<_, _> = self.names.iter().collect();
        write!(out, "{:?} {names:?}", self.addresses)
    }

    pub(super) fn add(&mut self, word: Word) -> Result<(), Kind> {
        if self.count >= MAX_PIECES {
            let problem =
                format!("there are more than {MAX_PIECES} exclusions; write CIDRs or ranges");
            return Err(problem.into());
        }
        self.count += 1;
        let port = word.port.unwrap_or(ANY_PORT);
        let span = match word.hosts {
            Hosts::One(Host::Name(name)) => {
                self.names.entry(name).or_default().insert(port);
                return Ok(());
            }
            Hosts::One(Host::Ip(address)) => Span::of(address),
            Hosts::Many(span) => span,
        };
        self.addresses
            .insert((span.space, port), span.first, span.last);
        Ok(())
    }

    /// The parts of an address span that may be asked on this port, ascending. In a span of several
    /// IPv6 addresses those that lead to an excluded IPv4 address are left: they are held against
    /// [`Self::excludes_address`] when their turn comes.
    pub(super) fn allowed(&self, span: Span, port: u16) -> Vec<(u128, u128)> {
        let alone = span
            .space
            .address(span.first)
            .filter(|_| span.first == span.last);
        if alone.is_some_and(|address| self.excludes_address(address, port)) {
            return Vec::new();
        }
        let mut allowed = self
            .addresses
            .gaps((span.space, ANY_PORT), span.first, span.last);
        if port != ANY_PORT {
            allowed = allowed
                .into_iter()
                .flat_map(|(first, last)| self.addresses.gaps((span.space, port), first, last))
                .collect();
        }
        allowed
    }
}
