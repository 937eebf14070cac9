//! `nmap -oX`: the open TCP ports of every host, under the name that the user gave for it.
//!
//! A port on which `nmap -sV` got an HTTP answer without TLS is asked with TLS and without. With
//! TLS only, a plain HTTP server that waits for a complete request would just time out. With plain
//! HTTP only, a TLS port that answers plain HTTP with an error would be missed. Service names from
//! nmap's table of ports prove nothing; answers in the fingerprint of an unknown service do.
//!
//! `--append-output` writes one report after the other, and the last of them may be truncated.

use std::io::{self, BufRead, Read};

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::imported::{Handler, ImportedLine};
use super::lines::{port, spec, truncated};
use crate::targets::error::Problem;

/// Bytes of one tag or text; the longest are outputs of scripts.
const MAX_EVENT: usize = 16 * 1024 * 1024;
/// How deep elements may be nested; the deepest are tables of scripts.
const MAX_DEPTH: u32 = 256;

const INVALID_XML: &str = "invalid XML: expected that of nmap -oX";

/// Reads reports as a stream.
pub(super) fn read(reader: impl BufRead, handle: Handler<'_>) -> Result<(), (u32, io::Error)> {
    let mut xml = Reader::from_reader(Limited {
        inner: reader,
        line: 1,
        left: MAX_EVENT,
    });
    xml.config_mut().check_end_names = true;
    let (mut buffer, mut host) = (Vec::new(), Host::default());
    let mut reports = Reports::default();
    loop {
        buffer.clear();
        xml.get_mut().left = MAX_EVENT;
        let event = xml.read_event_into(&mut buffer);
        let line = xml.get_ref().line;
        let failure: Problem = match event {
            Err(quick_xml::Error::Io(error)) => {
                return Err((line, io::Error::new(error.kind(), error.to_string())));
            }
            Err(_) => INVALID_XML.into(),
            Ok(Event::Eof) if reports.opened == 0 => {
                "missing <nmaprun>: expected a report of nmap -oX".into()
            }
            Ok(Event::Eof) => {
                if !reports.complete() {
                    handle(line, Err(truncated("nmap", "</nmaprun>")));
                }
                if let Some((line, warning)) = host.timed_out_warning() {
                    handle(line, Ok(ImportedLine::Warning(warning)));
                }
                return Ok(());
            }
            Ok(Event::Start(_)) if reports.depth == MAX_DEPTH => {
                "elements nested deeper than nmap writes them; the rest was not read".into()
            }
            Ok(event) => {
                reports.count(&event);
                if let Event::Start(tag) | Event::Empty(tag) = event
                    && let Err(problem) = host.element(&tag, line, handle)
                {
                    handle(line, Err(problem));
                }
                continue;
            }
        };
        handle(line, Err(failure));
        return Ok(());
    }
}

/// The reports of a file.
#[derive(Default)]
struct Reports {
    /// XML declarations; not every tool that makes such a file writes one.
    declared: u32,
    opened: u32,
    closed: u32,
    /// Elements that are open.
    depth: u32,
}

impl Reports {
    fn count(&mut self, event: &Event<'_>) {
        match event {
            Event::Decl(_) => self.declared += 1,
            Event::Start(tag) => {
                self.depth += 1;
                self.opened += u32::from(tag.name().as_ref() == "nmaprun");
            }
            Event::End(tag) => {
                self.depth = self.depth.saturating_sub(1);
                self.closed += u32::from(tag.name().as_ref() == "nmaprun");
            }
            _ => {}
        }
    }

    /// Whether every report has its end, and none was truncated before its first element.
    const fn complete(&self) -> bool {
        self.opened == self.closed && self.declared <= self.opened
    }
}

/// The host that is being read.
#[derive(Default)]
struct Host {
    address: Option<String>,
    name: Option<String>,
    /// The TCP port that is being read.
    port: Option<u16>,
    /// Its specification, if it is open.
    open: Option<String>,
    /// How many hosts nmap gave up on so far, and the line of the first.
    timed_out: u32,
    first_timed_out: u32,
}

