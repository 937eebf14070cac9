//! Patterns that say which targets a setting applies to: `*.prod.example.com`, `10.4.0.0/16`, `api.example.com:6443`.

use std::fmt;

use ipnet::IpNet;

use super::{Host, Target, without_annotations};
use crate::host_port::HostPort;

/// A CIDR, or a text in which `*` stands for any characters. Case does not matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    net: Option<IpNet>,
}

impl Pattern {
    /// Parses a pattern; `None` for a blank one, which would match nothing.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim().to_lowercase();
        let net = text.parse().ok();
        (!text.is_empty()).then_some(Self { text, net })
    }

    /// Whether it matches a target with these names: a CIDR must contain the address, any other pattern must match a
    /// whole name.
    pub fn matches(&self, names: &TargetNames) -> bool {
        let by_address = || match (&self.net, &names.net) {
            (Some(own), Some(other)) => own.contains(other),
            _ => false,
        };
        by_address()
            || names
                .texts
                .iter()
                .any(|text| glob(self.text.as_bytes(), text.as_bytes()))
    }
}

impl Pattern {
    /// Whether it matches this whole text.
    pub fn matches_text(&self, text: &str) -> bool {
        glob(self.text.as_bytes(), text.to_lowercase().as_bytes())
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The names by which a pattern can match a target or a specification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetNames {
    texts: Vec<String>,
    net: Option<IpNet>,
}

impl TargetNames {
    /// The names of a target: its host, `host:port`, its URL, its SNI name and its `name=`.
    pub fn of_target(target: &Target) -> Self {
        let Target {
            scheme,
            host,
            port,
            prefix,
            sni,
            label,
            ..
        } = target;
        let mut texts = vec![
            host.to_string(),
            format!("{host}:{port}{prefix}"),
            format!("{}://{host}:{port}{prefix}", scheme.as_str()),
        ];
        texts.extend([sni, label].into_iter().flatten().map(ToString::to_string));
        let net = match host {
            Host::Ip(address) => Some(IpNet::from(*address)),
            Host::Name(_) => None,
        };
        Self::new(texts, net)
    }

    /// The names of a specification: its text, its host if it has one, and its `name=`.
    pub fn of_specification(text: &str, label: Option<&str>) -> Self {
        let text = without_annotations(text);
        let bare = text.split_once("://").map_or(text, |(_, rest)| rest);
        let authority = bare.split('/').next().unwrap_or(bare);
        let split = HostPort::split(authority).ok();
        let host = split.map_or(authority, |split| split.host);
        let net = text
            .parse()
            .ok()
            .or_else(|| split?.address().map(IpNet::from));
        let texts = [Some(text), Some(bare), Some(host), label];
        Self::new(
            texts.into_iter().flatten().map(str::to_owned).collect(),
            net,
        )
    }

    fn new(mut texts: Vec<String>, net: Option<IpNet>) -> Self {
        for text in &mut texts {
            *text = text.to_lowercase();
        }
        Self { texts, net }
    }
}

/// Whether `pattern`, in which `*` stands for any bytes, matches the whole text. It backtracks to the last `*` only, so
/// a hostile pattern costs at most the product of the two lengths.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(byte) if *byte == text[t] => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((at, taken)) = star else {
                    return false;
                };
                star = Some((at, taken + 1));
                p = at + 1;
                t = taken + 1;
            }
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::model::{Origin, Scheme, Source};

    fn target(host: &str, port: u16) -> Target {
        Target {
            index: 0,
            scheme: Scheme::Https,
            host: host
                .parse()
                .map_or_else(|_| Host::Name(host.into()), Host::Ip),
            absolute: false,
            port,
            prefix: "".into(),
            sni: None,
            label: Some("Prod-EU-1".into()),
            expect: None,
            declared: None,
            origin: Arc::new(Origin {
                source: Source::Argument,
                line: 1,
                column: None,
                text: host.into(),
            }),
            specs: [].into(),
            named: true,
        }
    }

    #[test]
    fn targets_by_host_port_address_and_name() {
        let name = TargetNames::of_target(&target("api.prod.example.com", 6443));
        let address = TargetNames::of_target(&target("10.4.7.9", 443));
        for (pattern, of_name, of_address) in [
            ("*.prod.example.com", true, false),
            ("*.PROD.example.com", true, false),
            ("api.prod.example.com:6443", true, false),
            ("api.prod.example.com:443", false, false),
            ("https://api.prod.example.com:*", true, false),
            ("prod.example.com", false, false),
            ("prod-eu-*", true, true),
            ("10.4.0.0/16", false, true),
            ("10.5.0.0/16", false, false),
            ("10.4.7.9", false, true),
            ("10.4.*:443", false, true),
            ("*", true, true),
        ] {
            let pattern = Pattern::new(pattern).unwrap();
            assert_eq!(pattern.matches(&name), of_name, "{pattern}");
            assert_eq!(pattern.matches(&address), of_address, "{pattern}");
        }
        assert_eq!(Pattern::new(" "), None);
    }

    #[test]
    fn specifications_by_their_text_and_host() {
        for (pattern, text, matches) in [
            ("api.example", "api.example", true),
            ("api.example", "api.example:6443", true),
            ("api.example", "https://api.example/k8s/clusters/c-1", true),
            ("10.0.0.0/8", "10.4.0.0/16", true),
            ("10.4.0.0/16", "10.0.0.0/8", false),
            ("10.0.0.0/8", "10.4.0.1:6443", true),
            ("10.0.0.0/8", "10.4.0.1 ports=6443 sni=a.example", true),
            ("2001:db8::/32", "[2001:db8::7]:6443", true),
            ("2001:db8::/32", "2001:db8::7", true),
            ("lab", "192.0.2.1", true),
            ("lab", "lab.example", true),
            ("lab.example", "192.0.2.1", false),
        ] {
            let names = TargetNames::of_specification(text, Some("lab"));
            assert_eq!(
                Pattern::new(pattern).unwrap().matches(&names),
                matches,
                "{pattern} {text}"
            );
        }
    }

    proptest! {
        #[test]
        fn a_text_is_matched_by_itself_and_by_stars_in_it(text in "[a-c]{0,12}", at: prop::sample::Index) {
            let (before, after) = text.split_at(at.index(text.len() + 1));
            prop_assert!(glob(text.as_bytes(), text.as_bytes()));
            let [within, behind, longer] =
                [format!("{before}*{after}"), format!("{before}**"), format!("{text}d")];
            prop_assert!(glob(within.as_bytes(), text.as_bytes()));
            prop_assert!(glob(behind.as_bytes(), text.as_bytes()));
            prop_assert!(!glob(text.as_bytes(), longer.as_bytes()));
        }
    }
}
