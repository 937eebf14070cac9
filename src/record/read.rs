//! Reads a saved report of any version in [`READABLE`](super::READABLE). Keys that an earlier version lacks have a
//! default, and unknown keys are ignored.
//!
//! A file is as hostile as a server: sizes and nesting are bounded, counts cannot overflow, and errors show at most a
//! line of the file.

use std::io::BufRead;

use super::endpoint::Endpoint;
use super::error::{ReportName, SavedError};
use super::records::Records;
use super::v1::Upgrade;
use super::{SavedScan, document, lines};
use crate::input::{PeekedFile, UTF_16};
use crate::model::EndpointReport;

/// Reads a report, `json` or `jsonl`, and passes each record as soon as it is read, so that it never holds all records:
/// those of the scan to `each`, those that it carries from earlier scans to `carried`. `name` is the name of the report
/// in errors.
///
/// The scan is `None` for a `jsonl` report without its last line: the report is truncated, or the scan still runs. An
/// incomplete line at the end is ignored.
///
/// # Errors
/// [`SavedError`] with the place of what is invalid, or of another version. The records before that place have been
/// passed on.
pub fn read(
    name: &str,
    input: &mut dyn BufRead,
    each: &mut dyn FnMut(EndpointReport),
    carried: &mut dyn FnMut(EndpointReport),
) -> Result<Option<SavedScan>, SavedError> {
    let place = ReportName::new(name);
    let mut begun = PeekedFile::new(input);
    if begun.is_utf_16() {
        return Err(place.wrong(UTF_16));
    }
    let input: &mut dyn BufRead = &mut begun;
    match input
        .fill_buf()
        .map_err(|error| place.io(&error))?
        .trim_ascii_start()
        .first()
    {
        None => return Err(place.wrong("it is empty").of_no_report()),
        Some(b'{') => {}
        Some(_) => return Err(place.wrong("it does not begin with {").of_no_report()),
    }
    let mut records = Records::new(each, carried);
    if lines::are_next(input).map_err(|error| place.io(&error))? {
        lines::read(&place, input, &mut records)
    } else {
        document::read(&place, input, &mut records).map(Some)
    }
}

/// Reads one endpoint's line of a `jsonl` report, as [`to_line`](super::to_line) made it.
///
/// # Errors
/// [`SavedError`] for anything else.
pub fn from_line(line: &[u8]) -> Result<EndpointReport, SavedError> {
    let place = ReportName::new("record");
    let mut record: Endpoint<'_> =
        serde_json::from_slice(line).map_err(|error| place.json_line(1, &error))?;
    Upgrade::default().record(&mut record);
    record
        .try_into()
        .map_err(|problem: String| place.line(1, &problem))
}