impl Host {
    fn element(
        &mut self,
        tag: &BytesStart<'_>,
        line: u32,
        handle: Handler<'_>,
    ) -> Result<(), Problem> {
        match tag.name().as_ref() {
            "host" => {
                *self = Self {
                    timed_out: self.timed_out,
                    first_timed_out: self.first_timed_out,
                    ..Self::default()
                };
                if attribute(tag, "timedout")?.as_deref() == Some("true") {
                    self.timed_out += 1;
                    if self.timed_out == 1 {
                        self.first_timed_out = line;
                    }
                }
            }
            "finished" if attribute(tag, "exit")?.is_some_and(|exit| exit != "success") => {
                return Err(
                    "nmap failed (its exit is not \"success\"): ports that it did not reach would look closed; \
                     run it again"
                        .into(),
                );
            }
            "address" if attribute(tag, "addrtype")?.is_some_and(|kind| kind != "mac") => {
                self.address = attribute(tag, "addr")?;
            }
            "hostname" if attribute(tag, "type")?.as_deref() == Some("user") => {
                self.name = attribute(tag, "name")?;
            }
            "port" => {
                (self.port, self.open) = (None, None);
                if attribute(tag, "protocol")?.as_deref() == Some("tcp") {
                    let text = attribute(tag, "portid")?.unwrap_or_default();
                    self.port = Some(port(&text)?);
                }
            }
            "state" if attribute(tag, "state")?.as_deref() == Some("open") => {
                if let Some(port) = self.port.take() {
                    let address = self
                        .address
                        .as_deref()
                        .ok_or("missing address: the host of an open port has none")?;
                    let open = spec(address, Some(port), self.name.as_deref())?;
                    self.open = Some(open.clone());
                    handle(line, Ok(ImportedLine::Spec(open)));
                }
            }
            "service" if is_plain_http(tag)? => {
                if let Some(open) = self.open.take() {
                    handle(line, Ok(ImportedLine::Spec(format!("http://{open}"))));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The warning about hosts that nmap gave up on (`--host-timeout`), with the line of the first.
    fn timed_out_warning(&self) -> Option<(u32, String)> {
        let hosts = match self.timed_out {
            0 => return None,
            1 => "this host".to_owned(),
            count => format!("{count} hosts, this one first"),
        };
        let text = format!(
            "nmap gave up on {hosts} (timedout=\"true\"): its open ports are unknown and are not asked"
        );
        Some((self.first_timed_out, text))
    }
}

/// Whether nmap asked a service and got an HTTP answer without TLS.
fn is_plain_http(service: &BytesStart<'_>) -> Result<bool, Problem> {
    if attribute(service, "tunnel")?.is_some() {
        return Ok(false);
    }
    let is = |name, test: fn(&str) -> bool| {
        Ok::<_, Problem>(attribute(service, name)?.as_deref().is_some_and(test))
    };
    let probed = is("method", |method| method == "probed")?;
    // `http`, `http-proxy`, `http-alt`, but not `https`.
    let named = is("name", |name| name == "http" || name.starts_with("http-"))?;
    Ok(probed && named || is("servicefp", shows_http)?)
}

/// Whether a fingerprint has an HTTP answer (`SF-Port8080-TCP:…%r(GetRequest,C7,"HTTP/1\.0…`). nmap prints
/// fingerprints of services that it does not know; `T=SSL` marks one that came through TLS.
fn shows_http(fingerprint: &str) -> bool {
    let answers = fingerprint
        .split("%r(")
        .skip(1)
        .filter_map(|answer| answer.splitn(3, ',').nth(2));
    let mut texts =
        answers.map(|answer| answer.trim_start_matches("&quot;").trim_start_matches('"'));
    !fingerprint.contains("%T=SSL%") && texts.any(|text| text.starts_with("HTTP/"))
}

/// The value of an attribute. The values that we read have no escapes, so none are resolved.
fn attribute(tag: &BytesStart<'_>, name: &str) -> Result<Option<String>, Problem> {
    let attribute = tag.try_get_attribute(name).map_err(|_| INVALID_XML)?;
    Ok(attribute.map(|attribute| attribute.value.into_owned()))
}

/// Counts lines, and fails on a piece of XML that is too long: the XML reader would keep all of it in
/// memory.
struct Limited<R> {
    inner: R,
    line: u32,
    /// How many more bytes the piece may have.
    left: usize,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer)
    }
}

impl<R: BufRead> BufRead for Limited<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.left == 0 {
            let problem = format!("a tag or text of more than {} MiB", MAX_EVENT >> 20);
            return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
        }
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        // The buffer still has data, so this call does not read.
        if let Ok(buffer) = self.inner.fill_buf() {
            let ends = buffer
                .iter()
                .take(amount)
                .filter(|byte| **byte == b'\n')
                .count();
            self.line = self
                .line
                .saturating_add(u32::try_from(ends).unwrap_or(u32::MAX));
        }
        self.left = self.left.saturating_sub(amount);
        self.inner.consume(amount);
    }
}
