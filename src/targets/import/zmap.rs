//! `zmap`: one address per line, CSV, or `-O json`.

use std::net::IpAddr;

use serde::Deserialize;

use super::lines::{LineFormat, Specs, from_json, port, spec, truncated_line};
use crate::targets::error::Problem;

/// The positions of the columns that we read.
#[derive(Debug, Clone, Copy)]
struct Columns {
    address: usize,
    port: Option<usize>,
    /// 1 if the answer means that the port is open.
    success: Option<usize>,
    /// The kind of answer: `synack` from an open port.
    classification: Option<usize>,
}

/// A line of `-O json`.
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
    Bool(bool),
    Number(u64),
}

/// Whether an answer means that the port is open. Other answers may come from a router, which is
/// not a target. Output without both fields lists only open ports.
fn is_open(success: Option<bool>, classification: Option<&str>) -> bool {
    success.unwrap_or_else(|| classification.is_none_or(|word| word == "synack"))
}

/// zmap's output; the header, if there is one, names the columns.
#[derive(Debug, Default)]
pub(super) struct Zmap {
    /// Whether the first line was read; only that one may be a header.
    started: bool,
    columns: Option<Columns>,
    /// Whether the last line is text. A part of it would look complete.
    last_is_text: bool,
}

impl LineFormat for Zmap {
    fn line(&mut self, line: &str) -> Specs {
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
            } = from_json(line, "zmap", "a record of zmap -O json with \"saddr\"")?;
            let success = success.map(|flag| match flag {
                Flag::Bool(success) => success,
                Flag::Number(number) => number != 0,
            });
            return if is_open(success, classification.as_deref()) {
                Ok(vec![spec(address(&saddr)?, sport, None)?])
            } else {
                Ok(Vec::new())
            };
        }
        let cells: Vec<&str> = line
            .split(',')
            .map(|cell| cell.trim().trim_matches('"'))
            .collect();
        if !std::mem::replace(&mut self.started, true) {
            let position = |name: &str| cells.iter().position(|cell| *cell == name);
            self.columns = position("saddr").map(|address| Columns {
                address,
                port: position("sport"),
                success: position("success"),
                classification: position("classification"),
            });
            if self.columns.is_some() {
                return Ok(Vec::new());
            }
        }
        let Some(columns) = self.columns else {
            // A number may be a time to live, or the port that zmap sent from, and not the open port.
            return if let [cell] = cells[..] {
                Ok(vec![spec(address(cell)?, None, None)?])
            } else {
                Err("several columns without a header: run zmap without --no-header-row, name the columns in the \
                     first line (saddr,sport), or give addresses alone"
                    .into())
            };
        };
        let cell = |column: usize| {
            cells
                .get(column)
                .copied()
                .ok_or("missing columns: fewer than the header has")
        };
        let success = columns
            .success
            .map(cell)
            .transpose()?
            .map(|cell| !matches!(cell, "0" | "false"));
        if !is_open(success, columns.classification.map(cell).transpose()?) {
            return Ok(Vec::new());
        }
        let port = columns.port.map(cell).transpose()?.map(port).transpose()?;
        Ok(vec![spec(address(cell(columns.address)?)?, port, None)?])
    }

    fn end(&self, terminated: bool) -> Result<(), Problem> {
        if terminated || !self.last_is_text {
            Ok(())
        } else {
            Err(truncated_line("zmap"))
        }
    }
}

/// The text, if it is an address.
fn address(text: &str) -> Result<&str, Problem> {
    text.parse::<IpAddr>().map(|_| text).map_err(|_| {
        "invalid address: expected zmap's output, one address per line, CSV with saddr, or JSON with \"saddr\""
            .into()
    })
}
