//! Helpers shared by the readers of all formats.

use std::net::IpAddr;

use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::host_port::parse_port;
use crate::targets::error::Problem;

/// The specifications of a line; none if it has no open port.
pub(super) type Specs = Result<Vec<String>, Problem>;

/// A format that is read line by line.
pub(super) trait LineFormat {
    fn line(&mut self, line: &str) -> Specs;

    /// Checks that the file is complete; `terminated` if its last line ends with a line feed.
    fn end(&self, terminated: bool) -> Result<(), Problem>;
}

/// The error for a file without the text that its tool writes last.
pub(super) fn truncated(tool: &str, end: &str) -> Problem {
    format!(
        "truncated file: the closing {end} is missing; wait for {tool} to finish, or run it again (if it \
         succeeded, add {end})"
    )
    .into()
}

/// The error for a list whose last line may be cut off, and so may name another address or port than
/// the one that was found.
pub(super) fn truncated_line(tool: &str) -> Problem {
    format!(
        "the last line has no line feed and may be truncated; wait for {tool} to finish, or run it again (if \
         the line is complete, add a line feed)"
    )
    .into()
}

/// Reads a line of JSON; `expected` says what it should be.
pub(super) fn from_json<T: DeserializeOwned>(
    line: &str,
    tool: &str,
    expected: &str,
) -> Result<T, Problem> {
    serde_json::from_str(line).map_err(|error| {
        let problem = match error.classify() {
            Category::Eof if line.starts_with('{') => format!(
                "truncated line: expected a whole object on each line; wait for {tool} to finish, run it again, or \
                 undo a reformatting of the file"
            ),
            Category::Syntax => format!(
                "invalid JSON at character {}: expected {expected}",
                error.column()
            ),
            _ => format!("invalid line: expected {expected}"),
        };
        problem.into()
    })
}

/// A specification, `host:port`, with the name that the address was found under, if any.
pub(super) fn spec(host: &str, port: Option<u16>, name: Option<&str>) -> Result<String, Problem> {
    let mut text = match (host.parse::<IpAddr>(), port) {
        (Ok(IpAddr::V6(address)), Some(port)) => format!("[{address}]:{port}"),
        (_, Some(port)) => format!("{host}:{port}"),
        (_, None) => host.to_owned(),
    };
    // The text becomes a line of a target list, where white space would end the word.
    let is_word =
        |text: &str| !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c == '#');
    if !is_word(host) {
        return Err("invalid host: expected an address or a name".into());
    }
    if let Some(name) = name.filter(|name| *name != host && name.parse::<IpAddr>().is_err()) {
        if !is_word(name) {
            return Err("invalid host name".into());
        }
        text.push_str(" sni=");
        text.push_str(name);
    }
    Ok(text)
}

/// A port that another scanner wrote.
pub(super) fn port(text: &str) -> Result<u16, Problem> {
    parse_port(text).map_err(|error| error.to_string().into())
}
