//! Which addresses of a name are asked: none that is excluded or not allowed, no special address that only a name server
//! mentions, and no more than the limit for one name.

use std::net::IpAddr;

use crate::config::{MAX_ADDRESSES, Order, ScanConfig};
use crate::model::{Host, LeftOut, LeftOutReason, Target, special};
use crate::resolve::Resolved;
use crate::targets::{Permutation, TargetSet};

/// Selects addresses as configured.
pub(super) struct Selection {
    allow_special: bool,
    seed: u64,
}

impl Selection {
    pub(super) fn new(config: &ScanConfig) -> Self {
        Self {
            allow_special: config.allow_special,
            seed: match config.order {
                Order::Seeded(seed) => seed,
                Order::Sequential => 0,
            },
        }
    }

    /// The addresses to ask, in order, and those that are not asked. `scope` is the set that the target is
    /// from.
    pub(super) fn of(
        &self,
        target: &Target,
        resolved: Resolved,
        scope: Option<&TargetSet>,
    ) -> (Vec<IpAddr>, Vec<LeftOut>) {
        let mut left_out = Vec::new();
        let mut leave_out =
            |why, count, example: String| LeftOut::new(why, count, example).add_to(&mut left_out);
        if let Some(failure) = resolved.partial_failure {
            leave_out(LeftOutReason::HalfResolved, 1, failure.to_string());
        }
        let excluded_alias = resolved.aliases.iter().find(|alias| {
            scope.is_some_and(|set| set.exclusions().excludes_name(alias, target.port))
        });
        let mut asked = Vec::new();
        for address in resolved.addresses {
            if let Some(alias) = excluded_alias {
                let example = format!("{address}, by the alias {alias}");
                leave_out(LeftOutReason::ExcludedAddress, 1, example);
            } else if is_excluded(address, target.port, scope) {
                leave_out(LeftOutReason::ExcludedAddress, 1, address.to_string());
            } else if !allows(target, address, scope) {
                leave_out(LeftOutReason::OutsideAllow, 1, address.to_string());
            } else if let Some(kind) = self.special(address, resolved.is_local, scope) {
                leave_out(
                    LeftOutReason::SpecialAddress,
                    1,
                    format!("{address}, {kind}"),
                );
            } else {
                asked.push(address);
            }
        }
        let found = asked.len();
        if found > MAX_ADDRESSES {
            asked = self.drawn(&asked);
            let count = (found - MAX_ADDRESSES) as u64;
            let example = format!("{MAX_ADDRESSES} of {found} are asked, drawn by the seed");
            leave_out(LeftOutReason::BeyondLimit, count, example);
        }
        for left_out in &left_out {
            tracing::info!(%target, "not asked: {}", left_out.text());
        }
        (asked, left_out)
    }

    /// The kind of special address, if the address is left out because of it.
    fn special(
        &self,
        address: IpAddr,
        is_local: bool,
        scope: Option<&TargetSet>,
    ) -> Option<&'static str> {
        // In a hosts file, 0.0.0.0 blocks a name.
        let is_wanted_here = is_local && !address.is_unspecified();
        let is_wanted = self.allow_special
            || is_wanted_here
            || scope.is_some_and(|set| set.has_special_address(address));
        special(address).filter(|_| !is_wanted)
    }

    /// Draws [`MAX_ADDRESSES`] addresses and keeps their order. The first ones would be the choice of the
    /// name server.
    fn drawn(&self, addresses: &[IpAddr]) -> Vec<IpAddr> {
        let draw = Permutation::new(addresses.len() as u64, self.seed);
        let positions = (0..MAX_ADDRESSES as u64)
            .filter_map(|position| usize::try_from(draw.nth(position)).ok());
        let mut positions: Vec<usize> = positions.collect();
        positions.sort_unstable();
        positions
            .into_iter()
            .filter_map(|position| addresses.get(position).copied())
            .collect()
    }
}

/// The addresses without those of a family that this machine has no route for, if it has one for the
/// other family.
pub(super) fn routable(
    addresses: Vec<IpAddr>,
    left_out: &mut Vec<LeftOut>,
    has_route: impl Fn(IpAddr) -> bool,
) -> Vec<IpAddr> {
    let (v4, v6): (Vec<IpAddr>, Vec<IpAddr>) =
        addresses.iter().partition(|address| address.is_ipv4());
    if v4.is_empty() || v6.is_empty() {
        return addresses;
    }
    let is_routable = |family: &[IpAddr]| family.iter().any(|address| has_route(*address));
    let (kept, dropped) = match (is_routable(&v4), is_routable(&v6)) {
        (true, false) => (v4, v6),
        (false, true) => (v6, v4),
        _ => return addresses,
    };
    for address in dropped {
        LeftOut::new(LeftOutReason::UnroutableAddress, 1, address.to_string()).add_to(left_out);
    }
    kept
}

