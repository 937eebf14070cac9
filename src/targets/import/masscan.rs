//! `masscan -oJ` (one record a line, in an array) and `masscan -oL`.

use serde::Deserialize;

use super::{Parsed, spec};
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

/// One line of the array.
pub(super) fn json(line: &str) -> Parsed {
    let record = line.trim_matches(|c: char| matches!(c, '[' | ']' | ',') || c.is_whitespace());
    // Older versions end with a line that is no JSON.
    if record.is_empty() || record == "{finished: 1}" {
        return Ok(Vec::new());
    }
    // The brackets of the ports were not at the ends.
    let record: Record = serde_json::from_str(record)
        .map_err(|error| format!("this is no record of masscan -oJ, one a line: {error}"))?;
    let open = |port: &&Port| port.proto == "tcp" && port.status.as_deref() == Some("open");
    record.ports.iter().filter(open).map(|port| spec(&record.ip, Some(port.number), None)).collect()
}

/// `open tcp 443 192.0.2.1 1700000000`.
pub(super) fn list(line: &str) -> Parsed {
    if line.is_empty() || line.starts_with('#') {
        return Ok(Vec::new());
    }
    let words: Vec<&str> = line.split_whitespace().collect();
    let wrong = || format!("{} is no line of masscan -oL: open tcp PORT ADDRESS TIME", quote(line));
    let [status, protocol, port, address, ..] = words[..] else { return Err(wrong()) };
    match (status, protocol) {
        ("open", "tcp") => {
            let port = port.parse().map_err(|_| wrong())?;
            Ok(vec![spec(address, Some(port), None)?])
        }
        ("open" | "closed" | "banner" | "up" | "arp", _) => Ok(Vec::new()),
        _ => Err(wrong()),
    }
}
