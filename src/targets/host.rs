//! One host as written: an address or a name, with or without a port.
//!
//! What looks like an address but is none is an error and never a name: `10.0.0.256` handed to a
//! resolver, or `010.0.0.1` read as octal by another program, would be asked somewhere else than
//! the user meant.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use super::error::Kind;
use super::ports::parse_port;
use crate::model::Host;

/// Bytes of a name before IDNA: more than any valid name has, and a bound on the conversion's work.
const MAX_WRITTEN: usize = 1024;

const TOO_LONG: &str = "it is too long for a host name (253 characters)";
const LOOKS_LIKE_AN_ADDRESS: &str = "it looks like an address but is none; an IPv4 address is four numbers from 0 to \
                                     255 with dots between, without leading zeros";

/// `address`, `[v6]`, `name`, each with or without `:port`.
pub(super) fn host_port(text: &str) -> Result<(Host, Option<u16>), Kind> {
    if let Some(rest) = text.strip_prefix('[') {
        let (inner, after) = rest.split_once(']').ok_or("it lacks its ']'")?;
        let address = Host::Ip(IpAddr::V6(v6(inner)?).to_canonical());
        return match after.strip_prefix(':') {
            Some(port) => Ok((address, Some(parse_port(port)?))),
            None if after.is_empty() => Ok((address, None)),
            None => Err(
                "after ']' only :port may stand; CIDRs and ranges are written without brackets"
                    .into(),
            ),
        };
    }
    match text.split_once(':') {
        None => Ok((host(text)?, None)),
        Some((_, port)) if port.contains(':') => {
            Err("it has more than one colon; an IPv6 address stands in brackets here, [2001:db8::1]:6443"
                .into())
        }
        Some((before, port)) => Ok((host(before)?, Some(parse_port(port)?))),
    }
}

/// An IPv6 address, without brackets.
pub(super) fn v6(text: &str) -> Result<Ipv6Addr, Kind> {
    if text.contains('%') {
        return Err("it has a zone id, which is not supported; write the address alone".into());
    }
    text.parse().map_err(|_| {
        "it is no IPv6 address; one with a port is written [2001:db8::1]:6443, a name with a port host:6443"
            .into()
    })
}

fn host(text: &str) -> Result<Host, Kind> {
    match text.parse::<IpAddr>() {
        Ok(address) => Ok(Host::Ip(address.to_canonical())),
        Err(_) => name(text).map(Host::Name),
    }
}

/// Whether the word of a specification writes its name with a dot at its end: then it is complete, and no
/// search domain is added.
pub(super) fn is_absolute(word: &str) -> bool {
    let authority = word.split_once("://").map_or(word, |(_, rest)| rest);
    authority
        .split(['/', ':'])
        .next()
        .is_some_and(|host| host.ends_with('.'))
}

/// A DNS name in its canonical form: IDNA applied, lower case, without a trailing dot.
pub(super) fn name(text: &str) -> Result<Arc<str>, Kind> {
    if text.is_empty() {
        return Err("the host is missing; write an address or a name".into());
    }
    if text.len() > MAX_WRITTEN {
        return Err(TOO_LONG.into());
    }
    if text.contains('*') {
        return Err("it is a wildcard; write each name, or a CIDR or range of addresses".into());
    }
    if text.contains(',') {
        return Err("it has a comma; write one specification a line".into());
    }
    if let Some(odd) = text
        .chars()
        .find(|c| c.is_ascii() && !is_name_character(*c))
    {
        return Err(format!("it is no host name: it has the character {odd:?}").into());
    }
    if text.is_ascii() {
        refuse_numbers(text)?;
    }
    let ascii = match url::Host::parse(text) {
        Ok(url::Host::Domain(ascii)) => ascii,
        Ok(_) => return Err(LOOKS_LIKE_AN_ADDRESS.into()),
        Err(problem) => return Err(format!("it is no host name: {problem}").into()),
    };
    let ascii = ascii.strip_suffix('.').unwrap_or(&ascii);
    // Only now for the others: IDNA turns full-width digits into plain ones and drops invisible
    // characters.
    refuse_numbers(ascii)?;
    if ascii.len() > 253 {
        return Err(TOO_LONG.into());
    }
    for label in ascii.split('.') {
        let problem = match label.len() {
            0 => "it has an empty part between dots",
            64.. => "a part between dots is longer than 63 characters",
            _ if label.starts_with('-') || label.ends_with('-') => {
                "a part begins or ends with a hyphen"
            }
            _ if !label.chars().all(is_name_character) => {
                "it has a character that no host name has"
            }
            _ => continue,
        };
        return Err(format!("it is no host name: {problem}").into());
    }
    Ok(ascii.into())
}

/// Letters, digits, hyphen and dot; the underscore is in no host name by the letter, but in many
/// by use.
fn is_name_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

/// Refuses what other programs read as an address, and names that end in a number.
fn refuse_numbers(text: &str) -> Result<(), Kind> {
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
            Err("it is no host name: its last part cannot be a number".into())
        }
        _ => Ok(()),
    }
}

/// Decimal digits or `0x…`: what the C library's address parser takes for a number.
fn is_number(label: &str) -> bool {
    let digits = label
        .strip_prefix("0x")
        .or_else(|| label.strip_prefix("0X"));
    match digits {
        Some(hex) => hex.bytes().all(|b| b.is_ascii_hexdigit()),
        None => !label.is_empty() && label.bytes().all(|b| b.is_ascii_digit()),
    }
}
