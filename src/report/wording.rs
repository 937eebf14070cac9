//! Whether a specification, as it was written, names a target: `https://192.0.2.1:6443` and
//! `192.0.2.1:6443` are two specifications of one target, which tells where the first one stands only.
//!
//! Reports hold no more than the words, and those of merged scans no numbers of specifications either.
//! What is not understood here names nothing: it is told by itself then, and not lost.

use crate::host_port::HostPort;
use crate::model::{Host, Scheme, Target};

/// A specification's words, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wording<'a> {
    host: Host,
    /// None where it means the ports of the scan.
    port: Option<u16>,
    scheme: Option<Scheme>,
    prefix: &'a str,
    sni: Option<&'a str>,
}

impl<'a> Wording<'a> {
    /// Takes the words apart; `None` where they are no single host.
    pub(super) fn of(text: &'a str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let word = words.next()?;
        let sni = words.find_map(|word| word.strip_prefix("sni="));
        let (scheme, rest) = match word.split_once("://") {
            Some((scheme, rest)) => {
                let of_word = |known: &Scheme| scheme.eq_ignore_ascii_case(known.as_str());
                (
                    Some([Scheme::Https, Scheme::Http].into_iter().find(of_word)?),
                    rest,
                )
            }
            None => (None, word),
        };
        let (authority, prefix) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        let (host, port) = host_and_port(authority)?;
        let port = port.or(scheme.map(|scheme| match scheme {
            Scheme::Https => 443,
            Scheme::Http => 80,
        }));
        Some(Self {
            host,
            port,
            scheme,
            prefix: prefix.trim_end_matches('/'),
            sni,
        })
    }

    /// The host that it names.
    pub(super) const fn host(&self) -> &Host {
        &self.host
    }

    /// Whether it says itself which port it means.
    pub(super) const fn has_port(&self) -> bool {
        self.port.is_some()
    }

    /// Whether the target is one that it may name; without a port of its own, at any port.
    pub(super) fn names(&self, target: &Target) -> bool {
        self.host == target.host
            && self.port.is_none_or(|port| port == target.port)
            && self.scheme.is_none_or(|scheme| scheme == target.scheme)
            && self.prefix == &*target.prefix
            && self.sni == target.sni.as_deref()
    }
}

/// The host as a target has it, and its port if there is one.
fn host_and_port(authority: &str) -> Option<(Host, Option<u16>)> {
    let split = HostPort::split(authority).ok()?;
    let host = match split.address() {
        Some(address) => Host::Ip(address.to_canonical()),
        None if split.host.is_empty() => return None,
        None => Host::Name(split.host.trim_end_matches('.').to_lowercase().into()),
    };
    Some((host, split.port))
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn named(text: &str, host: &str, port: u16) -> bool {
        let target = sample::target(0, sample::origin(1, text), host, port);
        Wording::of(text)
            .is_some_and(|wording| *wording.host() == target.host && wording.names(&target))
    }

    #[test]
    fn one_target_in_every_wording() {
        for text in [
            "https://192.0.2.1:6443",
            "HTTPS://192.0.2.1:6443/",
            "192.0.2.1:6443",
            "192.0.2.1",
            "::ffff:192.0.2.1",
        ] {
            assert!(named(text, "192.0.2.1", 6443), "{text}");
        }
        assert!(named("https://API.example.", "api.example", 443));
        assert!(named("[2001:DB8::1]:6443", "2001:db8::1", 6443));
        assert!(named("2001:db8::1 ports=6443", "2001:db8::1", 6443));
    }

    #[test]
    fn another_target_is_another() {
        for text in [
            "192.0.2.1:443",
            "https://192.0.2.1",
            "http://192.0.2.1:6443",
            "https://192.0.2.1:6443/k8s",
            "192.0.2.0/24",
            "192.0.2.1-192.0.2.9",
            "192.0.2.1:6443 sni=api.example",
            "ftp://192.0.2.1:6443",
            "192.0.2.1:x",
            "",
        ] {
            assert!(!named(text, "192.0.2.1", 6443), "{text}");
        }
    }
}
