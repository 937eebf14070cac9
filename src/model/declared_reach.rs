//! Who may reach an endpoint, as an inventory declares it: the networks, and how they are said.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{Declared, DeclaredEndpoint};
use crate::wording::{listed, plural};

impl Declared {
    /// From where it is reached, in words; `None` if the inventory does not say it.
    pub(super) fn reach(&self) -> Option<String> {
        let networks = self.networks_text();
        if self.endpoint.is_none() && networks.is_none() {
            return None;
        }
        let reach = (self.endpoint).map_or("endpoint", DeclaredEndpoint::as_str);
        let from = networks.map_or_else(String::new, |networks| format!(", from {networks}"));
        let also = if self.admits_provider == Some(true) {
            ", and from the provider's own addresses"
        } else {
            ""
        };
        Some(format!("{reach}{from}{also}"))
    }

    /// The authorized networks, in words: `any network`, `any IPv4 network`, `198.51.100.0/24`, `3 networks and 1
    /// unreadable network`. `None` if the inventory names none.
    pub(crate) fn networks_text(&self) -> Option<String> {
        let networks = self.authorized_networks.as_deref()?;
        let all = [true, false].map(|is_ipv4| self.admits_all(is_ipv4));
        let mut parts: Vec<String> = match all {
            [true, true] => vec!["any network".to_owned()],
            [true, false] => vec!["any IPv4 network".to_owned()],
            [false, true] => vec!["any IPv6 network".to_owned()],
            [false, false] => Vec::new(),
        };
        let others = networks
            .iter()
            .filter(|network| !all[usize::from(!is_ipv4(network))]);
        match others.collect::<Vec<_>>().as_slice() {
            [] => {}
            [one] => parts.push(one.to_string()),
            several => parts.push(plural(several.len() as u64, "network", "networks")),
        }
        if self.unread_networks > 0 {
            let count = self.unread_networks.into();
            parts.push(plural(count, "unreadable network", "unreadable networks"));
        }
        if parts.is_empty() {
            parts.push("no network".to_owned());
        }
        Some(listed(parts.iter().map(String::as_str)))
    }

    /// Whether the authorized networks contain this address; `None` if the inventory names none.
    pub fn admits(&self, address: IpAddr) -> Option<bool> {
        let networks = self.authorized_networks.as_deref()?;
        let address = address.to_canonical();
        Some(networks.iter().any(|network| network.contains(&address)))
    }

    /// Whether the authorized networks contain none of these addresses, so that the endpoint may be silent. An address of
    /// a family without a network tells nothing.
    pub(crate) fn shuts_out(&self, addresses: &[IpAddr]) -> bool {
        let Some(networks) = self.authorized_networks.as_deref() else {
            return false;
        };
        let is_compared = |address: &&IpAddr| {
            networks.is_empty() || networks.iter().any(|one| is_ipv4(one) == address.is_ipv4())
        };
        let mut compared = addresses.iter().filter(is_compared).peekable();
        self.unread_networks == 0
            && compared.peek().is_some()
            && compared.all(|address| self.admits(*address) == Some(false))
    }

    /// Whether the authorized networks contain every address of a family.
    pub(crate) fn admits_all(&self, of_ipv4: bool) -> bool {
        let networks = self.authorized_networks.as_deref().unwrap_or_default();
        (admitted(networks).iter())
            .any(|network| network.prefix_len() == 0 && is_ipv4(network) == of_ipv4)
    }

    /// Whether two inventories admit the same addresses, in every family of which both list networks. Services list
    /// networks of IPv6 only where the endpoint has such an address.
    pub(super) fn admits_like(&self, other: &Self) -> bool {
        let [ours, theirs] =
            [self, other].map(|one| one.authorized_networks.as_deref().unwrap_or_default());
        let provider = self.admits_provider.zip(other.admits_provider);
        let is_provider_alike = provider.is_none_or(|(ours, theirs)| ours == theirs);
        if ours.is_empty() && theirs.is_empty() {
            return is_provider_alike;
        }
        let family = |of_ipv4| {
            let [ours, theirs] = [ours, theirs].map(|networks| {
                let of_family: Vec<IpNet> = (networks.iter().copied())
                    .filter(|network| is_ipv4(network) == of_ipv4)
                    .collect();
                admitted(&of_family)
            });
            (!ours.is_empty() && !theirs.is_empty()).then(|| ours == theirs)
        };
        let families: Vec<bool> = [true, false].into_iter().filter_map(family).collect();
        let is_provider_alike =
            is_provider_alike || (self.admits_all(true) && other.admits_all(true));
        !families.is_empty() && families.into_iter().all(|alike| alike) && is_provider_alike
    }
}

