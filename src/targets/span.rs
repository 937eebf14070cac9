//! Addresses in a row: spans as numbers, and the CIDRs and ranges they are written as.
//!
//! A span keeps to one [`Space`]. Names are numbered too, so that one and the same interval
//! arithmetic finds overlaps of addresses and duplicates of names.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::error::Kind;
use super::host::v6;

/// The IPv4-mapped block, `::ffff:0:0/96`.
const MAPPED: (u128, u128) = (0xffff_0000_0000, 0xffff_ffff_ffff);

/// What the numbers of a span stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Space {
    /// IPv4 addresses.
    V4,
    /// IPv6 addresses; never an IPv4-mapped one.
    V6,
    /// Host names, by their number in a table.
    Name,
}

impl Space {
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

/// Numbers from first to last, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) space: Space,
    pub(super) first: u128,
    pub(super) last: u128,
}

impl Span {
    /// One address; an IPv4-mapped one is the IPv4 address.
    pub(super) fn of(address: IpAddr) -> Self {
        let (space, number) = match address.to_canonical() {
            IpAddr::V4(v4) => (Space::V4, u128::from(v4.to_bits())),
            IpAddr::V6(v6) => (Space::V6, v6.to_bits()),
        };
        Self {
            space,
            first: number,
            last: number,
        }
    }

    /// How many there are; `None` for the 2^128 of `::/0`.
    pub(super) const fn count(self) -> Option<u128> {
        (self.last - self.first).checked_add(1)
    }

    fn between(first: IpAddr, last: IpAddr) -> Result<Self, Kind> {
        let (space, first, last) = match (first, last) {
            (IpAddr::V4(a), IpAddr::V4(b)) => (Space::V4, a.to_bits().into(), b.to_bits().into()),
            (IpAddr::V6(a), IpAddr::V6(b)) => (Space::V6, a.to_bits(), b.to_bits()),
            _ => return Err("the range mixes IPv4 and IPv6; write two ranges".into()),
        };
        if first > last {
            return Err("the range is reversed; write the lower address first".into());
        }
        if space == Space::V6 && first <= MAPPED.1 && last >= MAPPED.0 {
            return Err(
                "it holds IPv4-mapped addresses (::ffff:0:0/96); write these as IPv4, for example \
                        192.0.2.0/24"
                    .into(),
            );
        }
        Ok(Self { space, first, last })
    }
}

/// A CIDR: its network, and a remark when it was written with host bits. `None` if `text` has no
/// slash.
pub(super) fn cidr(text: &str) -> Option<Result<(Span, Option<String>), Kind>> {
    let (address, length) = text.split_once('/')?;
    Some(parse_cidr(address, length))
}

fn parse_cidr(address: &str, length: &str) -> Result<(Span, Option<String>), Kind> {
    if address.starts_with('[') {
        return Err(
            "a CIDR is written without brackets, 2001:db8::/64, and a path with its scheme, \
                    https://[2001:db8::1]/path"
                .into(),
        );
    }
    let Ok(ip) = address.parse::<IpAddr>() else {
        if address.matches(':').count() > 1 {
            v6(address)?;
        }
        return Err("it is no CIDR: what stands before the slash is no address; a path needs the scheme in \
                    front, https://host/path"
            .into());
    };
    if length.contains(':') {
        return Err(no_port("CIDR"));
    }
    let most = if ip.is_ipv4() { 32 } else { 128 };
    // `u8::from_str` takes a leading '+'.
    let digits = !length.is_empty() && length.bytes().all(|b| b.is_ascii_digit());
    let network = digits
        .then(|| {
            length
                .parse()
                .ok()
                .and_then(|length| IpNet::new(ip, length).ok())
        })
        .flatten()
        .ok_or_else(|| format!("the mask must be a number from /0 to /{most}"))?;
    let span = Span::between(network.network(), network.broadcast())?;
    let remark = (network.addr() != network.network()).then(|| {
        format!(
            "{network} has host bits; taken as its network {}",
            network.trunc()
        )
    });
    Ok((span, remark))
}

fn no_port(of: &str) -> Kind {
    format!("a {of} takes no :port; write it alone and behind it ports=PORT").into()
}

/// A range, `10.0.0.10-10.0.0.40`, `10.0.0.10-40` or two IPv6 addresses; `None` if it is none: a
/// hyphen stands in host names too.
pub(super) fn range(text: &str) -> Option<Result<Span, Kind>> {
    let (first, last) = text.split_once('-')?;
    let plain = last
        .chars()
        .all(|c| c.is_ascii_digit() || matches!(c, '.' | ':'));
    match first.parse::<IpAddr>() {
        Ok(first) if first.is_ipv6() || plain || last.parse::<IpAddr>().is_ok() => {
            Some(parse_range(first, last))
        }
        _ => None,
    }
}

fn parse_range(first: IpAddr, last: &str) -> Result<Span, Kind> {
    let end = match (first, last.parse::<IpAddr>()) {
        (_, Ok(end)) => end,
        (IpAddr::V4(start), Err(_)) if !last.contains(':') => {
            let [a, b, c, _] = start.octets();
            let canonical = last == "0" || !last.starts_with('0');
            let octet = last
                .parse()
                .ok()
                .filter(|_| canonical && !last.contains('.'));
            let octet =
                octet.ok_or("the end of a range is an address or a last octet from 0 to 255")?;
            Ipv4Addr::new(a, b, c, octet).into()
        }
        (IpAddr::V4(_), Err(_)) => return Err(no_port("range")),
        (IpAddr::V6(_), Err(_)) => return Err("write both ends of an IPv6 range in full".into()),
    };
    Span::between(first, end)
}
