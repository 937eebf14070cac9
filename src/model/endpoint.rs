//! Where a probe connects, and under which name.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use super::{Host, Scheme};

/// A target with its address: the identity that reports, deduplication and fingerprints use.
///
/// Two clusters behind one Rancher share address and name and differ by prefix; two names on one
/// load balancer share the address and differ by name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// Plain HTTP or TLS.
    pub scheme: Scheme,
    /// The address that the connection goes to. A name where a proxy resolves it: which address the
    /// proxy takes is not known here.
    pub host: Host,
    /// The TCP port.
    pub port: u16,
    /// DNS name sent as SNI and `Host`; `None` sends no SNI and the address as `Host`.
    pub name: Option<Arc<str>>,
    /// Path prefix put in front of every path; empty for none.
    pub prefix: Arc<str>,
}

impl Endpoint {
    /// Where the connection goes, if that is known here.
    pub fn address(&self) -> Option<SocketAddr> {
        match self.host {
            Host::Ip(address) => Some(SocketAddr::new(address, self.port)),
            Host::Name(_) => None,
        }
    }

    /// `Host` header and URL authority: the name or the address, with the port unless it is the
    /// scheme's own.
    pub fn authority(&self) -> String {
        let host = self
            .name
            .as_ref()
            .map_or_else(|| self.host.to_string(), ToString::to_string);
        match (self.scheme, self.port) {
            (Scheme::Https, 443) | (Scheme::Http, 80) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }
}

impl fmt::Display for Endpoint {
    /// The base URL; for a name also the address, or that the proxy resolves the name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}://{}{}",
            self.scheme.as_str(),
            self.authority(),
            self.prefix
        )?;
        match (&self.name, self.address()) {
            (Some(_), Some(address)) => write!(f, " at {address}"),
            (Some(name), None) if Host::Name(Arc::clone(name)) != self.host => {
                write!(f, " at {}:{}, resolved by the proxy", self.host, self.port)
            }
            (_, None) => f.write_str(", resolved by the proxy"),
            (None, Some(_)) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(host: Host, name: Option<&str>) -> (String, String) {
        let endpoint = Endpoint {
            scheme: Scheme::Https,
            host,
            port: 6443,
            name: name.map(Into::into),
            prefix: "/k".into(),
        };
        (endpoint.authority(), endpoint.to_string())
    }

    #[test]
    fn an_endpoint_says_where_it_is_as_far_as_that_is_known() {
        let v6 = || Host::Ip("2001:db8::1".parse().unwrap());
        let name = || Host::Name("api.example".into());
        for (host, name, authority, whole) in [
            (
                v6(),
                None,
                "[2001:db8::1]:6443",
                "https://[2001:db8::1]:6443/k",
            ),
            (
                v6(),
                Some("api.example"),
                "api.example:6443",
                "https://api.example:6443/k at [2001:db8::1]:6443",
            ),
            (
                name(),
                Some("api.example"),
                "api.example:6443",
                "https://api.example:6443/k, resolved by the proxy",
            ),
            (
                name(),
                Some("other.example"),
                "other.example:6443",
                "https://other.example:6443/k at api.example:6443, resolved by the proxy",
            ),
        ] {
            assert_eq!(said(host, name), (authority.to_owned(), whole.to_owned()));
        }
    }
}
