//! `zmap`: addresses one a line, or CSV.

use std::net::IpAddr;

use super::{Lines, Parsed, spec, torn_line};
use crate::targets::error::quote;

/// The columns that are of use.
#[derive(Debug, Clone, Copy)]
struct Columns {
    address: usize,
    port: Option<usize>,
    /// 1 where the answer means that the port is open.
    success: Option<usize>,
}

/// A reader of zmap's output: a header, if there is one, says what the columns are.
#[derive(Debug, Default)]
pub(super) struct Zmap {
    /// Whether the first line was read, which alone may be a header.
    begun: bool,
    columns: Option<Columns>,
}

impl Lines for Zmap {
    fn line(&mut self, line: &str) -> Parsed {
        if line.is_empty() || line.starts_with('#') {
            return Ok(Vec::new());
        }
        let cells: Vec<&str> = line.split(',').map(|cell| cell.trim().trim_matches('"')).collect();
        if !std::mem::replace(&mut self.begun, true) {
            let place = |name: &str| cells.iter().position(|cell| *cell == name);
            self.columns = place("saddr").map(|address| Columns {
                address,
                port: place("sport"),
                success: place("success"),
            });
            if self.columns.is_some() {
                return Ok(Vec::new());
            }
        }
        let Some(columns) = self.columns else {
            // What looks like a port may be a time to live, or the port that zmap sent from.
            return if let [address] = cells[..] {
                Ok(vec![spec(known_address(address)?, None, None)?])
            } else {
                Err(format!(
                    "{} has several columns and no header says which they are; keep zmap's header (without \
                     --no-header-row), put saddr,sport or the like in the first line, or give addresses alone",
                    quote(line)
                ))
            };
        };
        let cell = |column: usize| {
            cells.get(column).copied().ok_or_else(|| format!("{} has too few columns", quote(line)))
        };
        if let Some(success) = columns.success
            && cell(success)? == "0"
        {
            return Ok(Vec::new());
        }
        let port = columns.port.map(cell).transpose()?;
        let port = port.map(|port| port.parse().map_err(|_| format!("{} is no port", quote(port))));
        Ok(vec![spec(known_address(cell(columns.address)?)?, port.transpose()?, None)?])
    }

    fn end(&self, fed: bool) -> Result<(), String> {
        if fed { Ok(()) } else { Err(torn_line("zmap")) }
    }
}

/// The text, if it is an address.
fn known_address(text: &str) -> Result<&str, String> {
    text.parse::<IpAddr>()
        .map(|_| text)
        .map_err(|_| format!("{} is no address; zmap writes one a line, or CSV with saddr", quote(text)))
}
