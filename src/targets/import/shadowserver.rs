//! Shadowserver's report `scan_kubernetes`, in its present layout and in that of 2022: is it still as they saw it?

use std::io::{self, BufRead};

use csv::{ErrorKind, StringRecord};

use super::documents::Lines;
use super::imported::{Entry, Handler, ImportedLine};
use super::lines::{port, spec};
use crate::model::{Reported, short};
use crate::targets::error::Problem;

const EXPECTED: &str = "invalid CSV: expected Shadowserver's report scan_kubernetes";

/// The positions of the columns that are read. Others come and go between the layouts.
struct Columns {
    timestamp: usize,
    ip: usize,
    port: usize,
    protocol: Option<usize>,
    hostname: Option<usize>,
    status: Option<usize>,
    version: Option<usize>,
    labels: Vec<(&'static str, usize)>,
}

impl Columns {
    fn of(header: &StringRecord) -> Option<Self> {
        let at = |name: &str| header.iter().position(|column| column == name);
        let labels = ["asn", "geo", "sector"].map(|name| Some((name, at(name)?)));
        Some(Self {
            timestamp: at("timestamp")?,
            ip: at("ip")?,
            port: at("port")?,
            protocol: at("protocol"),
            hostname: at("hostname"),
            status: at("http_code"),
            version: at("git_version"),
            labels: labels.into_iter().flatten().collect(),
        })
    }
}

pub(super) fn read(reader: impl BufRead, handle: Handler<'_>) -> Result<(), (u32, io::Error)> {
    let mut csv = csv::ReaderBuilder::new()
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(Lines::new(reader));
    let mut columns = None;
    let header = csv.headers().map(Columns::of);
    match header {
        Ok(Some(found)) => columns = Some(found),
        Ok(None) => {
            let missing = "missing columns: expected timestamp, ip and port of Shadowserver's report scan_kubernetes";
            handle(1, Err(missing.into()));
        }
        Err(error) => failed(error, 1, handle)?,
    }
    let Some(columns) = columns else {
        return Ok(());
    };
    // The parser counts the line feed of CRLF with the next row.
    let late = u64::from(csv.position().line() == 1);
    let line = |position: &csv::Position| u32::try_from(position.line() + late).unwrap_or(u32::MAX);
    let mut row = StringRecord::new();
    loop {
        let next = line(csv.position());
        match csv.read_record(&mut row) {
            Ok(false) => return Ok(()),
            Ok(true) => {
                let number = row.position().map_or(next, line);
                match entry(&row, &columns) {
                    Ok(Some(entry)) => handle(number, Ok(ImportedLine::Entry(Box::new(entry)))),
                    Ok(None) => {}
                    Err(problem) => handle(number, Err(problem)),
                }
            }
            Err(error) => return failed(error, next, handle),
        }
    }
}

/// An error of reading, or of the file, whose text is not repeated.
fn failed(error: csv::Error, line: u32, handle: Handler<'_>) -> Result<(), (u32, io::Error)> {
    if let ErrorKind::Io(error) = error.into_kind() {
        return Err((line, error));
    }
    handle(line, Err(EXPECTED.into()));
    Ok(())
}

/// The endpoint of a row; `None` if it is no TCP port.
fn entry(row: &StringRecord, columns: &Columns) -> Result<Option<Entry>, Problem> {
    let cell = |column: usize| {
        row.get(column)
            .ok_or("missing columns: fewer than the header has")
    };
    let other = |column: Option<usize>| {
        let text = column
            .and_then(|column| row.get(column))
            .unwrap_or_default();
        Some(text).filter(|text| !text.is_empty())
    };
    if other(columns.protocol).is_some_and(|protocol| protocol != "tcp") {
        return Ok(None);
    }
    let mut entry = Entry::new("shadowserver", other(columns.hostname));
    let ip = cell(columns.ip)?;
    if ip.parse::<std::net::IpAddr>().is_err() {
        return Err("invalid ip: expected an address".into());
    }
    entry.line = spec(ip, Some(port(cell(columns.port)?)?), None)?;
    for (key, column) in &columns.labels {
        entry.label(key, other(Some(*column)));
    }
    entry.declared.reported = Some(Reported {
        at: short(cell(columns.timestamp)?).unwrap_or_default(),
        status: other(columns.status).and_then(|status| status.parse().ok()),
        version: other(columns.version).and_then(short),
    });
    Ok(Some(entry))
}
