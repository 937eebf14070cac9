//! Whether a specification names a target, as far as its text says: `https://192.0.2.1:6443` and
//! `192.0.2.1:6443` are two specifications of one target.
//!
//! Reports hold the text of a specification only, and a target's origin is only the first of its
//! specifications. A text that cannot be parsed here names nothing, so its findings get a case of their own.

use crate::host_port::HostPort;
use crate::model::{Host, Scheme, Target};

/// The parsed text of a specification.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SpecificationText<'a> {
    host: Host,
    /// `None` means the default ports of the scan.
    port: Option<u16>,
    scheme: Option<Scheme>,
    prefix: &'a str,
    sni: Option<&'a str>,
}

impl<'a> SpecificationText<'a> {
    /// Parses the text of a specification; `None` if it is not a single host.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
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

    pub(super) const fn host(&self) -> &Host {
        &self.host
    }

    /// Scheme, host, port and prefix. Without a scheme it is TLS.
    pub(super) fn parts(self) -> (&'static str, Host, Option<u16>, &'a str) {
        let scheme = self.scheme.unwrap_or(Scheme::Https);
        (scheme.as_str(), self.host, self.port, self.prefix)
    }

    pub(super) const fn has_port(&self) -> bool {
        self.port.is_some()
    }

    /// Whether the text can mean this target. A text without a port can mean any port.
    pub(super) fn names(&self, target: &Target) -> bool {
        self.host == target.host
            && self.port.is_none_or(|port| port == target.port)
            && self.scheme.is_none_or(|scheme| scheme == target.scheme)
            && self.prefix == &*target.prefix
            && self.sni == target.sni.as_deref()
    }
}

/// The host in the form of a target, and the port if one is written.
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
        SpecificationText::parse(text)
            .is_some_and(|text| *text.host() == target.host && text.names(&target))
    }

    #[test]
    fn a_text_names_its_target() {
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
    fn a_text_does_not_name_another_target() {
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
