//! Reads a saved report of any version in [`READABLE`](super::READABLE). Keys that an older version lacks
//! have a default, and unknown keys are ignored.
//!
//! A file is as hostile as a server: the size of a record and of the scan's own part is limited, nesting is
//! bounded, counts cannot overflow, and no error shows more of the file than fits a line.

mod bounded;
mod coverage;
mod document;
mod endpoint;
mod error;
mod identification;
mod lines;
mod request;
mod scan;
mod tls;
mod word;

use std::io::BufRead;

pub use error::SavedError;

use super::SavedScan;
use crate::input::{PeekedFile, UTF_16};
use crate::model::EndpointReport;
use error::Place;

/// Reads a report, `json` or `jsonl`, and hands each record to `each` as it comes: the records are
/// never all held here. `name` is what errors call the report.
///
/// The scan is `None` for a `jsonl` report without its last line: the scan was torn off, or still
/// runs. A half line at its end is passed over.
///
/// # Errors
/// [`SavedError`] with the place of what cannot be read, or is of another version. Records before
/// that place have been handed out.
pub fn read(
    name: &str,
    input: &mut dyn BufRead,
    each: &mut dyn FnMut(EndpointReport),
) -> Result<Option<SavedScan>, SavedError> {
    let place = Place::new(name);
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
    let mut numbered = Numbered { last: None, each };
    if lines::are_next(input).map_err(|error| place.io(&error))? {
        lines::read(&place, input, &mut numbered)
    } else {
        document::read(&place, input, &mut numbered).map(Some)
    }
}

/// Reads one endpoint's line of a `jsonl` report, as [`to_line`](super::to_line) made it.
///
/// # Errors
/// [`SavedError`] for anything else.
pub fn from_line(line: &[u8]) -> Result<EndpointReport, SavedError> {
    serde_json::from_slice(line)
        .map(|record: endpoint::Record| record.report)
        .map_err(|error| Place::new("record").json_line(1, &error))
}

/// Gives records of the first version, which did not say it, their place in the target set: in the
/// order of the report, addresses of one target together.
struct Numbered<'a> {
    last: Option<(u64, String, Option<String>)>,
    each: &'a mut dyn FnMut(EndpointReport),
}

impl Numbered<'_> {
    fn take(&mut self, record: endpoint::Record) {
        let endpoint::Record {
            mut report,
            indexed,
        } = record;
        if !indexed {
            let name = report.target.sni.as_deref().map(str::to_owned);
            let target = report.target.to_string();
            let index = match &self.last {
                Some((index, last, sni)) if *last == target && *sni == name => *index,
                Some((index, ..)) => index.saturating_add(1),
                None => 0,
            };
            report.target.index = index;
            self.last = Some((index, target, name));
        }
        (self.each)(report);
    }
}

#[cfg(test)]
mod tests;
