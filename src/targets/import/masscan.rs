//! `masscan -oJ` (one record a line, in an array) and `masscan -oL`.

use serde::Deserialize;

use super::{Lines, Parsed, from_json, spec, torn};
use crate::targets::error::quote;

#[derive(Deserialize)]
struct Record {
    ip: String,
    ports: Vec<Port>,
}

#[derive(Deserialize)]
struct Port {
    #[serde(rename = "port")]
    number: u16,
    proto: String,
    /// Missing in records of banners, which repeat an open port.
    status: Option<String>,
}

/// A reader of `-oJ`. Counts brackets, because `--append-output` writes one array behind the other.
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
        let form = "record of masscan -oJ, one a line with \"ip\" and \"ports\"";
        let record: Record = from_json(record, "masscan", form)?;
        let open = |port: &&Port| port.proto == "tcp" && port.status.as_deref() == Some("open");
        record.ports.iter().filter(open).map(|port| spec(&record.ip, Some(port.number), None)).collect()
    }

    fn end(&self, _fed: bool) -> Result<(), String> {
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
        let wrong = || format!("{} is no line of masscan -oL: open tcp PORT ADDRESS TIME", quote(line));
        // Without the time behind it, the address may have lost its end.
        let [status, protocol, port, address, _time, ..] = words[..] else { return Err(wrong()) };
        match (status, protocol) {
            ("open", "tcp") => {
                let port = port.parse().map_err(|_| wrong())?;
                Ok(vec![spec(address, Some(port), None)?])
            }
            ("open" | "closed" | "banner" | "up" | "arp", _) => Ok(Vec::new()),
            _ => Err(wrong()),
        }
    }

    fn end(&self, _fed: bool) -> Result<(), String> {
        whole(self.begun, self.ended, "# end")
    }
}

/// Whether everything that began has ended.
fn whole(begun: u32, ended: u32, end: &str) -> Result<(), String> {
    if begun <= ended { Ok(()) } else { Err(torn("masscan", end)) }
}
