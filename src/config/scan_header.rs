//! A header by which the owners of servers recognise a scan.

use std::fmt;
use std::str::FromStr;

use http::{HeaderName, HeaderValue};

/// What every name begins with. No other header may be set, so that none can be a credential.
const PREFIX: &str = "x-scan-";
/// Characters of a name.
const MAX_NAME: usize = 64;
/// Characters of a value.
const MAX_VALUE: usize = 256;

/// A header that is added to every request: `X-Scan-…: VALUE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanHeader {
    pub(crate) name: HeaderName,
    pub(crate) value: HeaderValue,
}

/// The error for a text that is not a [`ScanHeader`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidHeader {
    /// No colon.
    #[error("invalid header: expected X-Scan-NAME: VALUE")]
    Form,
    /// Another name.
    #[error(
        "only headers whose name begins with X-Scan- may be set, with letters, digits and hyphens, up to 64"
    )]
    Name,
    /// A value that is empty, long, or not printable.
    #[error("invalid value: expected 1 to 256 printable ASCII characters")]
    Value,
}

impl FromStr for ScanHeader {
    type Err = InvalidHeader;

    fn from_str(text: &str) -> Result<Self, InvalidHeader> {
        let (name, value) = text.split_once(':').ok_or(InvalidHeader::Form)?;
        let name = name.to_ascii_lowercase();
        let is_known = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if !(PREFIX.len() + 1..=MAX_NAME).contains(&name.len())
            || !name.starts_with(PREFIX)
            || !name.chars().all(is_known)
        {
            return Err(InvalidHeader::Name);
        }
        let value = value.trim_matches(' ');
        let is_printable = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
        if !(1..=MAX_VALUE).contains(&value.len()) || !value.bytes().all(is_printable) {
            return Err(InvalidHeader::Value);
        }
        Ok(Self {
            name: HeaderName::from_str(&name).map_err(|_| InvalidHeader::Name)?,
            value: HeaderValue::from_str(value).map_err(|_| InvalidHeader::Value)?,
        })
    }
}

impl fmt::Display for ScanHeader {
    /// `x-scan-id: 42`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {}",
            self.name,
            self.value.to_str().unwrap_or_default()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_headers_of_a_scan_are_accepted() {
        for (text, shown) in [
            ("X-Scan-Id: 42", "x-scan-id: 42"),
            ("x-SCAN-ticket:SEC 1:2 ", "x-scan-ticket: SEC 1:2"),
        ] {
            let header: ScanHeader = text.parse().unwrap();
            assert_eq!(header.to_string(), shown);
            assert_eq!(shown.parse(), Ok(header));
        }
        let long = format!("X-Scan-Id: {}", "x".repeat(MAX_VALUE + 1));
        for (text, error) in [
            ("", InvalidHeader::Form),
            ("X-Scan-Id", InvalidHeader::Form),
            ("Authorization: Bearer x", InvalidHeader::Name),
            ("Cookie: a=b", InvalidHeader::Name),
            ("X-Scan-: x", InvalidHeader::Name),
            ("X-Scanner: x", InvalidHeader::Name),
            (" X-Scan-Id: x", InvalidHeader::Name),
            ("X-Scan-Id : x", InvalidHeader::Name),
            ("X-Scan-Id\r\nCookie: x", InvalidHeader::Name),
            ("X-Scan-Id:", InvalidHeader::Value),
            ("X-Scan-Id: a\r\nCookie: b", InvalidHeader::Value),
            ("X-Scan-Id: a\tb", InvalidHeader::Value),
            ("X-Scan-Id: caf\u{e9}", InvalidHeader::Value),
            (&long, InvalidHeader::Value),
        ] {
            assert_eq!(text.parse::<ScanHeader>(), Err(error), "{text:?}");
        }
    }
}
