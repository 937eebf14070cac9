//! Random lists, compared with a model that lists every target.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;

/// The hosts of a specification or an exclusion, in a universe of 64 IPv4 and 64 IPv6 addresses
/// and three names.
#[derive(Debug, Clone)]
enum Who {
    One(bool, u8),
    Cidr(bool, u8, u8),
    Range(bool, u8, u8),
    Name(u8),
}

fn address(v6: bool, n: u8) -> IpAddr {
    if v6 {
        Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, n.into()).into()
    } else {
        Ipv4Addr::new(192, 0, 2, n).into()
    }
}

impl Who {
    fn text(&self) -> String {
        match *self {
            Self::One(v6, n) => address(v6, n).to_string(),
            Self::Cidr(v6, n, bits) => {
                format!(
                    "{}/{}",
                    address(v6, n),
                    if v6 { 128 - bits } else { 32 - bits }
                )
            }
            Self::Range(false, a, b) if a % 2 == 0 => format!("192.0.2.{a}-{b}"),
            Self::Range(v6, a, b) => format!("{}-{}", address(v6, a), address(v6, b)),
            Self::Name(n) => format!("host{n}.example"),
        }
    }

    fn hosts(&self) -> Vec<Host> {
        let ips = |v6, first, last| (first..=last).map(|n| Host::Ip(address(v6, n))).collect();
        match *self {
            Self::One(v6, n) => ips(v6, n, n),
            Self::Cidr(v6, n, bits) => {
                let first = n >> bits << bits;
                ips(v6, first, first + ((1 << bits) - 1))
            }
            Self::Range(v6, a, b) => ips(v6, a, b),
            Self::Name(n) => vec![Host::Name(format!("host{n}.example").into())],
        }
    }

    fn named(&self) -> bool {
        matches!(self, Self::One(..) | Self::Name(_))
    }
}

#[derive(Debug, Clone)]
struct Line {
    who: Who,
    /// `:port`, else `ports=`, else the default ones.
    port: Option<u16>,
    ports: Option<Vec<u16>>,
    sni: bool,
    label: bool,
    expect: Option<Verdict>,
}

const PORTS: [u16; 2] = [6443, 8080];

impl Line {
    fn text(&self, number: usize) -> String {
        let mut text = self.who.text();
        match self.port {
            Some(port) if text.contains(':') => text = format!("[{text}]:{port}"),
            Some(port) => write!(text, ":{port}").unwrap(),
            None => {}
        }
        if let Some(ports) = &self.ports {
            let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
            write!(text, " ports={}", ports.join(",")).unwrap();
        }
        if self.sni {
            text.push_str(" sni=host0.example");
        }
        if self.label {
            write!(text, " name=l{number}").unwrap();
        }
        if let Some(expect) = self.expect {
            write!(text, " expect={expect}").unwrap();
        }
        text
    }

    fn ports(&self) -> Vec<u16> {
        match (self.port, &self.ports) {
            (Some(port), _) => vec![port],
            (None, Some(ports)) => {
                let mut seen = HashSet::new();
                ports
                    .iter()
                    .copied()
                    .filter(|port| seen.insert(*port))
                    .collect()
            }
            (None, None) => PORTS.to_vec(),
        }
    }
}

fn who() -> impl Strategy<Value = Who> {
    prop_oneof![
        3 => (any::<bool>(), 1u8..64).prop_map(|(v6, n)| Who::One(v6, n)),
        2 => (any::<bool>(), 0u8..64, 0u8..6).prop_map(|(v6, n, bits)| Who::Cidr(v6, n, bits)),
        2 => (any::<bool>(), 0u8..64, 0u8..64).prop_map(|(v6, a, b)| Who::Range(v6, a.min(b), a.max(b))),
        1 => (0u8..3).prop_map(Who::Name),
    ]
}

fn port() -> impl Strategy<Value = u16> {
    prop::sample::select(vec![443u16, 6443, 8080, 8001])
}

fn line() -> impl Strategy<Value = Line> {
    let verdict = prop::sample::select(Verdict::ALL.to_vec());
    (
        who(),
        prop::option::of(port()),
        prop::option::of(prop::collection::vec(port(), 1..4)),
        prop::bool::weighted(0.2),
        any::<bool>(),
        prop::option::weighted(0.3, verdict),
    )
        .prop_map(|(who, port, ports, sni, label, expect)| {
            let port = port.filter(|_| who.named());
            let ports = ports.filter(|_| port.is_none());
            Line {
                who,
                port,
                ports,
                sni,
                label,
                expect,
            }
        })
}

type Identity = (Scheme, Host, u16, bool);

/// What the model knows of a target: who names it, its label, what is expected.
type Listed = (Vec<u32>, bool, Option<String>, Option<Verdict>);

