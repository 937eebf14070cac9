//! `zmap`: addresses one a line, or CSV.

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
    columns: Option<Columns>,
}

impl Lines for Zmap {
    fn line(&mut self, line: &str) -> Parsed {
        if line.is_empty() || line.starts_with('#') {
            return Ok(Vec::new());
        }
        let cells: Vec<&str> = line.split(',').map(|cell| cell.trim().trim_matches('"')).collect();
        let place = |name: &str| cells.iter().position(|cell| *cell == name);
        let Some(columns) = self.columns else {
            let header = place("saddr").map(|address| Columns {
                address,
                port: place("sport"),
                success: place("success"),
            });
            self.columns = Some(header.unwrap_or(Columns { address: 0, port: None, success: None }));
            return if header.is_some() { Ok(Vec::new()) } else { self.line(line) };
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
        let address = cell(columns.address)?;
        if address.parse::<std::net::IpAddr>().is_err() {
            return Err(format!(
                "{} is no address; zmap writes one a line, or CSV with saddr",
                quote(address)
            ));
        }
        Ok(vec![spec(address, port.transpose()?, None)?])
    }

    fn end(&self, fed: bool) -> Result<(), String> {
        if fed { Ok(()) } else { Err(torn_line("zmap")) }
    }
}
