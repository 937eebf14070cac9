//! `masscan -oJ` (one record per line, in an array), `-oD` (one record per line) and `-oL`.

use serde::Deserialize;

use super::lines::{LineFormat, Specs, from_json, port, spec, truncated};
use crate::targets::error::Problem;

#[derive(Deserialize)]
struct Record {
    ip: String,
    #[serde(flatten)]
    found: Ports,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Ports {
    /// `-oJ`.
    Many { ports: Vec<Port> },
    /// `-oD`; `data` belongs to a status or a banner.
    One {
        port: u16,
        proto: String,
        data: Data,
    },
}

#[derive(Deserialize)]
struct Data {
    status: Option<String>,
}

#[derive(Deserialize)]
struct Port {
    #[serde(rename = "port")]
    number: u16,
    proto: String,
    /// Missing in records of banners, which repeat an open port.
    status: Option<String>,
}

/// `-oJ` and `-oD`. Counts brackets, since `--append-output` writes one array after the other.
#[derive(Debug, Default)]
pub(super) struct Json {
    opened: u32,
    closed: u32,
}

impl LineFormat for Json {
    fn line(&mut self, line: &str) -> Specs {
        // Only the brackets of the whole array are at the ends of a line.
        self.opened += u32::from(line.starts_with('['));
        self.closed += u32::from(line.ends_with(']'));
        let record = line.trim_matches(|c: char| matches!(c, '[' | ']' | ',') || c.is_whitespace());
        // Versions before 1.0.4 write no array, and a last line that is not JSON.
        if record.is_empty() || matches!(record, "{finished: 1}" | "{\"finished\": 1}") {
            return Ok(Vec::new());
        }
        let expected = "a record of masscan -oJ or -oD with \"ip\" and \"ports\" or \"port\"";
        let Record { ip, found } = from_json(record, "masscan", expected)?;
        let ports = match found {
            Ports::Many { ports } => ports,
            Ports::One { port, proto, data } => vec![Port {
                number: port,
                proto,
                status: data.status,
            }],
        };
        let open = |port: &&Port| port.proto == "tcp" && port.status.as_deref() == Some("open");
        ports
            .iter()
            .filter(open)
            .map(|port| spec(&ip, Some(port.number), None))
            .collect()
    }

    fn end(&self, _terminated: bool) -> Result<(), Problem> {
        complete(self.opened, self.closed, "]")
    }
}

/// `-oL`. Its first line is `#masscan` and its last `# end`; lines that `grep` selected have neither.
#[derive(Debug, Default)]
pub(super) struct List {
    opened: u32,
    closed: u32,
}

impl LineFormat for List {
    /// `open tcp 443 192.0.2.1 1700000000`.
    fn line(&mut self, line: &str) -> Specs {
        self.opened += u32::from(line == "#masscan");
        self.closed += u32::from(line == "# end");
        if line.is_empty() || line.starts_with('#') {
            return Ok(Vec::new());
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let invalid =
            || Err("invalid line: expected that of masscan -oL, open tcp PORT ADDRESS TIME".into());
        // Without the time after it, the address may be truncated.
        let [status, protocol, number, address, _time, ..] = words[..] else {
            return invalid();
        };
        match (status, protocol) {
            ("open", "tcp") => Ok(vec![spec(address, Some(port(number)?), None)?]),
            ("open" | "closed" | "banner" | "up" | "arp", _) => Ok(Vec::new()),
            _ => invalid(),
        }
    }

    fn end(&self, _terminated: bool) -> Result<(), Problem> {
        complete(self.opened, self.closed, "# end")
    }
}

/// Whether everything that began has closed.
fn complete(opened: u32, closed: u32, end: &str) -> Result<(), Problem> {
    if opened <= closed {
        Ok(())
    } else {
        Err(truncated("masscan", end))
    }
}
