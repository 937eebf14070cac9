//! One host as written: an address or a name, with or without a port.
//!
//! Text that looks like an address but is invalid is an error, never a name. A resolver that is
//! given `10.0.0.256`, or a program that reads `010.0.0.1` as octal, would reach a different host
//! than the user meant.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use super::error::Problem;
use crate::host_port::HostPort;
use crate::model::Host;

/// Maximum length of a name in bytes before IDNA. No valid name is this long; the
/// limit only bounds the work of the conversion.
const MAX_UNCONVERTED: usize = 1024;

const TOO_LONG: &str = "invalid host name: longer than 253 characters";
const COMMA: &str =
    "unexpected comma: write each target as an argument of its own, or on its own line of a file";
const LOOKS_LIKE_AN_ADDRESS: &str = "invalid address: it looks like IPv4; expected four numbers from 0 to 255 with \
                                     dots between, without leading zeros";

/// `address`, `[v6]`, `name`, each with or without `:port`, or an IPv6 address alone.
pub(super) fn host_port(text: &str) -> Result<(Host, Option<u16>), Problem> {
    if text.contains(',') {
        return Err(COMMA.into());
    }
    let split = HostPort::split(text).map_err(|error| error.to_string())?;
    let bare = split.bare();
    let host = match bare.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) | Err(_) if split.host.starts_with('[') || bare.contains(':') => {
            Host::Ip(parse_ipv6(bare)?.into())
        }
        Ok(address) => Host::Ip(address.to_canonical()),
        Err(_) => Host::Name(parse_name(bare)?),
    };
    Ok((host, split.port))
}

/// An IPv6 address, without brackets.
pub(super) fn parse_ipv6(text: &str) -> Result<Ipv6Addr, Problem> {
    if text.contains('%') {
        return Err("unsupported zone id (%…): write the address alone".into());
    }
    text.parse().map_err(|_| {
        "invalid IPv6 address; write one with a port as [2001:db8::1]:6443, and a name with a port as host:6443".into()
    })
}

/// The characters that IDNA reads as a dot (UTS #46, section 4).
const DOTS: [char; 4] = ['.', '\u{3002}', '\u{ff0e}', '\u{ff61}'];

/// Whether the name in a specification ends with a dot. Such a name is complete: no search domain is added.
pub(super) fn is_absolute(word: &str) -> bool {
    let authority = word.split_once("://").map_or(word, |(_, rest)| rest);
    authority
        .split(['/', ':'])
        .next()
        .is_some_and(|host| host.ends_with(DOTS))
}

/// A DNS name in its canonical form: IDNA applied, lower case, without a trailing dot.
pub(super) fn parse_name(text: &str) -> Result<Arc<str>, Problem> {
    if text.is_empty() {
        return Err("missing host: expected an address or a name".into());
    }
    if text.len() > MAX_UNCONVERTED {
        return Err(TOO_LONG.into());
    }
    if text.contains('*') {
        return Err(
            "unsupported wildcard: write each name, or a CIDR or range of addresses".into(),
        );
    }
    if text.contains(',') {
        return Err(COMMA.into());
    }
    if let Some(odd) = text
        .chars()
        .find(|c| c.is_ascii() && !is_name_character(*c))
    {
        return Err(format!("invalid host name: unexpected character {odd:?}").into());
    }
    if text.is_ascii() {
        reject_numbers(text)?;
    }
    let ascii = match url::Host::parse(text) {
        Ok(url::Host::Domain(ascii)) => ascii,
        Ok(_) => return Err(LOOKS_LIKE_AN_ADDRESS.into()),
        Err(problem) => return Err(format!("invalid host name: {problem}").into()),
    };
    let ascii = ascii.strip_suffix('.').unwrap_or(&ascii);
    // Other names are checked after the conversion: IDNA turns full-width digits into plain ones
    // and drops invisible characters.
    reject_numbers(ascii)?;
    if ascii.len() > 253 {
        return Err(TOO_LONG.into());
    }
    for label in ascii.split('.') {
        let problem = match label.len() {
            0 => "empty label between dots",
            64.. => "a label is longer than 63 characters",
            _ if label.starts_with('-') || label.ends_with('-') => {
                "a label begins or ends with a hyphen"
            }
            _ if !label.chars().all(is_name_character) => "unexpected character",
            _ => continue,
        };
        return Err(format!("invalid host name: {problem}").into());
    }
    Ok(ascii.into())
}

/// Letters, digits, hyphen and dot. The standard forbids the underscore, but many names have one.
fn is_name_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

/// Rejects text that other programs read as an address, and names that end in a number.
fn reject_numbers(text: &str) -> Result<(), Problem> {
    let text = text.strip_suffix('.').unwrap_or(text);
    let only_numbers = text.split('.').all(is_number)
        || (text
            .chars()
            .all(|c| c.is_ascii_digit() || matches!(c, '.' | '-'))
            && text.contains(|c: char| c.is_ascii_digit()));
    if only_numbers {
        return Err(LOOKS_LIKE_AN_ADDRESS.into());
    }
    match text.rsplit('.').next() {
        Some(last) if is_number(last) => {
            Err("invalid host name: the last label is a number".into())
        }
        _ => Ok(()),
    }
}

/// Decimal digits or `0x…`, as the C library's address parser reads numbers.
fn is_number(label: &str) -> bool {
    let digits = label
        .strip_prefix("0x")
        .or_else(|| label.strip_prefix("0X"));
    match digits {
        Some(hex) => hex.bytes().all(|b| b.is_ascii_hexdigit()),
        None => !label.is_empty() && label.bytes().all(|b| b.is_ascii_digit()),
    }
}
