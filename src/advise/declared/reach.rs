//! From where an endpoint can be reached: what is declared, and from where and at which address it answered.

use std::net::IpAddr;

use ipnet::IpNet;

use super::identity::Another;
use crate::config::ScanConfig;
use crate::model::{
    ComparedFact, ComparisonResult, Declared, DeclaredEndpoint, DeclaredFact, Observation,
    is_private, is_public,
};
use crate::wording::plural;

/// The addresses that servers see of this machine, as far as they are known.
#[derive(Debug, Clone, Default)]
pub(crate) struct Egress {
    /// Those of `--egress-address`.
    given: Vec<IpAddr>,
    /// Whether a proxy connects, so that the local address is not the one that servers see.
    is_proxied: bool,
}

impl Egress {
    /// The addresses that a configuration gives.
    pub(crate) fn new(config: &ScanConfig) -> Self {
        Self {
            given: config.egress_addresses.clone(),
            is_proxied: config.proxy.is_some(),
        }
    }

    /// The address that the server saw; `None` if that is not known.
    fn of(&self, observation: &Observation) -> Option<IpAddr> {
        let peer = observation.endpoint.address();
        let is_of_family = |one: &&IpAddr| peer.is_none_or(|peer| peer.is_ipv4() == one.is_ipv4());
        let given = self.given.iter().find(is_of_family).copied();
        let local = observation.local_address.filter(|_| !self.is_proxied);
        given.or(local.filter(|local| is_public(*local)))
    }
}

/// `None` if the inventory could not say anything about it, because it does not describe clusters of a service, or if
/// nothing answered.
pub(super) fn compare(
    declared: &Declared,
    observation: &Observation,
    egress: &Egress,
    another: Option<&Another>,
) -> Option<ComparedFact> {
    let answered = observation.handshakes > 0 || observation.replies().next().is_some();
    let is_declared = declared.endpoint.is_some() || declared.authorized_networks.is_some();
    if !answered || (!is_declared && declared.provider.is_none()) {
        return None;
    }
    let address = observation.endpoint.address().map(|address| address.ip());
    let (result, sentence) = if !is_declared {
        (ComparisonResult::NotCompared, undeclared(address))
    } else if let Some(another) = another {
        let sentence = format!("{}; {another}", declaration(declared));
        (ComparisonResult::NotCompared, sentence)
    } else if declared.endpoint == Some(DeclaredEndpoint::Private) {
        private(address)
    } else {
        restricted(declared, address, egress.of(observation))
    };
    Some(ComparedFact::new(DeclaredFact::Reach, result, sentence))
}

/// What is declared, in words.
fn declaration(declared: &Declared) -> String {
    if declared.endpoint == Some(DeclaredEndpoint::Private) {
        return "private declared".to_owned();
    }
    let networks = declared.networks_text();
    networks.map_or_else(
        || "public declared".to_owned(),
        |networks| format!("open to {networks} declared"),
    )
}

/// Nothing is said of who may reach it, so nothing is confirmed.
fn undeclared(address: Option<IpAddr>) -> String {
    let observed = match address {
        None => "it answers; the proxy resolved the name, so the address is not known".to_owned(),
        Some(address) if is_public(address) => {
            format!("it answers at {address}, which is not a private address")
        }
        Some(address) => format!("it answers at {address}, which is not public"),
    };
    format!("not declared; observed: {observed}")
}

fn private(address: Option<IpAddr>) -> (ComparisonResult, String) {
    match address {
        None => (
            ComparisonResult::NotCompared,
            "private declared; not compared: the proxy resolved the name, so the address is not known"
                .to_owned(),
        ),
        Some(address) if is_public(address) => (
            ComparisonResult::Differs,
            format!("private declared, and it answers at {address}, which is not a private address"),
        ),
        Some(address) => (
            ComparisonResult::Confirmed,
            format!("private declared, and it answers at {address}, which is not public"),
        ),
    }
}

/// A public endpoint, which may be restricted to some networks.
fn restricted(
    declared: &Declared,
    address: Option<IpAddr>,
    egress: Option<IpAddr>,
) -> (ComparisonResult, String) {
    let declaration = declaration(declared);
    let admits_everybody = match address {
        Some(address) => declared.admits_all(address.is_ipv4()),
        None => declared.admits_all(true) && declared.admits_all(false),
    };
    if declared.authorized_networks.is_none() || admits_everybody {
        let sentence = format!("{declaration}, and it answers");
        return (ComparisonResult::Confirmed, sentence);
    }
    let not_compared = |why: &str| {
        let sentence = format!("{declaration}; not compared: {why}");
        (ComparisonResult::NotCompared, sentence)
    };
    if let Some(inside) = address.filter(|address| is_private(*address)) {
        return not_compared(&format!("it answers at {inside}, a private address"));
    }
    let is_admitted = |egress: &IpAddr| declared.admits(*egress) == Some(true);
    if let Some(egress) = egress.filter(is_admitted) {
        let sentence = format!("{declaration}, and it answers {egress}, which is admitted");
        return (ComparisonResult::Confirmed, sentence);
    }
    if declared.unread_networks > 0 {
        let unread = plural(declared.unread_networks.into(), "network", "networks");
        return not_compared(&format!("{unread} could not be read"));
    }
    match declared.admits_provider {
        Some(false) => {}
        Some(true) => {
            return not_compared("the provider's own public addresses are admitted too");
        }
        None => {
            return not_compared(
                "whether the provider's own public addresses are admitted is not declared",
            );
        }
    }
    if admits_own_outbound(declared) {
        return not_compared("0.0.0.0/32 admits the cluster's own outbound addresses");
    }
    match egress {
        None => not_compared("this machine's public address is not known"),
        Some(egress) => {
            let sentence = format!("{declaration}, and it answers {egress}, which is not admitted");
            (ComparisonResult::Differs, sentence)
        }
    }
}

/// Whether a network stands for the addresses from which the cluster itself goes out: on AKS, `0.0.0.0/32`.
fn admits_own_outbound(declared: &Declared) -> bool {
    let own = IpNet::from(IpAddr::from([0, 0, 0, 0]));
    let networks = declared.authorized_networks.as_deref().unwrap_or_default();
    declared.provider.as_deref() == Some("aks") && networks.contains(&own)
}
