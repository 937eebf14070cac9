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

use super::{spec, torn};

/// Bytes of one tag or text; the output of scripts is the longest there is.
const MAX_EVENT: usize = 16 * 1024 * 1024;

/// Reads a report as it comes.
pub(super) fn read(
    reader: impl BufRead,
    take: &mut dyn FnMut(u32, Result<String, String>),
) -> Result<(), (u32, io::Error)> {
    let mut xml = Reader::from_reader(Counting { inner: reader, line: 1 });
    xml.config_mut().check_end_names = true;
    let (mut buffer, mut host) = (Vec::new(), Host::default());
    let mut reports = Reports::default();
    loop {
        buffer.clear();
        let event = xml.read_event_into(&mut buffer);
        let line = xml.get_ref().line;
        match event {
            Err(quick_xml::Error::Io(error)) => {
                return Err((line, io::Error::new(error.kind(), error.to_string())));
            }
            Err(error) => {
                take(line, Err(format!("this is no XML of nmap -oX: {error}")));
                return Ok(());
            }
            Ok(Event::Eof) if reports.begun == 0 => {
                take(line, Err("this is no report of nmap -oX: it has no <nmaprun>".to_owned()));
                return Ok(());
            }
            Ok(Event::Eof) => {
                if !reports.whole() {
                    take(line, Err(torn("nmap", "</nmaprun>")));
                }
                return Ok(());
            }
            Ok(Event::Decl(_)) => reports.announced += 1,
            Ok(Event::End(tag)) => reports.ended += u32::from(tag.name().as_ref() == "nmaprun"),
            Ok(Event::Start(tag) | Event::Empty(tag)) => {
                reports.begun += u32::from(tag.name().as_ref() == "nmaprun");
                if let Err(problem) = host.begin(&tag, line, take) {
                    take(line, Err(problem));
                }
            }
            Ok(_) => {}
        }
        if buffer.len() > MAX_EVENT {
            take(line, Err("a tag of more than 16 MiB; nothing further was read".to_owned()));
            return Ok(());
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
}

impl Host {
    fn begin(
        &mut self,
        tag: &BytesStart<'_>,
        line: u32,
        take: &mut dyn FnMut(u32, Result<String, String>),
    ) -> Result<(), String> {
        match tag.name().as_ref() {
            "host" => *self = Self::default(),
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
                    let port = text.parse().map_err(|_| format!("portid {text:?} is no port"))?;
                    self.port = Some(port);
                }
            }
            "state" if attribute(tag, "state")?.as_deref() == Some("open") => {
                if let Some(port) = self.port.take() {
                    let address = self.address.as_deref().ok_or("an open port of a host without address")?;
                    let found = spec(address, Some(port), self.name.as_deref());
                    self.found = found.as_ref().ok().cloned();
                    take(line, found);
                }
            }
            "service" if plain_http(tag)? => {
                if let Some(found) = self.found.take() {
                    take(line, Ok(format!("http://{found}")));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// Whether a service was found, by asking, to speak HTTP without TLS.
fn plain_http(service: &BytesStart<'_>) -> Result<bool, String> {
    if attribute(service, "tunnel")?.is_some() {
        return Ok(false);
    }
    let is = |name, test: fn(&str) -> bool| {
        Ok::<_, String>(attribute(service, name)?.as_deref().is_some_and(test))
    };
    let probed = is("method", |method| method == "probed")?;
    // `http`, `http-proxy`, `http-alt`: `https` is no plain one.
    let named = is("name", |name| name == "http" || name.starts_with("http-"))?;
    Ok(probed && named || is("servicefp", shows_http)?)
}

/// Whether a fingerprint (`SF-Port8080-TCP:…%r(GetRequest,C7,"HTTP/1\.0…`), which nmap prints for services that
/// it does not know, has an answer in HTTP. One that came through TLS says `T=SSL`.
fn shows_http(fingerprint: &str) -> bool {
    let answers = fingerprint.split("%r(").skip(1).filter_map(|answer| answer.splitn(3, ',').nth(2));
    let mut text = answers.map(|answer| answer.trim_start_matches("&quot;").trim_start_matches('"'));
    !fingerprint.contains("%T=SSL%") && text.any(|text| text.starts_with("HTTP/"))
}

/// The value of an attribute. Escapes do not occur in what we need and are not resolved.
fn attribute(tag: &BytesStart<'_>, name: &str) -> Result<Option<String>, String> {
    let attribute =
        tag.try_get_attribute(name).map_err(|error| format!("this is no XML of nmap -oX: {error}"))?;
    Ok(attribute.map(|attribute| attribute.value.into_owned()))
}

/// Counts the lines that were read.
struct Counting<R> {
    inner: R,
    line: u32,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer)
    }
}

impl<R: BufRead> BufRead for Counting<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        // What was filled and is now used up; filling again reads nothing.
        if let Ok(buffer) = self.inner.fill_buf() {
            let ends = buffer.iter().take(amount).filter(|byte| **byte == b'\n').count();
            self.line = self.line.saturating_add(u32::try_from(ends).unwrap_or(u32::MAX));
        }
        self.inner.consume(amount);
    }
}
