//! One line → what it names: the specification word and its `key=value` annotations.

use std::sync::Arc;

use super::base_url::base_url;
use super::error::{Kind, Mistake};
use super::host::{host_port, name, v6};
use super::ports::parse_ports;
use super::span::{Span, cidr, range};
use crate::model::{Host, InvalidWord, Scheme, Verdict};

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

/// A word of a line, and the character of the line that it begins with, from 1.
#[derive(Debug, Clone, Copy)]
struct Piece<'a> {
    text: &'a str,
    column: usize,
}

impl Piece<'_> {
    /// A mistake in this word.
    fn wrong(self, kind: impl Into<Kind>) -> Mistake {
        Mistake::at(self.column, kind)
    }
}

/// Reads a line of a target list; `None` if it is blank or a comment.
pub(super) fn target_line(line: &str) -> Result<Option<Specification<'_>>, Mistake> {
    let Some((first, rest)) = words(line)? else {
        return Ok(None);
    };
    let text = first.text;
    let mut notes = Annotations::read(&rest)?;
    let (word, scheme, prefix) = match base_url(text)
        .transpose()
        .map_err(|kind| first.wrong(kind))?
    {
        Some(_) if notes.ports.is_some() => {
            return Err(first.wrong("a URL means one port; ports= does not go with it"));
        }
        Some(url) => {
            let word = Word {
                hosts: Hosts::One(url.host),
                port: Some(url.port),
                remark: None,
            };
            (word, Some(url.scheme), url.prefix)
        }
        None => (
            parse_word(text).map_err(|kind| first.wrong(kind))?,
            None,
            Arc::default(),
        ),
    };
    if word.port.is_some() && notes.ports.is_some() {
        return Err(first.wrong("it names a port already; leave out ports= or the port"));
    }
    match &word.hosts {
        Hosts::One(Host::Ip(address)) => {
            let broadcast = matches!(address, std::net::IpAddr::V4(v4) if v4.is_broadcast());
            if address.is_unspecified() || address.is_multicast() || broadcast {
                return Err(first.wrong("the address is no host; give the address of one server"));
            }
        }
        // A name's own name is what is sent anyway.
        Hosts::One(Host::Name(name)) if notes.sni.as_ref() == Some(name) => notes.sni = None,
        Hosts::One(Host::Name(_)) | Hosts::Many(_) => {}
    }
    let mut narrowed: Vec<&str> = rest.into_iter().map(|word| word.text).collect();
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
pub(super) fn exclusion_line(line: &str) -> Result<Option<(&str, Word)>, Mistake> {
    let Some((first, rest)) = words(line)? else {
        return Ok(None);
    };
    if let Some(word) = rest.first() {
        return Err(word.wrong("an exclusion takes no annotations; one exclusion a line"));
    }
    if first.text.contains("://") {
        return Err(first.wrong("an exclusion is an address, CIDR, range or name, no URL"));
    }
    let word = parse_word(first.text).map_err(|kind| first.wrong(kind))?;
    Ok(Some((first.text, word)))
}

/// The words of a line without its comment: the first, and what follows it.
fn words(line: &str) -> Result<Option<(Piece<'_>, Vec<Piece<'_>>)>, Mistake> {
    let comment = line
        .match_indices('#')
        .map(|(at, _)| line.split_at(at).0)
        .find(|before| before.is_empty() || before.ends_with(char::is_whitespace));
    let line = comment.unwrap_or(line);
    let mut column = 1;
    let mut pieces = line.split(char::is_whitespace).filter_map(|text| {
        let piece = Piece { text, column };
        column += text.chars().count() + 1;
        (!text.is_empty()).then_some(piece)
    });
    let Some(first) = pieces.next() else {
        return Ok(None);
    };
    let rest: Vec<Piece<'_>> = pieces.collect();
    let has_user =
        |piece: &&Piece<'_>| !piece.text.starts_with("name=") && piece.text.contains('@');
    if let Some(piece) = std::iter::once(&first).chain(&rest).find(has_user) {
        return Err(piece.wrong(
            "has user information ('@', not repeated here): kubeknock never sends credentials; write the host alone",
        ));
    }
    let end = line.trim_end().chars().count();
    let control = |(_, c): &(usize, char)| c.is_control() && *c != '\t';
    if let Some((at, odd)) = line
        .chars()
        .enumerate()
        .take(end)
        .skip(first.column - 1)
        .find(control)
    {
        return Err(Mistake::at(
            at + 1,
            format!("there is the control character {odd:?}; remove it"),
        ));
    }
    Ok(Some((first, rest)))
}

fn parse_word(text: &str) -> Result<Word, Kind> {
    if let Some(network) = cidr(text) {
        return network.map(|(span, remark)| Word {
            hosts: Hosts::Many(span),
            port: None,
            remark,
        });
    }
    if let Some(span) = range(text) {
        return span.map(|span| Word {
            hosts: Hosts::Many(span),
            port: None,
            remark: None,
        });
    }
    let (host, port) = if !text.starts_with('[') && text.matches(':').count() > 1 {
        (
            Host::Ip(std::net::IpAddr::V6(v6(text)?).to_canonical()),
            None,
        )
    } else {
        host_port(text)?
    };
    Ok(Word {
        hosts: Hosts::One(host),
        port,
        remark: None,
    })
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

    fn read(words: &[Piece<'_>]) -> Result<Self, Mistake> {
        let mut notes = Self::default();
        for word in words {
            notes.add(word.text).map_err(|kind| word.wrong(kind))?;
        }
        Ok(notes)
    }

    fn add(&mut self, word: &str) -> Result<(), Kind> {
        let Some((key, value)) = word.split_once('=') else {
            return Err(format!(
                "it is no annotation; {}; one specification a line",
                Self::KNOWN
            )
            .into());
        };
        match key {
            "name" => set(&mut self.name, key, value, label),
            "expect" => set(&mut self.expect, key, value, verdict),
            "sni" => set(&mut self.sni, key, value, name),
            "ports" => set(&mut self.ports, key, value, parse_ports),
            _ => Err(format!("the annotation is unknown; {}", Self::KNOWN).into()),
        }
    }
}

fn set<T>(
    place: &mut Option<T>,
    key: &str,
    value: &str,
    read: fn(&str) -> Result<T, Kind>,
) -> Result<(), Kind> {
    if value.is_empty() {
        return Err(format!("{key}= lacks its value; {}", Annotations::KNOWN).into());
    }
    let value = read(value).map_err(|problem| format!("{key}=: {problem}"))?;
    if place.replace(value).is_some() {
        return Err(format!("{key}= is given twice; {} once each", Annotations::KNOWN).into());
    }
    Ok(())
}

fn label(value: &str) -> Result<Arc<str>, Kind> {
    if value.chars().count() > MAX_LABEL {
        return Err(format!("a name is at most {MAX_LABEL} characters long").into());
    }
    Ok(value.into())
}

fn verdict(value: &str) -> Result<Verdict, Kind> {
    value
        .parse()
        .map_err(|error: InvalidWord| error.without_word().to_string().into())
}
