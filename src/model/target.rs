//! A target: the host and port to knock on, and the specification that named it.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use strum::VariantNames;

use super::{Declared, Origin, Verdict, words};

/// The protocol in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[derive(VariantNames)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[strum(serialize_all = "kebab-case")]
pub enum Scheme {
    /// HTTP over TLS.
    Https,
    /// Plain HTTP, as on the insecure port of old servers and on `kubectl proxy`.
    Http,
}

words!(Scheme);

/// An address or a name that must be resolved first.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Host {
    /// An address, canonical: an IPv4-mapped IPv6 address is held as IPv4.
    Ip(IpAddr),
    /// A DNS name: lower case, ASCII (IDNA applied), without a trailing dot.
    Name(Arc<str>),
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Self::Ip(address) => write!(f, "{address}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// Index of a target specification in the order they were read, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline))]
pub struct SpecId(pub u32);

/// One host and port to knock on: what one index of a target set yields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Position in the set in sequential order, from 0: what reports sort by.
    pub index: u64,
    /// Plain HTTP or TLS.
    pub scheme: Scheme,
    /// Address or name.
    pub host: Host,
    /// Whether a name is complete as it is, written with a dot at its end: no search domain is added.
    pub absolute: bool,
    /// TCP port, 1 to 65535.
    pub port: u16,
    /// Path prefix of a URL (`/k8s/clusters/c-1`), without a trailing slash; empty for none.
    pub prefix: Arc<str>,
    /// `sni=`: the name to use for SNI and `Host` in place of the host's own.
    pub sni: Option<Arc<str>>,
    /// `name=`: what the user calls it.
    pub label: Option<Arc<str>>,
    /// `expect=`: the verdict the user wants to see.
    pub expect: Option<Verdict>,
    /// What an inventory says about it.
    pub declared: Option<Arc<Declared>>,
    /// The first specification that named it.
    pub origin: Arc<Origin>,
    /// Every specification that named it alone (no CIDR, no range), and the first one whatever
    /// it is: those that coverage and expectations are counted for.
    pub specs: Arc<[SpecId]>,
    /// Whether a specification that is no CIDR and no range names it: a *named target*.
    pub named: bool,
}

impl Target {
    /// The DNS name for SNI and the `Host` header: `sni=` if given, else the host if it is a name.
    pub fn server_name(&self) -> Option<Arc<str>> {
        match (&self.sni, &self.host) {
            (Some(sni), _) => Some(Arc::clone(sni)),
            (None, Host::Name(name)) => Some(Arc::clone(name)),
            (None, Host::Ip(_)) => None,
        }
    }
}

impl fmt::Display for Target {
    /// `host:port`, with `http://` in front for plain HTTP and the prefix behind where there is one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.scheme, self.prefix.is_empty()) {
            (Scheme::Https, true) => {}
            (scheme, _) => write!(f, "{}://", scheme.as_str())?,
        }
        write!(f, "{}:{}{}", self.host, self.port, self.prefix)
    }
}
