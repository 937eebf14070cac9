//! Results of other scanners → target specifications: a faster layer-4 pass can feed us.
//!
//! What they found open is asked; closed and filtered ports, UDP, and banners are passed over. A
//! line that cannot be understood is an error with its place, as in any target list, and so is a file
//! that lost its end: what is missing there would pass for closed. Imported targets are no named
//! targets: that a port is open does not promise an API server.

mod lists;
mod masscan;
mod nmap;
mod projectdiscovery;

use std::io::BufRead;
use std::net::IpAddr;

use serde::de::DeserializeOwned;
use serde_json::error::Category;
use strum::{Display, EnumString, VariantArray, VariantNames};

use super::error::Kind;
use super::reader::each_line;
use crate::model::{InvalidWord, words};

/// Another scanner's result format.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Display, EnumString, VariantArray, VariantNames,
)]
#[strum(serialize_all = "kebab-case", parse_err_ty = InvalidWord, parse_err_fn = ImportFormat::invalid)]
pub enum ImportFormat {
    /// `masscan -oJ` and `-oD`.
    MasscanJson,
    /// `masscan -oL`.
    MasscanList,
    /// `nmap -oX`.
    NmapXml,
    /// `zmap`: addresses, one a line, CSV with a header that has `saddr`, or `-O json`.
    Zmap,
    /// `naabu`: `host:port`, one a line, or its JSON lines.
    Naabu,
    /// `httpx -json`.
    HttpxJson,
}

words!(ImportFormat, all);

impl ImportFormat {
    fn invalid(word: &str) -> InvalidWord {
        InvalidWord::new("import format", word, &Self::ALL.map(Self::as_str))
    }

    /// Reads results and calls `take` with the line and the specification of each open port, with what
    /// the other scanner says of itself, or with what is wrong in that line.
    ///
    /// # Errors
    /// The line where reading failed, and why.
    pub(super) fn read(
        self,
        reader: impl BufRead,
        take: Take<'_>,
    ) -> Result<(), (u32, std::io::Error)> {
        let mut lines: Box<dyn Lines> = match self {
            Self::NmapXml => return nmap::read(reader, take),
            Self::MasscanJson => Box::new(masscan::Json::default()),
            Self::MasscanList => Box::new(masscan::List::default()),
            Self::Zmap => Box::new(lists::Zmap::default()),
            Self::Naabu => Box::new(projectdiscovery::Naabu::default()),
            Self::HttpxJson => Box::new(projectdiscovery::Httpx),
        };
        let mut last_is_wrong = false;
        let end = each_line(reader, |number, line| {
            let parsed = line
                .map_err(Kind::from)
                .and_then(|line| lines.line(line.trim()));
            last_is_wrong = parsed.is_err();
            match parsed {
                Ok(found) => found
                    .into_iter()
                    .for_each(|spec| take(number, Ok(Found::Spec(spec)))),
                Err(problem) => take(number, Err(problem)),
            }
        })?;
        // A torn line says already that the file is torn.
        if !last_is_wrong && let Err(problem) = lines.end(end.fed) {
            take(end.lines, Err(problem));
        }
        Ok(())
    }
}

/// What a place in a file comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// The specification of an open port.
    Spec(String),
    /// What the other scanner says of itself, and whoever uses its results should know.
    Note(String),
}

/// What is given all that is found, with its line.
pub(super) type Take<'a> = &'a mut dyn FnMut(u32, Result<Found, Kind>);

/// The specifications of a line; none if it says nothing of an open port.
type Parsed = Result<Vec<String>, Kind>;

/// A format of lines.
trait Lines {
    fn line(&mut self, line: &str) -> Parsed;

    /// Whether the whole is all that its tool had to say; `fed` if the last line had its line feed.
    fn end(&self, fed: bool) -> Result<(), Kind>;
}

/// What is wrong with a file without the words that its tool ends it with.
fn torn(tool: &str, end: &str) -> Kind {
    format!(
        "the file is torn off: the closing {end} is missing; wait for {tool} to end, or run it again (if it \
         ended well, add {end})"
    )
    .into()
}

/// What is wrong with a list whose last line may have lost its end, and so name another address or
/// port than the one that was found.
fn torn_line(tool: &str) -> Kind {
    format!(
        "the last line has no line feed, so it may be torn off; wait for {tool} to end, or run it again (if \
         the line is whole, end it with a line feed)"
    )
    .into()
}

/// Reads a line of JSON; `form` says what it should be.
fn from_json<T: DeserializeOwned>(line: &str, tool: &str, form: &str) -> Result<T, Kind> {
    serde_json::from_str(line).map_err(|error| {
        let problem = match error.classify() {
            Category::Eof if line.starts_with('{') => format!(
                "the line ends in the middle of an object, one a line is read: the file is torn off (wait for \
                 {tool} to end, or run it again) or was reformatted"
            ),
            Category::Syntax => format!("this is no {form}: broken at character {}", error.column()),
            _ => format!("this is no {form}"),
        };
        problem.into()
    })
}

/// A port that another scanner wrote down.
fn port_number(text: &str) -> Result<u16, Kind> {
    text.parse()
        .map_err(|_| "the port is no number from 1 to 65535".into())
}

/// `host:port`, with the name that the address was found under where there is one.
fn spec(host: &str, port: Option<u16>, name: Option<&str>) -> Result<String, Kind> {
    let mut text = match (host.parse::<IpAddr>(), port) {
        (Ok(IpAddr::V6(address)), Some(port)) => format!("[{address}]:{port}"),
        (_, Some(port)) => format!("{host}:{port}"),
        (_, None) => host.to_owned(),
    };
    // It becomes a line of a target list, where white space ends the word.
    if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c == '#') {
        return Err("the host is no address and no name".into());
    }
    if let Some(name) = name.filter(|name| *name != host && name.parse::<IpAddr>().is_err()) {
        if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c == '#') {
            return Err("the host's name is none".into());
        }
        text.push_str(" sni=");
        text.push_str(name);
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
