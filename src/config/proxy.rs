//! The proxy that opens our connections.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use crate::host_port::{HostPort, HostPortError};

/// The protocol of a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyKind {
    /// SOCKS version 5 without authentication (RFC 1928).
    Socks5,
    /// The same, but the proxy resolves names.
    Socks5h,
    /// HTTP `CONNECT` (RFC 9110, section 9.3.6).
    HttpConnect,
}

/// A proxy that opens our connections: `socks5://HOST:PORT`, `socks5h://HOST:PORT` or
/// `http://HOST:PORT`. A `socks5h` proxy gets names, the others get addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// The protocol.
    pub kind: ProxyKind,
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl Proxy {
    /// Whether the proxy resolves names. kubeknock then does not know their addresses.
    pub const fn resolves_names(&self) -> bool {
        matches!(self.kind, ProxyKind::Socks5h)
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.kind {
            ProxyKind::Socks5 => "socks5",
            ProxyKind::Socks5h => "socks5h",
            ProxyKind::HttpConnect => "http",
        };
        let Self { host, port, .. } = self;
        if host.parse::<Ipv6Addr>().is_ok() {
            write!(f, "{scheme}://[{host}]:{port}")
        } else {
            write!(f, "{scheme}://{host}:{port}")
        }
    }
}

/// Why a text is not a [`Proxy`]. Never contains the text, which may include a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidProxy {
    /// Another scheme, or none.
    #[error("unsupported scheme: expected {PROXY_FORMS}")]
    Scheme,
    /// `http://user:password@host`
    #[error("unexpected credentials: kubeknock never sends any; expected {PROXY_FORMS}")]
    Credentials,
    /// No host, or characters that no host has.
    #[error("invalid host: expected {PROXY_FORMS}")]
    Host,
    /// No port, or one out of range.
    #[error(transparent)]
    Port(#[from] HostPortError),
    /// A path or query.
    #[error("unexpected text after the port: expected {PROXY_FORMS}")]
    Trailing,
}

/// The forms of a proxy.
const PROXY_FORMS: &str = "socks5://HOST:PORT, socks5h://HOST:PORT or http://HOST:PORT";

impl FromStr for Proxy {
    type Err = InvalidProxy;

    fn from_str(text: &str) -> Result<Self, InvalidProxy> {
        let (scheme, rest) = text.split_once("://").ok_or(InvalidProxy::Scheme)?;
        let (kind, default_port) = match scheme.to_ascii_lowercase().as_str() {
            "socks5" => (ProxyKind::Socks5, 1080),
            "socks5h" => (ProxyKind::Socks5h, 1080),
            "http" => (ProxyKind::HttpConnect, 8080),
            _ => return Err(InvalidProxy::Scheme),
        };
        if rest.contains('@') {
            return Err(InvalidProxy::Credentials);
        }
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains(['/', '?', '#']) {
            return Err(InvalidProxy::Trailing);
        }
        let split = HostPort::split(authority)?;
        // The URL parser converts international names, and rejects invalid hosts.
        let host = url::Host::parse(split.host).map_err(|_| InvalidProxy::Host)?;
        let host = match host {
            url::Host::Domain(name) => name,
            url::Host::Ipv4(address) => address.to_string(),
            url::Host::Ipv6(address) => address.to_string(),
        };
        let port = split.port.unwrap_or(default_port);
        Ok(Self { kind, host, port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_shown_as_it_was_given() {
        for (kind, host, shown) in [
            (
                ProxyKind::Socks5,
                "bastion.example",
                "socks5://bastion.example:1080",
            ),
            (
                ProxyKind::Socks5h,
                "bastion.example",
                "socks5h://bastion.example:1080",
            ),
            (
                ProxyKind::HttpConnect,
                "2001:db8::1",
                "http://[2001:db8::1]:1080",
            ),
            (
                ProxyKind::HttpConnect,
                "[2001:db8::1]",
                "http://[2001:db8::1]:1080",
            ),
        ] {
            let proxy = Proxy {
                kind,
                host: host.to_owned(),
                port: 1080,
            };
            assert_eq!(proxy.to_string(), shown);
        }
    }

    #[test]
    fn proxies() {
        for (text, kind, host, port) in [
            (
                "socks5://bastion.example:1080",
                ProxyKind::Socks5,
                "bastion.example",
                1080,
            ),
            (
                "socks5h://bastion.example",
                ProxyKind::Socks5h,
                "bastion.example",
                1080,
            ),
            (
                "http://192.0.2.1",
                ProxyKind::HttpConnect,
                "192.0.2.1",
                8080,
            ),
            (
                "http://192.0.2.1:80",
                ProxyKind::HttpConnect,
                "192.0.2.1",
                80,
            ),
            (
                "http://[2001:db8::1]:3128/",
                ProxyKind::HttpConnect,
                "2001:db8::1",
                3128,
            ),
        ] {
            let host = host.to_owned();
            let proxy: Proxy = text.parse().unwrap();
            assert_eq!(proxy, Proxy { kind, host, port });
            assert_eq!(proxy.to_string().parse(), Ok(proxy), "{text}");
        }
        for (text, error) in [
            ("", InvalidProxy::Scheme),
            ("bastion", InvalidProxy::Scheme),
            ("https://x:1", InvalidProxy::Scheme),
            ("socks4://x:1", InvalidProxy::Scheme),
            ("http://u:secret@x:1", InvalidProxy::Credentials),
            ("http://x:1/p", InvalidProxy::Trailing),
            ("http://:1", InvalidProxy::Host),
            ("http://x:0", HostPortError::InvalidPort.into()),
        ] {
            assert_eq!(text.parse::<Proxy>(), Err(error), "{text}");
        }
    }
}
