//! One place to connect to.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use super::Scheme;

/// A target with its address: the identity that reports, deduplication and fingerprints use.
///
/// Two clusters behind one Rancher share address and name and differ by prefix; two names on one
/// load balancer share the address and differ by name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// Plain HTTP or TLS.
    pub scheme: Scheme,
    /// Where the connection goes.
    pub address: SocketAddr,
    /// DNS name sent as SNI and `Host`; `None` sends no SNI and the address as `Host`.
    pub name: Option<Arc<str>>,
    /// Path prefix put in front of every path; empty for none.
    pub prefix: Arc<str>,
}

impl Endpoint {
    /// `Host` header and URL authority: the name or the address, with the port unless it is the
    /// scheme's own.
    pub fn authority(&self) -> String {
        let host = match (&self.name, self.address) {
            (Some(name), _) => name.to_string(),
            (None, SocketAddr::V4(v4)) => v4.ip().to_string(),
            (None, SocketAddr::V6(v6)) => format!("[{}]", v6.ip()),
        };
        match (self.scheme, self.address.port()) {
            (Scheme::Https, 443) | (Scheme::Http, 80) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }
}

impl fmt::Display for Endpoint {
    /// The base URL that is asked, then the address where a name hides it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme.word(), self.authority(), self.prefix)?;
        if self.name.is_some() {
            write!(f, " at {}", self.address)?;
        }
        Ok(())
    }
}