/// Whether the set excludes an address.
fn is_excluded(address: IpAddr, port: u16, scope: Option<&TargetSet>) -> bool {
    scope.is_some_and(|set| set.exclusions().excludes_address(address, port))
}

/// Whether the set allows to ask an address of a name.
fn allows(target: &Target, address: IpAddr, scope: Option<&TargetSet>) -> bool {
    scope.is_none_or(|set| set.allows(target, address))
}

/// The outcome of an IPv6 target that leads to an excluded IPv4 address. Targets that are excluded as
/// written are not in the set.
pub(super) fn excluded(target: &Target, scope: Option<&TargetSet>) -> Option<LeftOut> {
    match target.host {
        Host::Ip(address @ IpAddr::V6(_)) if is_excluded(address, target.port, scope) => Some(
            LeftOut::new(LeftOutReason::ExcludedAddress, 1, address.to_string()),
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::Arc;

    use super::*;
    use crate::model::FailureKind;
    use crate::resolve::PartialFailure;
    use crate::targets::{TargetOptions, TargetSetBuilder};

    const NAME: &str = "api.example:6443";

    fn resolved(addresses: &[&str]) -> Resolved {
        let addresses = addresses
            .iter()
            .map(|address| address.parse().unwrap())
            .collect();
        Resolved {
            addresses,
            aliases: Arc::default(),
            is_local: false,
            partial_failure: None,
        }
    }

    /// The addresses of the name that are asked beside other targets and exclusions, and those that are not.
    fn select(
        resolved: Resolved,
        others: &[&str],
        exclusions: &[&str],
        allow_special: bool,
    ) -> (String, String) {
        let mut builder = TargetSetBuilder::new(TargetOptions::default());
        for target in [&[NAME], others].concat() {
            builder.argument(target);
        }
        for exclusion in exclusions {
            builder.exclude(exclusion);
        }
        let set = builder.build().unwrap();
        let selection = Selection::new(&ScanConfig {
            allow_special,
            ..ScanConfig::default()
        });
        let (asked, left_out) = selection.of(&set.get(0).unwrap(), resolved, Some(&set));
        let asked: Vec<String> = asked.iter().map(ToString::to_string).collect();
        let left_out = left_out.iter().map(|left_out| {
            format!(
                "{} {} {:?}",
                left_out.count,
                left_out.why.as_str(),
                left_out.examples
            )
        });
        (asked.join(" "), left_out.collect::<Vec<_>>().join(", "))
    }

    #[test]
    fn a_name_server_leads_to_no_special_address() {
        let all = [
            "10.0.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "64:ff9b::7f00:1",
            "fe80::1",
        ];
        let (asked, left_out) = select(resolved(&all), &[], &[], false);
        assert_eq!(asked, "10.0.0.1");
        assert_eq!(
            left_out,
            "4 special-address {\"127.0.0.1, loopback\", \"169.254.169.254, cloud metadata\", \
             \"64:ff9b::7f00:1, loopback\", \"fe80::1, link-local\"}"
        );
        assert_eq!(
            select(resolved(&all), &[], &[], true),
            (all.join(" "), String::new())
        );
    }

    #[test]
    fn special_addresses_that_the_user_gave_are_asked() {
        let loopback = || resolved(&["127.0.0.1", "127.0.0.2"]);
        let asked = |others: &[&str]| select(loopback(), others, &[], false).0;
        assert_eq!(asked(&["127.0.0.1:10250"]), "127.0.0.1");
        assert_eq!(asked(&["127.0.0.0/30"]), "127.0.0.1 127.0.0.2");
        assert_eq!(asked(&["126.255.255.0-127.0.0.1"]), "127.0.0.1");
        assert_eq!(asked(&["[::ffff:127.0.0.2]:6443"]), "127.0.0.2");
        assert_eq!(asked(&["127.0.0.3"]), "");
        // From the hosts file, where 0.0.0.0 blocks.
        let hosts = Resolved {
            is_local: true,
            ..resolved(&["0.0.0.0", "127.0.0.1", "::"])
        };
        let (asked, left_out) = select(hosts, &[], &[], false);
        assert_eq!(asked, "127.0.0.1");
        assert!(left_out.starts_with("2 special-address"), "{left_out}");
        // By the IPv4 address inside the IPv6 address.
        let nat64 = || resolved(&["64:ff9b::7f00:1"]);
        assert_eq!(
            select(nat64(), &["[64:ff9b::7f00:1]:6443"], &[], false).0,
            "64:ff9b::7f00:1"
        );
        assert_eq!(select(nat64(), &["127.0.0.1"], &[], false).0, "");
    }

    #[test]
    fn exclusions_hold_for_every_form_of_an_address_and_for_aliases() {
        let forms = [
            "198.51.100.7",
            "64:ff9b::c633:6407",
            "64:ff9b:1::c633:6407",
            "2002:c633:6407::1",
            "::c633:6407",
            "198.51.100.8",
        ];
        let (asked, left_out) = select(resolved(&forms), &[], &["198.51.100.7"], true);
        assert_eq!(asked, "198.51.100.8");
        assert!(left_out.starts_with("5 excluded-address"), "{left_out}");
        let chain = || Resolved {
            aliases: ["hop.example".into(), "db.corp.example".into()].into(),
            ..resolved(&["10.0.0.1", "10.0.0.2"])
        };
        let (asked, left_out) = select(chain(), &[], &["DB.corp.example."], false);
        assert_eq!(asked, "");
        assert!(left_out.starts_with("2 excluded-address"), "{left_out}");
        assert_eq!(
            select(chain(), &[], &["db.corp.example:443"], false).0,
            "10.0.0.1 10.0.0.2"
        );
    }

    #[test]
    fn the_seed_draws_among_too_many_addresses() {
        let many: Vec<IpAddr> = (0..1000_u32)
            .map(|host| Ipv4Addr::from_bits(0x0a00_0000 + host).into())
            .collect();
        let asked = |seed, special: u32| {
            let config = ScanConfig {
                order: Order::Seeded(seed),
                ..ScanConfig::default()
            };
            let loopback = (0..special).map(|host| Ipv4Addr::from_bits(0x7f00_0000 + host).into());
            let addresses = many.iter().copied().chain(loopback).collect();
            let mut builder = TargetSetBuilder::new(TargetOptions::default());
            builder.argument(NAME);
            let set = builder.build().unwrap();
            Selection::new(&config).of(
                &set.get(0).unwrap(),
                Resolved {
                    addresses,
                    ..resolved(&[])
                },
                Some(&set),
            )
        };
        let (first, left_out) = asked(1, 0);
        assert_eq!(first.len(), MAX_ADDRESSES);
        assert!(first.is_sorted() && first.iter().all(|address| many.contains(address)));
        assert_ne!(first, many[..MAX_ADDRESSES]);
        assert_eq!(asked(1, 0).0, first);
        assert_ne!(asked(2, 0).0, first);
        let [left] = left_out.as_slice() else {
            panic!("{left_out:?}")
        };
        assert_eq!((left.why, left.count), (LeftOutReason::BeyondLimit, 936));
        assert!(left.text().contains("64 of 1000"), "{}", left.text());
        // Addresses that may not be asked do not use up the limit.
        assert_eq!(asked(1, 3000).0, first);
    }

    #[test]
    fn a_failed_question_is_reported() {
        let failure = PartialFailure::IPv6(FailureKind::ResolverTimedOut);
        let half = Resolved {
            partial_failure: Some(failure),
            ..resolved(&["10.0.0.1"])
        };
        let (asked, left_out) = select(half, &[], &[], false);
        assert_eq!(
            (asked.as_str(), left_out.as_str()),
            ("10.0.0.1", "1 half-resolved {\"AAAA: resolver timed out\"}")
        );
    }

    #[test]
    fn a_family_without_a_route_is_left_out_beside_one_with_a_route() {
        let all = ["192.0.2.1", "192.0.2.2", "2001:db8::1"];
        for (found, routes, asked, left) in [
            (&all[..], &["192.0.2.1"][..], &all[..2], &all[2..]),
            (&all, &["2001:db8::1"], &all[2..], &all[..2]),
            // No family has a route: each address reports that.
            (&all, &[], &all, &[]),
            (&all, &["192.0.2.2", "2001:db8::1"], &all, &[]),
            (&all[..2], &["192.0.2.1"], &all[..2], &[]),
        ] {
            let mut left_out = Vec::new();
            let has_route = |address: IpAddr| routes.contains(&address.to_string().as_str());
            let found = resolved(found).addresses;
            let kept = routable(found, &mut left_out, has_route);
            assert_eq!(kept, resolved(asked).addresses, "{routes:?}");
            let left_out: Vec<(u64, Vec<String>)> = left_out
                .iter()
                .map(|left_out| {
                    assert_eq!(left_out.why, LeftOutReason::UnroutableAddress);
                    (left_out.count, left_out.examples.iter().cloned().collect())
                })
                .collect();
            let expected = (!left.is_empty()).then(|| {
                (
                    left.len() as u64,
                    left.iter().map(|one| (*one).to_owned()).collect(),
                )
            });
            assert_eq!(
                left_out,
                expected.into_iter().collect::<Vec<_>>(),
                "{routes:?}"
            );
        }
    }
}
