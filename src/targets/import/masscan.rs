//! `masscan -oJ` (one record a line, in an array), `-oD` (one record a line) and `-oL`.

use serde::Deserialize;

use super::{Kind, Lines, Parsed, from_json, port_number, spec, torn};

#[derive(Deserialize)]
struct Record {
    ip: String,
    #[serde(flatten)]
    found: Ports,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Ports {
    /// Of `-oJ`.
    Many { ports: Vec<Port> },
    /// Of `-oD`; `data` is that of a status or of a banner.
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

/// A reader of `-oJ` and `-oD`. Counts brackets, because `--append-output` writes one array behind the other.
#[derive(Debug, Default)]
pub(super) struct Json {
    begun: u32,
    ended: u32,
}

impl Lines for Json {
    fn line(&mut self, line: &str) -> Parsed {
        // The brackets of the ports are not at the ends.
        self.begun += u32::from(line.starts_with('['));
        self.ended += u32::from(line.ends_with(']'));
        let record = line.trim_matches(|c: char| matches!(c, '[' | ']' | ',') || c.is_whitespace());
        // Versions before 1.0.4 wrote no array, and at the end a line that is no JSON.
        if record.is_empty() || matches!(record, "{finished: 1}" | "{\"finished\": 1}") {
            return Ok(Vec::new());
        }
        let form = "record of masscan -oJ or -oD, one a line with \"ip\" and \"ports\" or \"port\"";
        let Record { ip, found } = from_json(record, "masscan", form)?;
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

    fn end(&self, _fed: bool) -> Result<(), Kind> {
        whole(self.begun, self.ended, "]")
    }
}

/// A reader of `-oL`, whose first line is `#masscan` and whose last `# end`; what `grep` takes out of one
/// has neither.
#[derive(Debug, Default)]
pub(super) struct List {
    begun: u32,
    ended: u32,
}

impl Lines for List {
    /// `open tcp 443 192.0.2.1 1700000000`.
    fn line(&mut self, line: &str) -> Parsed {
        self.begun += u32::from(line == "#masscan");
        self.ended += u32::from(line == "# end");
        if line.is_empty() || line.starts_with('#') {
            return Ok(Vec::new());
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let wrong = || Err("this is no line of masscan -oL: open tcp PORT ADDRESS TIME".into());
        // Without the time behind it, the address may have lost its end.
        let [status, protocol, port, address, _time, ..] = words[..] else {
            return wrong();
        };
        match (status, protocol) {
            ("open", "tcp") => Ok(vec![spec(address, Some(port_number(port)?), None)?]),
            ("open" | "closed" | "banner" | "up" | "arp", _) => Ok(Vec::new()),
            _ => wrong(),
        }
    }

    fn end(&self, _fed: bool) -> Result<(), Kind> {
        whole(self.begun, self.ended, "# end")
    }
}

/// Whether everything that began has ended.
fn whole(begun: u32, ended: u32, end: &str) -> Result<(), Kind> {
    if begun <= ended {
        Ok(())
    } else {
        Err(torn("masscan", end))
    }
}
