//! CIDRs and address ranges, converted to ranges of numbers.
//!
//! Host names are numbered too, so that the same interval arithmetic finds overlapping addresses
//! and duplicate names.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::error::Problem;
use super::host::parse_ipv6;

/// The IPv4-mapped block, `::ffff:0:0/96`.
const IPV4_MAPPED: (u128, u128) = (0xffff_0000_0000, 0xffff_ffff_ffff);

/// What the numbers of a [`HostRange`] stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum HostKind {
    /// IPv4 addresses.
    V4,
    /// IPv6 addresses; never an IPv4-mapped one.
    V6,
    /// Host names, by their position in a table.
    Name,
}

impl HostKind {
    /// The address of this number; `None` for a name.
    pub(super) fn address(self, number: u128) -> Option<IpAddr> {
        match self {
            Self::V4 => u32::try_from(number)
                .ok()
                .map(|bits| Ipv4Addr::from_bits(bits).into()),
            Self::V6 => Some(Ipv6Addr::from_bits(number).into()),
            Self::Name => None,
        }
    }
}

/// Hosts in a row, from the first to the last number, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HostRange {
    pub(super) kind: HostKind,
    pub(super) first: u128,
    pub(super) last: u128,
}

impl HostRange {
    /// One host.
    pub(super) const fn single(kind: HostKind, number: u128) -> Self {
        Self {
            kind,
            first: number,
            last: number,
        }
    }

    /// One address; an IPv4-mapped one is the IPv4 address.
    pub(super) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self::single(HostKind::V4, v4.to_bits().into()),
            IpAddr::V6(v6) => Self::single(HostKind::V6, v6.to_bits()),
        }
    }

    /// How many hosts there are; `None` for the 2^128 of `::/0`.
    pub(super) const fn count(self) -> Option<u128> {
        (self.last - self.first).checked_add(1)
    }

    fn between(first: IpAddr, last: IpAddr) -> Result<Self, Problem> {
        let (kind, first, last) = match (first, last) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                (HostKind::V4, a.to_bits().into(), b.to_bits().into())
            }
            (IpAddr::V6(a), IpAddr::V6(b)) => (HostKind::V6, a.to_bits(), b.to_bits()),
            _ => return Err("invalid range: it mixes IPv4 and IPv6; write two ranges".into()),
        };
        if first > last {
            return Err("reversed range: write the lower address first".into());
        }
        if kind == HostKind::V6 && first <= IPV4_MAPPED.1 && last >= IPV4_MAPPED.0 {
            return Err(
                "IPv4-mapped addresses (::ffff:0:0/96) in a CIDR or range: write them as IPv4, for example \
                 192.0.2.0/24"
                    .into(),
            );
        }
        Ok(Self { kind, first, last })
    }
}

/// A CIDR as its network, with a warning if it was written with host bits. `None` if `text` has no
/// slash.
pub(super) fn cidr(text: &str) -> Option<Result<(HostRange, Option<String>), Problem>> {
    let (address, length) = text.split_once('/')?;
    Some(parse_cidr(address, length))
}

fn parse_cidr(address: &str, length: &str) -> Result<(HostRange, Option<String>), Problem> {
    if address.starts_with('[') {
        return Err(
            "brackets before a slash: write a CIDR without brackets, 2001:db8::/64, and a path with its scheme, \
             https://[2001:db8::1]/path"
                .into(),
        );
    }
    let Ok(ip) = address.parse::<IpAddr>() else {
        if address.matches(':').count() > 1 {
            parse_ipv6(address)?;
        }
        return Err(
            "invalid CIDR: expected an address before the slash; a path needs its scheme, https://host/path"
                .into(),
        );
    };
    if length.contains(':') {
        return Err(port_not_allowed("CIDR"));
    }
    let max = if ip.is_ipv4() { 32 } else { 128 };
    // `u8::from_str` accepts a leading '+'.
    let digits = length.bytes().all(|b| b.is_ascii_digit());
    let network = length
        .parse()
        .ok()
        .filter(|_| digits)
        .and_then(|length| IpNet::new(ip, length).ok())
        .ok_or_else(|| format!("invalid CIDR mask: expected /0 to /{max}"))?;
    let range = HostRange::between(network.network(), network.broadcast())?;
    let warning = (network.addr() != network.network()).then(|| {
        format!(
            "{network} has host bits set; using its network {}",
            network.trunc()
        )
    });
    Ok((range, warning))
}

fn port_not_allowed(what: &str) -> Problem {
    format!("unexpected port after a {what}: write ports=PORT after it instead").into()
}

/// A range, `10.0.0.10-10.0.0.40`, `10.0.0.10-40` or two IPv6 addresses. `None` if the text is not
/// a range: host names contain hyphens too.
pub(super) fn range(text: &str) -> Option<Result<HostRange, Problem>> {
    let (first, last) = text.split_once('-')?;
    let numeric = last
        .chars()
        .all(|c| c.is_ascii_digit() || matches!(c, '.' | ':'));
    match first.parse::<IpAddr>() {
        Ok(first) if first.is_ipv6() || numeric || last.parse::<IpAddr>().is_ok() => {
            Some(parse_range(first, last))
        }
        _ => None,
    }
}

fn parse_range(first: IpAddr, last: &str) -> Result<HostRange, Problem> {
    let end = match (first, last.parse::<IpAddr>()) {
        (_, Ok(end)) => end,
        (IpAddr::V4(start), Err(_)) if !last.contains(':') => {
            let [a, b, c, _] = start.octets();
            let canonical = last == "0" || !last.starts_with('0');
            let octet = last
                .parse()
                .ok()
                .filter(|_| canonical && !last.contains('.'))
                .ok_or("invalid end of range: expected an address or a last octet from 0 to 255")?;
            Ipv4Addr::new(a, b, c, octet).into()
        }
        (IpAddr::V4(_), Err(_)) => return Err(port_not_allowed("range")),
        (IpAddr::V6(_), Err(_)) => {
            return Err("invalid end of range: write both IPv6 addresses in full".into());
        }
    };
    HostRange::between(first, end)
}
