//! Special addresses, to which no name of a cluster resolves on purpose, and IPv4 addresses inside IPv6 addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

const fn v4(octets: [u8; 4], length: u8) -> IpNet {
    let [a, b, c, d] = octets;
    IpNet::new_assert(IpAddr::V4(Ipv4Addr::new(a, b, c, d)), length)
}

const fn v6(bits: u128, length: u8) -> IpNet {
    IpNet::new_assert(IpAddr::V6(Ipv6Addr::from_bits(bits)), length)
}

const UNSPECIFIED: &str = "unspecified";
const LOOPBACK: &str = "loopback";
const LINK_LOCAL: &str = "link-local";
const METADATA: &str = "cloud metadata";
const MULTICAST: &str = "multicast";

/// The special addresses and their kinds; a narrower block comes first.
const BLOCKS: [(IpNet, &str); 15] = [
    // AWS, Azure, Google Cloud, Oracle Cloud and others.
    (v4([169, 254, 169, 254], 32), METADATA),
    // Alibaba Cloud.
    (v4([100, 100, 100, 200], 32), METADATA),
    // The platform's own server on every machine of Azure.
    (v4([168, 63, 129, 16], 32), METADATA),
    // AWS.
    (v6(0xfd00_0ec2_0000_0000_0000_0000_0000_0254, 128), METADATA),
    // Google Cloud.
    (v6(0xfd20_00ce_0000_0000_0000_0000_0000_0254, 128), METADATA),
    (v4([0, 0, 0, 0], 8), UNSPECIFIED),
    (v4([127, 0, 0, 0], 8), LOOPBACK),
    (v4([169, 254, 0, 0], 16), LINK_LOCAL),
    (v4([224, 0, 0, 0], 4), MULTICAST),
    (v4([255, 255, 255, 255], 32), "broadcast"),
    (v4([240, 0, 0, 0], 4), "reserved"),
    (v6(0, 128), UNSPECIFIED),
    (v6(1, 128), LOOPBACK),
    (v6(0xfe80 << 112, 10), LINK_LOCAL),
    (v6(0xff00 << 112, 8), MULTICAST),
];

/// What kind of special address it is, by itself or by the IPv4 address inside it; `None` for an ordinary address.
///
/// A connection to a special address reaches this machine, its network or its cloud, and not the owner of the name that
/// resolved to it.
pub fn special(address: IpAddr) -> Option<&'static str> {
    let kind = |address: IpAddr| {
        BLOCKS
            .iter()
            .find(|(block, _)| block.contains(&address))
            .map(|(_, kind)| *kind)
    };
    kind(address.to_canonical()).or_else(|| kind(IpAddr::V4(embedded_v4(address)?)))
}

/// Whether an address belongs to a private network, or to one that the customers of a provider share (100.64.0.0/10).
pub fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            address.is_private() || (first == 100 && second & 0xc0 == 64)
        }
        IpAddr::V6(address) => address.is_unique_local(),
    }
}

/// Whether an address may be reachable from the Internet: it is neither private nor special.
pub fn is_public(address: IpAddr) -> bool {
    let inside = embedded_v4(address).map(IpAddr::V4);
    !is_private(address) && !inside.is_some_and(is_private) && special(address).is_none()
}

/// The blocks of special addresses.
pub(crate) fn special_blocks() -> impl Iterator<Item = IpNet> {
    BLOCKS.iter().map(|(block, _)| *block)
}

/// The IPv4 address to which packets for this IPv6 address are carried: IPv4-mapped, NAT64
/// (RFC 6052, RFC 8215), 6to4 (RFC 3056) and IPv4-compatible (RFC 4291) addresses have one.
pub fn embedded_v4(address: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(v6) = address else { return None };
    if v6.is_loopback() || v6.is_unspecified() {
        return None;
    }
    let octets = v6.octets();
    let at = |places: [usize; 4]| Some(Ipv4Addr::from(places.map(|place| octets[place])));
    match octets {
        [0, 0x64, 0xff, 0x9b, 0, 1, ..] => at(local_nat64(&octets)),
        [0x20, 0x02, ..] => at([2, 3, 4, 5]),
        [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, ..]
        | [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ..]
        | [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ..] => at([12, 13, 14, 15]),
        _ => None,
    }
}

