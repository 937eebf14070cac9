//! One line of a target list: a specification and its `key=value` annotations.

use std::net::IpAddr;
use std::sync::Arc;

use super::base_url::base_url;
use super::error::{LineError, Problem};
use super::host::{host_port, parse_name};
use super::host_range::{HostRange, cidr, range};
use super::ports::parse_ports;
use crate::model::{Declared, Host, InvalidWord, Scheme, Verdict};

/// Characters of a label.
const MAX_LABEL: usize = 128;

/// Which hosts a specification names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Hosts {
    /// One address or one name: a named target.
    One(Host),
    /// A CIDR or range.
    Many(HostRange),
}

/// Hosts, with or without a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HostSpec {
    pub(super) hosts: Hosts,
    pub(super) port: Option<u16>,
    /// A warning if the specification is interpreted differently from how it is written.
    pub(super) warning: Option<String>,
}

/// A target specification with its annotations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Specification<'a> {
    /// The word as written.
    pub(super) text: &'a str,
    /// The annotations that change which targets are meant, as written: `ports=` and `sni=`.
    pub(super) narrowing: Vec<&'a str>,
    pub(super) hosts: Hosts,
    /// The ports that it names itself: the one after the host, or those of `ports=`.
    pub(super) ports: Option<Vec<u16>>,
    /// The scheme of a URL.
    pub(super) scheme: Option<Scheme>,
    /// The path prefix of a URL.
    pub(super) prefix: Arc<str>,
    pub(super) sni: Option<Arc<str>>,
    pub(super) label: Option<Arc<str>>,
    pub(super) expect: Option<Verdict>,
    /// What an inventory says about it.
    pub(super) declared: Option<Arc<Declared>>,
    pub(super) warning: Option<String>,
    /// Whether another scanner found it; such a target does not count as named.
    pub(super) imported: bool,
}

/// A word of a line.
#[derive(Debug, Clone, Copy)]
struct Word<'a> {
    text: &'a str,
    /// The character of the line that it begins with, from 1.
    column: usize,
}

impl Word<'_> {
    fn error(self, problem: impl Into<Problem>) -> LineError {
        LineError::at(self.column, problem)
    }
}

/// Reads a line of a target list; `None` if it is blank or a comment.
pub(super) fn target_line(line: &str) -> Result<Option<Specification<'_>>, LineError> {
    let Some((first, rest)) = words(line)? else {
        return Ok(None);
    };
    let mut annotations = Annotations::read(&rest)?;
    let url = base_url(first.text)
        .transpose()
        .map_err(|problem| first.error(problem))?;
    let (spec, scheme, prefix) = if let Some(url) = url {
        let spec = HostSpec {
            hosts: Hosts::One(url.host),
            port: Some(url.port),
            warning: None,
        };
        (spec, Some(url.scheme), url.prefix)
    } else {
        let spec = host_spec(first.text).map_err(|problem| first.error(problem))?;
        (spec, None, Arc::default())
    };
    if spec.port.is_some() && annotations.ports.is_some() {
        return Err(first.error(if scheme.is_some() {
            "unexpected ports=: a URL has one port"
        } else {
            "the target has a port and ports=: remove one of them"
        }));
    }
    match &spec.hosts {
        Hosts::One(Host::Ip(address)) => {
            let broadcast = matches!(address, IpAddr::V4(v4) if v4.is_broadcast());
            if address.is_unspecified() || address.is_multicast() || broadcast {
                return Err(first
                    .error("not the address of a single server: give the one that it listens on"));
            }
        }
        // SNI is the host name by default.
        Hosts::One(Host::Name(name)) if annotations.sni.as_ref() == Some(name) => {
            annotations.sni = None;
        }
        Hosts::One(Host::Name(_)) | Hosts::Many(_) => {}
    }
    let mut narrowing: Vec<&str> = rest.into_iter().map(|word| word.text).collect();
    narrowing.retain(|word| word.starts_with("ports=") || word.starts_with("sni="));
    narrowing.sort_unstable();
    Ok(Some(Specification {
        text: first.text,
        narrowing,
        hosts: spec.hosts,
        ports: spec.port.map(|port| vec![port]).or(annotations.ports),
        scheme,
        prefix,
        sni: annotations.sni,
        label: annotations.name,
        expect: annotations.expect,
        declared: None,
        warning: spec.warning,
        imported: false,
    }))
}

