//! `zmap`: addresses one a line, CSV, or `-O json`.

use std::net::IpAddr;

use serde::Deserialize;

use super::{Kind, Lines, Parsed, from_json, port_number, spec, torn_line};

/// The columns that are of use.
#[derive(Debug, Clone, Copy)]
struct Columns {
    address: usize,
    port: Option<usize>,
    /// 1 where the answer means that the port is open.
    success: Option<usize>,
    /// What answered: `synack` from an open port.
    classification: Option<usize>,
}

/// A line of `-O json`, with what may be among its fields.
#[derive(Deserialize)]
struct Record {
    saddr: String,
    sport: Option<u16>,
    success: Option<Flag>,
    classification: Option<String>,
}

/// `true` or, in most versions, 1.
#[derive(Deserialize)]
#[serde(untagged)]
enum Flag {
    Said(bool),
    Number(u64),
}

/// Whether an answer means that the port is open. What answers in place of a host may be a router,
/// which nobody asked for. Without either field zmap has left out everything else by itself.
fn open(success: Option<bool>, classification: Option<&str>) -> bool {
    success.unwrap_or_else(|| classification.is_none_or(|word| word == "synack"))
}

/// A reader of zmap's output: a header, if there is one, says what the columns are.
#[derive(Debug, Default)]
pub(super) struct Zmap {
    /// Whether the first line was read, which alone may be a header.
    begun: bool,
    columns: Option<Columns>,
    /// Whether the last line was of text, of which a part looks whole.
    last_is_text: bool,
}

impl Lines for Zmap {
    fn line(&mut self, line: &str) -> Parsed {
        if line.is_empty() || line.starts_with('#') {
            return Ok(Vec::new());
        }
        self.last_is_text = !line.starts_with('{');
        if !self.last_is_text {
            let Record {
                saddr,
                sport,
                success,
                classification,
            } = from_json(
                line,
                "zmap",
                "record of zmap -O json, one a line with \"saddr\"",
            )?;
            let success = success.map(|flag| match flag {
                Flag::Said(success) => success,
                Flag::Number(number) => number != 0,
            });
            return if open(success, classification.as_deref()) {
                Ok(vec![spec(known_address(&saddr)?, sport, None)?])
            } else {
                Ok(Vec::new())
            };
        }
        let cells: Vec<&str> = line
            .split(',')
            .map(|cell| cell.trim().trim_matches('"'))
            .collect();
        if !std::mem::replace(&mut self.begun, true) {
            let place = |name: &str| cells.iter().position(|cell| *cell == name);
            self.columns = place("saddr").map(|address| Columns {
                address,
                port: place("sport"),
                success: place("success"),
                classification: place("classification"),
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
                Err("it has several columns and no header says which they are; keep zmap's header (without \
                     --no-header-row), put saddr,sport or the like in the first line, or give addresses alone"
                    .into())
            };
        };
        let cell = |column: usize| cells.get(column).copied().ok_or("it has too few columns");
        let success = columns
            .success
            .map(cell)
            .transpose()?
            .map(|cell| !matches!(cell, "0" | "false"));
        if !open(success, columns.classification.map(cell).transpose()?) {
            return Ok(Vec::new());
        }
        let port = columns
            .port
            .map(cell)
            .transpose()?
            .map(port_number)
            .transpose()?;
        Ok(vec![spec(
            known_address(cell(columns.address)?)?,
            port,
            None,
        )?])
    }

    fn end(&self, fed: bool) -> Result<(), Kind> {
        if fed || !self.last_is_text {
            Ok(())
        } else {
            Err(torn_line("zmap"))
        }
    }
}

/// The text, if it is an address.
fn known_address(text: &str) -> Result<&str, Kind> {
    match text.parse::<IpAddr>() {
        Ok(_) => Ok(text),
        Err(_) => Err(
            "it is no address; zmap writes one a line, CSV with saddr, or JSON with \"saddr\""
                .into(),
        ),
    }
}
