//! One line → what it names: the specification word and its `key=value` annotations.

use std::fmt::Display;
use std::sync::Arc;

use super::base_url::base_url;
use super::error::{quote, shorten};
use super::host::{host_port, name, v6};
use super::ports::parse_ports;
use super::span::{Span, cidr, range};
use crate::model::{Host, Scheme, UnknownVerdict, Verdict};

/// Characters of a label.
const MAX_LABEL: usize = 128;

/// Whom a specification names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Hosts {
    /// One address or one name: a named target.
    One(Host),
    /// A CIDR or range.
    Many(Span),
}

/// A specification word that is no URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) hosts: Hosts,
    pub(super) port: Option<u16>,
    /// What was understood otherwise than it was written.
    pub(super) remark: Option<String>,
}

/// A target specification with its annotations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Specification<'a> {
    /// The word as written.
    pub(super) text: &'a str,
    /// The annotations that say which targets are meant, as written: `ports=` and `sni=`.
    pub(super) narrowed: Vec<&'a str>,
    pub(super) hosts: Hosts,
    /// The ports it names itself: one in the word, or those of `ports=`.
    pub(super) ports: Option<Vec<u16>>,
    /// The scheme of a URL.
    pub(super) scheme: Option<Scheme>,
    /// The path prefix of a URL.
    pub(super) prefix: Arc<str>,
    pub(super) sni: Option<Arc<str>>,
    pub(super) label: Option<Arc<str>>,
    pub(super) expect: Option<Verdict>,
    pub(super) remark: Option<String>,
    /// Whether another scanner found it: then it is no named target.
    pub(super) imported: bool,
}

/// Reads a line of a target list; `None` if it is blank or a comment.
pub(super) fn target_line(line: &str) -> Result<Option<Specification<'_>>, String> {
    let Some((text, rest)) = words(line)? else { return Ok(None) };
    let mut notes = Annotations::read(&rest)?;
    let (word, scheme, prefix) = match base_url(text).transpose()? {
        Some(url) if notes.ports.is_some() => {
            return Err(format!("a URL means one port, here {}; ports= does not go with it", url.port));
        }
        Some(url) => {
            let word = Word { hosts: Hosts::One(url.host), port: Some(url.port), remark: None };
            (word, Some(url.scheme), url.prefix)
        }
        None => (parse_word(text)?, None, Arc::default()),
    };
    if let (Some(port), Some(_)) = (word.port, &notes.ports) {
        return Err(format!("{} names port {port} already; leave out ports= or the port", quote(text)));
    }
    match &word.hosts {
        Hosts::One(Host::Ip(address)) => {
            let broadcast = matches!(address, std::net::IpAddr::V4(v4) if v4.is_broadcast());
            if address.is_unspecified() || address.is_multicast() || broadcast {
                return Err(format!("{address} is no host; give the address of one server"));
            }
        }
        // A name's own name is what is sent anyway.
        Hosts::One(Host::Name(name)) if notes.sni.as_ref() == Some(name) => notes.sni = None,
        _ => {}
    }
    let mut narrowed = rest;
    narrowed.retain(|word| word.starts_with("ports=") || word.starts_with("sni="));
    narrowed.sort_unstable();
    Ok(Some(Specification {
        text,
        narrowed,
        hosts: word.hosts,
        ports: word.port.map(|port| vec![port]).or(notes.ports),
        scheme,
        prefix,
        sni: notes.sni,
        label: notes.name,
        expect: notes.expect,
        remark: word.remark,
        imported: false,
    }))
}

/// Reads a line of an exclusion list, its word as written and what it means; `None` if it is blank or a comment.
pub(super) fn exclusion_line(line: &str) -> Result<Option<(&str, Word)>, String> {
    let Some((text, rest)) = words(line)? else { return Ok(None) };
    if let Some(word) = rest.first() {
        return Err(format!("{}: an exclusion takes no annotations; one exclusion a line", quote(word)));
    }
    if text.contains("://") {
        return Err(format!("{}: an exclusion is an address, CIDR, range or name, no URL", quote(text)));
    }
    parse_word(text).map(|word| Some((text, word)))
}

/// The words of a line without its comment.
fn words(line: &str) -> Result<Option<(&str, Vec<&str>)>, String> {
    let comment = line
        .match_indices('#')
        .map(|(at, _)| line.split_at(at).0)
        .find(|before| before.is_empty() || before.ends_with(char::is_whitespace));
    let line = comment.unwrap_or(line);
    let mut words = line.split_whitespace();
    let Some(first) = words.next() else { return Ok(None) };
    let rest: Vec<&str> = words.collect();
    // Before anything is repeated in an error: what stands before an '@' may be a password.
    if std::iter::once(&first).chain(&rest).any(|word| !word.starts_with("name=") && word.contains('@')) {
        return Err("has user information ('@', not repeated here): kubeknock never sends credentials; \
                    write the host alone"
            .into());
    }
    if let Some(odd) = line.trim().chars().find(|c| c.is_control() && *c != '\t') {
        return Err(format!("{} has the control character {odd:?}; remove it", quote(line.trim())));
    }
    Ok(Some((first, rest)))
}

fn parse_word(text: &str) -> Result<Word, String> {
    if let Some(network) = cidr(text) {
        return network.map(|(span, remark)| Word { hosts: Hosts::Many(span), port: None, remark });
    }
    if let Some(span) = range(text) {
        return span.map(|span| Word { hosts: Hosts::Many(span), port: None, remark: None });
    }
    let (host, port) = if !text.starts_with('[') && text.matches(':').count() > 1 {
        (Host::Ip(std::net::IpAddr::V6(v6(text)?).to_canonical()), None)
    } else {
        host_port(text)?
    };
    Ok(Word { hosts: Hosts::One(host), port, remark: None })
}

#[derive(Debug, Default)]
struct Annotations {
    name: Option<Arc<str>>,
    expect: Option<Verdict>,
    sni: Option<Arc<str>>,
    ports: Option<Vec<u16>>,
}

impl Annotations {
    const KNOWN: &str = "known are name=, expect=, sni= and ports=";

    fn read(words: &[&str]) -> Result<Self, String> {
        let mut notes = Self::default();
        for word in words {
            let (key, value) = word.split_once('=').ok_or_else(|| {
                format!("{} is no annotation; {}; one specification a line", quote(word), Self::KNOWN)
            })?;
            if value.is_empty() {
                return Err(format!("{} lacks its value; {}", quote(word), Self::KNOWN));
            }
            match key {
                "name" => set(&mut notes.name, key, label(value))?,
                "expect" => set(&mut notes.expect, key, verdict(value))?,
                "sni" => set(&mut notes.sni, key, name(value))?,
                "ports" => set(&mut notes.ports, key, parse_ports(value))?,
                _ => return Err(format!("the annotation {} is unknown; {}", quote(key), Self::KNOWN)),
            }
        }
        Ok(notes)
    }
}

fn set<T>(place: &mut Option<T>, key: &str, value: Result<T, impl Display>) -> Result<(), String> {
    let value = value.map_err(|problem| format!("{key}=: {problem}"))?;
    if place.replace(value).is_some() {
        return Err(format!("{key}= is given twice; {} once each", Annotations::KNOWN));
    }
    Ok(())
}

fn label(value: &str) -> Result<Arc<str>, String> {
    if value.chars().count() > MAX_LABEL {
        return Err(format!("a name is at most {MAX_LABEL} characters long"));
    }
    Ok(value.into())
}

fn verdict(value: &str) -> Result<Verdict, UnknownVerdict> {
    value.parse().map_err(|_| UnknownVerdict(shorten(value)))
}