/// Reads a line of an exclusion list: the text as written, and what it names. `None` if it is blank or a
/// comment.
pub(super) fn exclusion_line(line: &str) -> Result<Option<(&str, HostSpec)>, LineError> {
    let Some((first, rest)) = words(line)? else {
        return Ok(None);
    };
    if let Some(word) = rest.first() {
        return Err(
            word.error("unexpected text: an exclusion takes no annotations; write one per line")
        );
    }
    if first.text.contains("://") {
        return Err(first.error("unexpected URL: an exclusion is an address, CIDR, range or name"));
    }
    let spec = host_spec(first.text).map_err(|problem| first.error(problem))?;
    Ok(Some((first.text, spec)))
}

/// The words of a line without its comment: the first, and the rest.
fn words(line: &str) -> Result<Option<(Word<'_>, Vec<Word<'_>>)>, LineError> {
    let comment = line
        .match_indices('#')
        .map(|(at, _)| line.split_at(at).0)
        .find(|before| before.is_empty() || before.ends_with(char::is_whitespace));
    let line = comment.unwrap_or(line);
    let mut column = 1;
    let mut words = line.split(char::is_whitespace).filter_map(|text| {
        let word = Word { text, column };
        column += text.chars().count() + 1;
        (!text.is_empty()).then_some(word)
    });
    let Some(first) = words.next() else {
        return Ok(None);
    };
    let rest: Vec<Word<'_>> = words.collect();
    let has_user_info =
        |word: &&Word<'_>| !word.text.starts_with("name=") && word.text.contains('@');
    if let Some(word) = std::iter::once(&first).chain(&rest).find(has_user_info) {
        return Err(word.error(
            "unexpected user information before '@' (not repeated here): kubeknock never sends credentials; write \
             the host alone",
        ));
    }
    let end = line.trim_end().chars().count();
    let is_control = |(_, c): &(usize, char)| c.is_control() && *c != '\t';
    if let Some((at, control)) = line
        .chars()
        .enumerate()
        .take(end)
        .skip(first.column - 1)
        .find(is_control)
    {
        return Err(LineError::at(
            at + 1,
            format!("unexpected control character {control:?}"),
        ));
    }
    Ok(Some((first, rest)))
}

fn host_spec(text: &str) -> Result<HostSpec, Problem> {
    let (hosts, port, warning) = if let Some(network) = cidr(text) {
        let (range, warning) = network?;
        (Hosts::Many(range), None, warning)
    } else if let Some(range) = range(text) {
        (Hosts::Many(range?), None, None)
    } else {
        let (host, port) = host_port(text)?;
        (Hosts::One(host), port, None)
    };
    Ok(HostSpec {
        hosts,
        port,
        warning,
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
    const EXPECTED: &str = "expected name=, expect=, sni= or ports=";

    fn read(words: &[Word<'_>]) -> Result<Self, LineError> {
        let mut annotations = Self::default();
        for word in words {
            annotations
                .add(word.text)
                .map_err(|problem| word.error(problem))?;
        }
        Ok(annotations)
    }

    fn add(&mut self, word: &str) -> Result<(), Problem> {
        let Some((key, value)) = word.split_once('=') else {
            return Err(format!(
                "invalid annotation: {}; write one specification per line",
                Self::EXPECTED
            )
            .into());
        };
        match key {
            "name" => set(&mut self.name, "name=", value, label),
            "expect" => set(&mut self.expect, "expect=", value, |value| {
                value
                    .parse()
                    .map_err(|error: InvalidWord| error.without_word().to_string().into())
            }),
            "sni" => set(&mut self.sni, "sni=", value, parse_name),
            "ports" => set(&mut self.ports, "ports=", value, |value| {
                parse_ports(value).map_err(|error| error.to_string().into())
            }),
            _ => Err(format!("unknown annotation: {}", Self::EXPECTED).into()),
        }
    }
}

fn set<T>(
    annotation: &mut Option<T>,
    key: &str,
    value: &str,
    parse: fn(&str) -> Result<T, Problem>,
) -> Result<(), Problem> {
    if value.is_empty() {
        return Err(format!("missing value after {key}").into());
    }
    let value = parse(value).map_err(|problem| format!("{key}: {problem}"))?;
    if annotation.replace(value).is_some() {
        return Err(format!("duplicate {key}: write each annotation once").into());
    }
    Ok(())
}

fn label(value: &str) -> Result<Arc<str>, Problem> {
    if value.chars().count() > MAX_LABEL {
        return Err(format!("longer than {MAX_LABEL} characters").into());
    }
    Ok(value.into())
}