/// Lists every target in order, the plain way.
fn model(lines: &[Line]) -> (Vec<Identity>, HashMap<Identity, Listed>) {
    let mut order = Vec::new();
    let mut all: HashMap<Identity, Listed> = HashMap::new();
    for (number, line) in lines.iter().enumerate() {
        for port in line.ports() {
            for host in line.who.hosts() {
                let scheme = Scheme::Https;
                let own_name = host == Host::Name("host0.example".into());
                let identity = (scheme, host, port, line.sni && !own_name);
                let named = line.who.named();
                let label = line.label.then(|| format!("l{number}"));
                let id = u32::try_from(number).unwrap();
                if let Some(listed) = all.get_mut(&identity) {
                    if named {
                        listed.0.push(id);
                        listed.1 = true;
                        listed.2 = listed.2.take().or(label);
                        listed.3 = listed.3.or(line.expect);
                    }
                } else {
                    order.push(identity.clone());
                    all.insert(identity, (vec![id], named, label, line.expect));
                }
            }
        }
    }
    (order, all)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_set_is_what_listing_it_gives(
        lines in prop::collection::vec(line(), 1..12),
        exclusions in prop::collection::vec((who(), prop::option::of(port())), 0..5),
    ) {
        let mut builder =
            TargetSetBuilder::new(TargetOptions { ports: PORTS.to_vec(), ..TargetOptions::default() });
        for (number, line) in lines.iter().enumerate() {
            builder.argument(&line.text(number));
        }
        let mut out: HashSet<(Host, Option<u16>)> = HashSet::new();
        for (who, port) in &exclusions {
            let port = port.filter(|_| who.named());
            let text = Line { who: who.clone(), port, ports: None, sni: false, label: false, expect: None }.text(0);
            builder.exclude(&text);
            out.extend(who.hosts().into_iter().map(|host| (host, port)));
        }
        let (mut order, all) = model(&lines);
        let total = order.len();
        order.retain(|(_, host, port, _)| {
            !out.contains(&(host.clone(), None)) && !out.contains(&(host.clone(), Some(*port)))
        });
        let set = match builder.build() {
            Ok(set) => set,
            Err(errors) => {
                prop_assert!(order.is_empty(), "{}", errors);
                prop_assert!(errors.to_string().starts_with("every target is excluded"), "{}", errors);
                return Ok(());
            }
        };
        prop_assert_eq!(set.len(), order.len() as u64);
        prop_assert_eq!(set.excluded(), (total - order.len()) as u64);
        let mut counts = vec![0; lines.len()];
        for (index, identity) in (0..).zip(&order) {
            let target = set.get(index).unwrap();
            prop_assert_eq!(target.index, index);
            let (specs, named, label, expect) = &all[identity];
            let found = (target.scheme, target.host.clone(), target.port, target.sni.is_some());
            prop_assert_eq!(&found, identity);
            prop_assert_eq!(&target.specs.iter().map(|spec| spec.0).collect::<Vec<_>>(), specs);
            prop_assert_eq!(target.named, *named);
            prop_assert_eq!(target.label.as_deref(), label.as_deref());
            prop_assert_eq!(target.expect, *expect);
            prop_assert_eq!(target.origin.line, specs[0] + 1);
            for spec in specs {
                counts[*spec as usize] += 1;
            }
            let exclusions = set.exclusions();
            let leaked = match &target.host {
                Host::Ip(address) => exclusions.excludes_address(*address, target.port),
                Host::Name(name) => exclusions.excludes_name(name, target.port),
            };
            prop_assert!(!leaked, "{} is excluded", target);
        }
        prop_assert_eq!(set.get(set.len()), None);
        prop_assert_eq!(set.specs().iter().map(|spec| spec.targets).collect::<Vec<_>>(), counts);
        prop_assert_eq!(set.has_names(), order.iter().any(|(_, host, ..)| matches!(host, Host::Name(_))));
    }

    #[test]
    fn exclusions_say_what_listing_them_says(
        exclusions in prop::collection::vec((who(), prop::option::of(port())), 1..6),
    ) {
        let mut builder = TargetSetBuilder::new(TargetOptions::default());
        builder.argument("203.0.113.1");
        let mut out: HashSet<(Host, Option<u16>)> = HashSet::new();
        for (who, port) in &exclusions {
            let port = port.filter(|_| who.named());
            let line = Line { who: who.clone(), port, ports: None, sni: false, label: false, expect: None };
            builder.exclude(&line.text(0));
            out.extend(who.hosts().into_iter().map(|host| (host, port)));
        }
        let exclusions = builder.build().unwrap().exclusions();
        for (v6, n) in [false, true].into_iter().flat_map(|v6| (0..80).map(move |n| (v6, n))) {
            let host = Host::Ip(address(v6, n));
            for port in [443, 6443, 1] {
                let expected = out.contains(&(host.clone(), None)) || out.contains(&(host.clone(), Some(port)));
                prop_assert_eq!(exclusions.excludes_address(address(v6, n), port), expected);
                if let IpAddr::V4(v4) = address(v6, n) {
                    prop_assert_eq!(exclusions.excludes_address(v4.to_ipv6_mapped().into(), port), expected);
                }
            }
        }
    }

    #[test]
    fn no_text_and_no_bytes_panic(text: String, bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut builder = TargetSetBuilder::new(TargetOptions { allow_large: true, ..TargetOptions::default() });
        builder.argument(&text);
        builder.exclude(&text);
        builder.read(Source::Stdin, bytes.as_slice());
        let _ = builder.build();
        let _ = parse_ports(&text);
    }

    #[test]
    fn nothing_like_a_specification_panics(
        lines in prop::collection::vec("[0-9a-fx.:/%@\\[\\]*#=,é -]{0,40}|(https?://)?[a-z0-9.:\\[\\]]{0,20}(/[a-z0-9./%]{0,20})?( (name|expect|sni|ports)=[a-z0-9,-]{0,9}){0,3}", 1..20),
    ) {
        let mut builder = TargetSetBuilder::new(TargetOptions { allow_large: true, ..TargetOptions::default() });
        for line in &lines {
            builder.argument(line);
        }
        builder.exclude(&lines[0]);
        match builder.build() {
            Ok(set) => {
                for index in [0, set.len() / 2, set.len() - 1] {
                    prop_assert!(set.get(index).is_some());
                }
            }
            Err(errors) => {
                for error in errors.0 {
                    prop_assert!(!error.problem.contains('\n') && error.problem.len() < 1000, "{}", error);
                }
            }
        }
    }
}