/// The fewest networks with the same addresses, sorted.
pub(super) fn admitted(networks: &[IpNet]) -> Vec<IpNet> {
    let mut fewest = IpNet::aggregate(&networks.to_vec());
    fewest.sort_unstable();
    fewest
}

const fn is_ipv4(network: &IpNet) -> bool {
    matches!(network, IpNet::V4(_))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn an_address_is_admitted_by_a_network_that_contains_it() {
        let mut declared = Declared::default();
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(declared.admits(address("198.51.100.7")), None);
        declared.authorized_networks = Some([IpNet::from(address("198.51.100.7"))].into());
        assert_eq!(declared.admits(address("198.51.100.7")), Some(true));
        assert_eq!(declared.admits(address("::ffff:198.51.100.7")), Some(true));
        assert_eq!(declared.admits(address("198.51.100.8")), Some(false));
        declared.authorized_networks = Some(Arc::default());
        assert_eq!(declared.admits(address("198.51.100.7")), Some(false));
    }

    fn from(networks: &[&str]) -> Declared {
        Declared {
            authorized_networks: Some(networks.iter().map(|one| one.parse().unwrap()).collect()),
            ..Declared::default()
        }
    }

    #[test]
    fn an_endpoint_may_be_silent_that_shuts_out_every_given_address() {
        let one = from(&["198.51.100.0/24"]);
        let unread = Declared {
            unread_networks: 1,
            ..one.clone()
        };
        for (declared, addresses, shut_out) in [
            (&one, &["203.0.113.9"][..], true),
            (&one, &["198.51.100.9"], false),
            (&one, &["203.0.113.9", "2001:db8::9"], true),
            (&one, &["2001:db8::9"], false),
            (&one, &[], false),
            (&unread, &["203.0.113.9"], false),
            (&from(&[]), &["203.0.113.9"], true),
            (&from(&["0.0.0.0/0"]), &["203.0.113.9"], false),
            (&Declared::default(), &["203.0.113.9"], false),
        ] {
            let given: Vec<IpAddr> = addresses.iter().map(|one| one.parse().unwrap()).collect();
            assert_eq!(
                declared.shuts_out(&given),
                shut_out,
                "{declared:?} {given:?}"
            );
        }
    }

    #[test]
    fn everybody_is_said_for_each_family() {
        for (networks, unread, said) in [
            (&["0.0.0.0/0", "::/0"][..], 0, "any network"),
            (&["0.0.0.0/1", "128.0.0.0/1", "::/0"], 0, "any network"),
            (&["0.0.0.0/0"], 0, "any IPv4 network"),
            (&["::/0"], 0, "any IPv6 network"),
            (
                &["::/0", "198.51.100.0/24"],
                0,
                "any IPv6 network and 198.51.100.0/24",
            ),
            (&["192.0.2.0/24", "198.51.100.0/24"], 0, "2 networks"),
            (&[], 0, "no network"),
            (&[], 1, "1 unreadable network"),
            (
                &["192.0.2.0/24"],
                2,
                "192.0.2.0/24 and 2 unreadable networks",
            ),
        ] {
            let declared = Declared {
                unread_networks: unread,
                ..from(networks)
            };
            assert_eq!(declared.networks_text().as_deref(), Some(said));
        }
    }

    #[test]
    fn networks_are_alike_that_admit_the_same() {
        for (one, other, alike) in [
            (&["0.0.0.0/0", "::/0"][..], &["0.0.0.0/0"][..], true),
            (&["192.0.2.0/25", "192.0.2.128/25"], &["192.0.2.0/24"], true),
            (&["192.0.2.7/24"], &["192.0.2.0/24"], true),
            (&[], &[], true),
            (&["192.0.2.0/24"], &["198.51.100.0/24"], false),
            (&["0.0.0.0/0"], &["::/0"], false),
            (&[], &["192.0.2.0/24"], false),
            (
                &["192.0.2.0/24", "2001:db8::/32"],
                &["192.0.2.0/24", "::/0"],
                false,
            ),
        ] {
            let (left, right) = (from(one), from(other));
            assert_eq!(left.admits_like(&right), alike, "{one:?} {other:?}");
            assert_eq!(right.admits_like(&left), alike, "{other:?} {one:?}");
        }
    }
}
