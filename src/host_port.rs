//! Parses `HOST:PORT`, as written by users and in reports.

use std::net::IpAddr;

/// A host, with or without a port: `host`, `host:port`, `[v6]`, `[v6]:port`, or an IPv6 address alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HostPort<'a> {
    /// The host as written, with its brackets.
    pub(crate) host: &'a str,
    pub(crate) port: Option<u16>,
}

/// Why a text is not `HOST:PORT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HostPortError {
    /// `[2001:db8::1`
    #[error("missing `]` after the IPv6 address")]
    Unclosed,
    /// `[2001:db8::1]6443`
    #[error(
        "unexpected text after `]`: expected :PORT; CIDRs and ranges are written without brackets"
    )]
    AfterBracket,
    /// `host:`
    #[error("missing port: expected 1 to 65535")]
    MissingPort,
    /// `host:https`, `host:0`
    #[error("invalid port: expected 1 to 65535")]
    InvalidPort,
}

impl<'a> HostPort<'a> {
    /// Splits off the port. Does not check the host.
    pub(crate) fn split(text: &'a str) -> Result<Self, HostPortError> {
        let (host, rest) = if text.starts_with('[') {
            let end = text.find(']').ok_or(HostPortError::Unclosed)? + 1;
            text.split_at(end)
        } else {
            match text.find(':') {
                // Several colons without brackets: an IPv6 address alone.
                Some(colon) if text.rfind(':') == Some(colon) => text.split_at(colon),
                _ => (text, ""),
            }
        };
        let port = match rest.strip_prefix(':') {
            Some(port) => Some(parse_port(port)?),
            None if rest.is_empty() => None,
            None => return Err(HostPortError::AfterBracket),
        };
        Ok(Self { host, port })
    }

    /// The host without brackets.
    pub(crate) fn bare(self) -> &'a str {
        self.host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(self.host)
    }

    /// The host, if it is an address.
    pub(crate) fn address(self) -> Option<IpAddr> {
        self.bare().parse().ok()
    }
}

/// A port: decimal digits, 1 to 65535.
pub(crate) fn parse_port(text: &str) -> Result<u16, HostPortError> {
    if text.is_empty() {
        return Err(HostPortError::MissingPort);
    }
    // `u16::from_str` accepts a leading '+'.
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse()
        .ok()
        .filter(|port| digits && *port != 0)
        .ok_or(HostPortError::InvalidPort)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_split() {
        for (text, host, port) in [
            ("api.example", "api.example", None),
            ("api.example:6443", "api.example", Some(6443)),
            ("192.0.2.1:1", "192.0.2.1", Some(1)),
            ("2001:db8::1", "2001:db8::1", None),
            ("[2001:db8::1]", "[2001:db8::1]", None),
            ("[2001:db8::1]:65535", "[2001:db8::1]", Some(65535)),
            ("", "", None),
            (":1", "", Some(1)),
        ] {
            assert_eq!(HostPort::split(text), Ok(HostPort { host, port }), "{text}");
        }
        let bracketed = HostPort::split("[2001:db8::1]:1").unwrap();
        assert_eq!(bracketed.bare(), "2001:db8::1");
        assert_eq!(bracketed.address(), "2001:db8::1".parse().ok());
    }

    #[test]
    fn ports_are_numbers_from_1_to_65535() {
        for text in ["0", "65536", "+1", "-1", "1.0", "https", "９"] {
            assert_eq!(
                HostPort::split(&format!("a:{text}")),
                Err(HostPortError::InvalidPort),
                "{text}"
            );
        }
        for (text, error) in [
            ("a:", HostPortError::MissingPort),
            ("[2001:db8::1]:", HostPortError::MissingPort),
            ("[2001:db8::1", HostPortError::Unclosed),
            ("[2001:db8::1]6443", HostPortError::AfterBracket),
        ] {
            assert_eq!(HostPort::split(text), Err(error), "{text}");
        }
    }
}
