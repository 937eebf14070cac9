//! How target specifications are understood.

use std::net::IpAddr;

use crate::config::{Proxy, ProxyKind};
use crate::model::{Pattern, Selector, TargetNames, Verdict};

/// The ports of specifications without a port.
pub const DEFAULT_PORTS: [u16; 3] = [6443, 443, 8443];

/// How specifications are understood.
///
/// ```
/// use kubeknock::targets::TargetOptions;
///
/// let mut options = TargetOptions::default();
/// options.ports = vec![6443];
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TargetOptions {
    /// The ports of specifications without a port: at least one, each from 1 to 65535.
    pub ports: Vec<u16>,
    /// Allow a CIDR or range of more than 2^24 addresses.
    pub allow_large: bool,
    /// Verdicts expected of specifications without `expect=`; the last one that matches counts.
    pub expectations: Vec<Expectation>,
    /// The proxy of the scan. A cluster that an inventory reaches through a proxy is asked only through that one.
    pub proxy: Option<Proxy>,
    /// The addresses that servers see of this machine, as far as they are given. A cluster that is open to other
    /// networks only need not answer.
    pub egress_addresses: Vec<IpAddr>,
    /// Only targets with these labels. Of several for one key, one must match.
    pub selectors: Vec<Selector>,
}

/// The verdict that is expected of some targets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    /// Which specifications: compared with the text as written, its host, and its `name=`.
    pub target: Pattern,
    /// The verdict.
    pub verdict: Verdict,
}

impl TargetOptions {
    /// Whether the scan goes through this proxy of an inventory, or the inventory has none.
    pub(super) fn goes_through(&self, proxy: Option<&str>) -> bool {
        let Some(needed) = proxy else {
            return true;
        };
        // Go lets a socks5 proxy resolve names too, so both kinds lead there.
        let like_go = |proxy: Proxy| match proxy.kind {
            ProxyKind::Socks5 => Proxy {
                kind: ProxyKind::Socks5h,
                ..proxy
            },
            _ => proxy,
        };
        let needed = needed.parse().ok().map(like_go);
        needed.is_some() && needed == self.proxy.clone().map(like_go)
    }

    /// The positions of the expectations that match a specification.
    pub(super) fn matching_expectations(&self, text: &str, label: Option<&str>) -> Vec<usize> {
        if self.expectations.is_empty() {
            return Vec::new();
        }
        let names = TargetNames::of_specification(text, label);
        self.expectations
            .iter()
            .enumerate()
            .filter(|(_, expectation)| expectation.target.matches(&names))
            .map(|(position, _)| position)
            .collect()
    }
}

impl Default for TargetOptions {
    fn default() -> Self {
        Self {
            ports: DEFAULT_PORTS.to_vec(),
            allow_large: false,
            expectations: Vec::new(),
            proxy: None,
            egress_addresses: Vec::new(),
            selectors: Vec::new(),
        }
    }
}
