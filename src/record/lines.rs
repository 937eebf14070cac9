//! Reads a `jsonl` report: a line for each endpoint, and the scan in the last line.

use std::io::{self, BufRead};

use serde::Deserialize;

use super::bounded;
use super::coverage::Coverage;
use super::endpoint::Endpoint;
use super::error::{ReportName, SavedError};
use super::format::{MAX_RECORD, Schema};
use super::records::{RecordCount, Records};
use super::scan::{Scan, Tool};
use super::scan_info::SavedScan;

/// The keys of a whole document; a line has others in front.
const DOCUMENT_KEYS: [&str; 8] = [
    "schema",
    "tool",
    "scan",
    "endpoints",
    "carried",
    "findings",
    "coverage",
    "summary",
];

/// A key of every line.
const RECORD: &[u8] = b"\"record\"";

/// Bytes that are searched for the first key.
const BEGINNING: usize = 64;

/// The kind of record of a line.
#[derive(Deserialize)]
struct Kind {
    record: Option<String>,
}

#[derive(Deserialize)]
struct LastLine<'a> {
    #[serde(default)]
    tool: Tool<'a>,
    scan: Scan<'a>,
    coverage: Coverage<'a>,
    #[serde(default)]
    summary: RecordCount,
}

/// Whether the input is lines and not a document: the first key decides.
pub(super) fn are_next(input: &mut dyn BufRead) -> io::Result<bool> {
    let beginning = input.fill_buf()?;
    let text = String::from_utf8_lossy(&beginning[..beginning.len().min(BEGINNING)]);
    let key = text
        .trim_start()
        .strip_prefix('{')
        .map(str::trim_start)
        .and_then(|rest| rest.strip_prefix('"'));
    let key = key.and_then(|rest| rest.split('"').next());
    Ok(key.is_some_and(|key| !DOCUMENT_KEYS.contains(&key)))
}

pub(super) fn read(
    place: &ReportName<'_>,
    input: &mut dyn BufRead,
    records: &mut Records<'_>,
) -> Result<Option<SavedScan>, SavedError> {
    let (mut number, mut ours, mut scan) = (0, false, None);
    while let Some((line, ended)) = bounded::line(input).map_err(|error| place.io(&error))? {
        number += 1;
        if line.trim_ascii().is_empty() {
            continue;
        }
        if scan.is_some() {
            return Err(place.line(
                number,
                "unexpected line after the summary: give each report as a file of its own",
            ));
        }
        // Before the first sign of a report, an error means that the file is not a report.
        ours = ours || line.windows(RECORD.len()).any(|word| word == RECORD);
        if !ours {
            return Err(place
                .line(number, "the key \"record\" is missing")
                .of_no_report());
        }
        let kind: Kind = match serde_json::from_slice(&line) {
            Ok(kind) => kind,
            // The last line is truncated.
            Err(error) if !ended && error.is_eof() => return Ok(None),
            Err(error) => return Err(place.json_line(number, &error)),
        };
        match kind.record.as_deref() {
            Some("endpoint" | "carried") if line.len() > MAX_RECORD => {
                let problem = format!("one record of more than {} MiB", MAX_RECORD >> 20);
                return Err(place.line(number, &problem));
            }
            Some(word @ ("endpoint" | "carried")) => {
                let record: Endpoint<'_> = serde_json::from_slice(&line)
                    .map_err(|error| place.json_line(number, &error))?;
                let taken = match word {
                    "carried" => records.take_carried(record),
                    _ => records.take(record),
                };
                taken.map_err(|problem| place.line(number, &problem))?;
            }
            Some("summary") => scan = Some(summary(place, number, records, &line)?),
            // From a later version of the schema.
            Some(_) => {}
            None => {
                return Err(place.line(number, "the key \"record\" is missing"));
            }
        }
    }
    Ok(scan)
}

fn summary(
    place: &ReportName<'_>,
    number: u64,
    records: &Records<'_>,
    line: &[u8],
) -> Result<SavedScan, SavedError> {
    // The schema first: the rest depends on it.
    #[derive(Deserialize)]
    struct Versioned {
        #[serde(rename = "schema")]
        _schema: Schema,
    }
    let _: Versioned =
        serde_json::from_slice(line).map_err(|error| place.json_line(number, &error))?;
    let LastLine {
        tool,
        scan,
        coverage,
        summary,
    } = serde_json::from_slice(line).map_err(|error| place.json_line(number, &error))?;
    let saved = || {
        records.check(&summary)?;
        let mut saved = scan.into_saved()?;
        saved.summary.coverage = coverage.try_into()?;
        saved.tool_version = tool.version.into_owned();
        Ok(saved)
    };
    saved().map_err(|problem: String| place.line(number, &problem))
}
