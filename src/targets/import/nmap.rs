//! `nmap -oX`: open TCP ports of every host, under the name that the user gave for it.
//!
//! A port on which `nmap -sV` got an HTTP answer without TLS is asked both ways: a server may wait for the
//! end of what it takes for a request, and never say that it speaks no TLS. Without TLS alone would not do:
//! servers answer plain HTTP on their TLS port too, with an error, which nmap may take for all that there
//! is. Names that it took from its table of ports say nothing, but the answers do that it shows of a service
//! that it does not know.
//!
//! `--append-output` writes one report behind the other, and the last of them may have lost its end.

use std::io::{self, BufRead, Read};

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::{Found, Kind, Take, port_number, spec, torn};

/// Bytes of one tag or text; the output of scripts is the longest there is.
const MAX_EVENT: usize = 16 * 1024 * 1024;
/// Elements within each other; the tables of scripts are the deepest there are.
const MAX_DEPTH: u32 = 256;

const NO_XML: &str = "this is no XML of nmap -oX, or it is damaged here";

/// Reads a report as it comes.
pub(super) fn read(reader: impl BufRead, take: Take<'_>) -> Result<(), (u32, io::Error)> {
    let mut xml = Reader::from_reader(Counting {
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
        let mut last = |kind: &'static str| take(line, Err(kind.into()));
        match event {
            Err(quick_xml::Error::Io(error)) => {
                return Err((line, io::Error::new(error.kind(), error.to_string())));
            }
            Err(_) => {
                last(NO_XML);
                return Ok(());
            }
            Ok(Event::Eof) if reports.begun == 0 => {
                last("this is no report of nmap -oX: it has no <nmaprun>");
                return Ok(());
            }
            Ok(Event::Eof) => {
                if !reports.whole() {
                    take(line, Err(torn("nmap", "</nmaprun>")));
                }
                if let Some((line, note)) = host.given_up() {
                    take(line, Ok(Found::Note(note)));
                }
                return Ok(());
            }
            Ok(Event::Decl(_)) => reports.announced += 1,
            Ok(Event::End(tag)) => {
                reports.depth = reports.depth.saturating_sub(1);
                reports.ended += u32::from(tag.name().as_ref() == "nmaprun");
            }
            Ok(Event::Start(tag)) if reports.depth < MAX_DEPTH => {
                reports.depth += 1;
                reports.begun += u32::from(tag.name().as_ref() == "nmaprun");
                host.take(&tag, line, take);
            }
            Ok(Event::Start(_)) => {
                last(
                    "elements are within each other more deeply than nmap writes them; nothing further was read",
                );
                return Ok(());
            }
            Ok(Event::Empty(tag)) => host.take(&tag, line, take),
            Ok(_) => {}
        }
    }
}

/// The reports of a file.
#[derive(Default)]
struct Reports {
    /// XML declarations, which not everybody who makes such a file writes.
    announced: u32,
    begun: u32,
    ended: u32,
    /// Elements that have begun and not ended.
    depth: u32,
}

impl Reports {
    /// Whether each has its end, and none was torn off before it began.
    const fn whole(&self) -> bool {
        self.begun == self.ended && self.announced <= self.begun
    }
}

/// The host that is being read.
#[derive(Default)]
struct Host {
    address: Option<String>,
    name: Option<String>,
    /// The TCP port that is being read.
    port: Option<u16>,
    /// What that came to, once its state said that it is open.
    found: Option<String>,
    /// How many hosts nmap gave up on so far, and the line of the first.
    given_up: u32,
    first_given_up: u32,
}

impl Host {
    fn take(&mut self, tag: &BytesStart<'_>, line: u32, take: Take<'_>) {
        if let Err(kind) = self.begin(tag, line, take) {
            take(line, Err(kind));
        }
    }

    fn begin(&mut self, tag: &BytesStart<'_>, line: u32, take: Take<'_>) -> Result<(), Kind> {
        match tag.name().as_ref() {
            "host" => {
                let Self {
                    mut given_up,
                    mut first_given_up,
                    ..
                } = *self;
                if attribute(tag, "timedout")?.as_deref() == Some("true") {
                    given_up += 1;
                    first_given_up = if given_up == 1 { line } else { first_given_up };
                }
                *self = Self {
                    given_up,
                    first_given_up,
                    ..Self::default()
                };
            }
            "finished" if attribute(tag, "exit")?.is_some_and(|exit| exit != "success") => {
                return Err("nmap says that it did not end well (its exit is not \"success\"): what it did not come to \
                            would pass for closed; run it again"
                    .into());
            }
            "address" if attribute(tag, "addrtype")?.is_some_and(|kind| kind != "mac") => {
                self.address = attribute(tag, "addr")?;
            }
            "hostname" if attribute(tag, "type")?.as_deref() == Some("user") => {
                self.name = attribute(tag, "name")?;
            }
            "port" => {
                (self.port, self.found) = (None, None);
                if attribute(tag, "protocol")?.as_deref() == Some("tcp") {
                    let text = attribute(tag, "portid")?.unwrap_or_default();
                    self.port = Some(port_number(&text)?);
                }
            }
            "state" if attribute(tag, "state")?.as_deref() == Some("open") => {
                if let Some(port) = self.port.take() {
                    let address = self
                        .address
                        .as_deref()
                        .ok_or("an open port of a host without address")?;
                    let found = spec(address, Some(port), self.name.as_deref());
                    self.found = found.as_ref().ok().cloned();
                    take(line, found.map(Found::Spec));
                }
            }
            "service" if plain_http(tag)? => {
                if let Some(found) = self.found.take() {
                    take(line, Ok(Found::Spec(format!("http://{found}"))));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// What nmap says of hosts that it took no further time for (`--host-timeout`).
    fn given_up(&self) -> Option<(u32, String)> {
        let hosts = match self.given_up {
            0 => return None,
            1 => "this host".to_owned(),
            count => format!("{count} hosts, of which this is the first"),
        };
        let said = "which of their ports are open is not known, and they are not asked";
        Some((
            self.first_given_up,
            format!("nmap gave up on {hosts} (timedout=\"true\"): {said}"),
        ))
    }
}

/// Whether a service was found, by asking, to speak HTTP without TLS.
fn plain_http(service: &BytesStart<'_>) -> Result<bool, Kind> {
    if attribute(service, "tunnel")?.is_some() {
        return Ok(false);
    }
    let is = |name, test: fn(&str) -> bool| {
        Ok::<_, Kind>(attribute(service, name)?.as_deref().is_some_and(test))
    };
    let probed = is("method", |method| method == "probed")?;
    // `http`, `http-proxy`, `http-alt`: `https` is no plain one.
    let named = is("name", |name| name == "http" || name.starts_with("http-"))?;
    Ok(probed && named || is("servicefp", shows_http)?)
}

/// Whether a fingerprint (`SF-Port8080-TCP:…%r(GetRequest,C7,"HTTP/1\.0…`), which nmap prints for services that
/// it does not know, has an answer in HTTP. One that came through TLS says `T=SSL`.
fn shows_http(fingerprint: &str) -> bool {
    let answers = fingerprint
        .split("%r(")
        .skip(1)
        .filter_map(|answer| answer.splitn(3, ',').nth(2));
    let mut text =
        answers.map(|answer| answer.trim_start_matches("&quot;").trim_start_matches('"'));
    !fingerprint.contains("%T=SSL%") && text.any(|text| text.starts_with("HTTP/"))
}

/// The value of an attribute. Escapes do not occur in what we need and are not resolved.
fn attribute(tag: &BytesStart<'_>, name: &str) -> Result<Option<String>, Kind> {
    let attribute = tag.try_get_attribute(name).map_err(|_| NO_XML)?;
    Ok(attribute.map(|attribute| attribute.value.into_owned()))
}

/// Counts the lines that were read, and ends what is too long for one piece of XML: the reader would
/// hold all of it.
struct Counting<R> {
    inner: R,
    line: u32,
    /// Bytes that the piece may still have.
    left: usize,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer)
    }
}

impl<R: BufRead> BufRead for Counting<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.left == 0 {
            let problem = format!("a tag or text of more than {} MiB", MAX_EVENT >> 20);
            return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
        }
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        // What was filled and is now used up; filling again reads nothing.
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