/// The positions of the IPv4 address in an address of `64:ff9b:1::/48`. Each network chooses the length of its
/// prefix; the octets after the IPv4 address are zero, which shows the length.
fn local_nat64(octets: &[u8; 16]) -> [usize; 4] {
    let zero_from =
        |place: usize| octets[8] == 0 && octets[place..].iter().all(|octet| *octet == 0);
    if zero_from(11) {
        [6, 7, 9, 10]
    } else if zero_from(12) {
        [7, 9, 10, 11]
    } else if zero_from(13) {
        [9, 10, 11, 12]
    } else {
        [12, 13, 14, 15]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(address: &str) -> Option<&'static str> {
        special(address.parse().unwrap())
    }

    #[test]
    fn special_addresses() {
        for (address, expected) in [
            ("0.0.0.0", UNSPECIFIED),
            ("0.1.2.3", UNSPECIFIED),
            ("127.0.0.1", LOOPBACK),
            ("127.255.0.9", LOOPBACK),
            ("169.254.0.1", LINK_LOCAL),
            ("169.254.169.254", METADATA),
            ("100.100.100.200", METADATA),
            ("168.63.129.16", METADATA),
            ("224.0.0.1", MULTICAST),
            ("240.0.0.1", "reserved"),
            ("255.255.255.255", "broadcast"),
            ("::", UNSPECIFIED),
            ("::1", LOOPBACK),
            ("fe80::1", LINK_LOCAL),
            ("ff02::1", MULTICAST),
            ("fd00:ec2::254", METADATA),
            ("fd20:ce::254", METADATA),
        ] {
            assert_eq!(kind(address), Some(expected), "{address}");
        }
    }

    /// A scan may have these targets: a node, a service, a private network.
    #[test]
    fn ordinary_addresses() {
        for address in [
            "10.96.0.1",
            "172.16.0.1",
            "192.168.49.2",
            "100.64.0.1",
            "198.51.100.7",
            "192.0.2.255",
            "1.1.1.1",
            "fd00::1",
            "fd00:ec2::253",
            "2001:db8::1",
            "64:ff9b::a60:1",
            "2002:c633:6407::1",
            "::ffff:10.0.0.1",
        ] {
            assert_eq!(kind(address), None, "{address}");
        }
    }

    #[test]
    fn a_public_address_is_neither_private_nor_special() {
        for (address, private, public) in [
            ("198.51.100.7", false, true),
            ("2001:db8::1", false, true),
            ("10.0.0.1", true, false),
            ("100.64.0.1", true, false),
            ("100.128.0.1", false, true),
            ("172.31.0.1", true, false),
            ("fd00::1", true, false),
            ("::ffff:192.168.0.1", true, false),
            ("64:ff9b::a00:1", false, false),
            ("127.0.0.1", false, false),
            ("169.254.169.254", false, false),
        ] {
            let parsed: IpAddr = address.parse().unwrap();
            assert_eq!(
                (is_private(parsed), is_public(parsed)),
                (private, public),
                "{address}"
            );
        }
    }

    #[test]
    fn an_ipv4_address_is_known_inside_an_ipv6_one() {
        let inside = |address: &str| embedded_v4(address.parse().unwrap()).map(|v4| v4.to_string());
        for (address, expected) in [
            ("::ffff:169.254.169.254", "169.254.169.254"),
            ("64:ff9b::a9fe:a9fe", "169.254.169.254"),
            ("64:ff9b:1::a9fe:a9fe", "169.254.169.254"),
            ("64:ff9b:1:ffff:ffff:ffff:a9fe:a9fe", "169.254.169.254"),
            // RFC 6052, 2.2: prefixes of 48, 56 and 64 bits.
            ("64:ff9b:1:a9fe:a9:fe00::", "169.254.169.254"),
            ("64:ff9b:1:a9:fe:a9fe::", "169.254.169.254"),
            ("64:ff9b:1:22:a9:fea9:fe00:0", "169.254.169.254"),
            ("2002:7f00:1::1", "127.0.0.1"),
            ("::7f00:1", "127.0.0.1"),
        ] {
            assert_eq!(inside(address).as_deref(), Some(expected), "{address}");
            assert!(kind(address).is_some(), "{address}");
        }
        for address in [
            "::",
            "::1",
            "64:ff9b:2::a9fe:a9fe",
            "64:ff9b:0:1::a9fe:a9fe",
            "2001:db8::7f00:1",
            "127.0.0.1",
        ] {
            assert_eq!(inside(address), None, "{address}");
        }
    }
}
