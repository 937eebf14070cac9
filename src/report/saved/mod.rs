//! A saved report → the model: what `json` and `jsonl` wrote is read back, to be rendered in another
//! format, merged, compared, or gone on with.
//!
//! What is written again from what was read is the same, byte for byte; only what the format does
//! not say is lost (bodies, other headers, the full length of clipped texts). Reports of every
//! version in [`READABLE`] are read: keys that an older one lacks have a default, keys that are not
//! known are passed over.
//!
//! A file is as hostile as a server: one record may not be larger than [`MAX_RECORD`], the scan's own
//! part not larger than [`MAX_PIECE`], nesting is bounded, counts cannot overflow, and no error says more of its text
//! than fits a line.

mod bounded;
mod coverage;
mod document;
mod endpoint;
mod error;
mod identification;
mod lines;
mod merge;
mod request;
mod scan;
mod tls;
mod word;

use std::io::BufRead;

pub use error::SavedError;
pub use merge::{Merge, Merged, Sightings};

use super::ScanInfo;
use crate::config::ScanConfig;
use crate::input::{PeekedFile, UTF_16};
use crate::model::{EndpointReport, ScanSummary};
use error::Place;

/// The versions of the report that can be read.
pub const READABLE: [&str; 3] = [
    "kubeknock/report/v1",
    "kubeknock/report/v2",
    "kubeknock/report/v3",
];

/// Bytes of what a report says about the scan as a whole; its named targets are most of that.
pub const MAX_PIECE: usize = 256 * 1024 * 1024;

/// Bytes of one record.
pub const MAX_RECORD: usize = if cfg!(test) { 1 << 20 } else { 64 << 20 };

/// The scan that a saved report is about.
#[derive(Debug, Clone)]
pub struct SavedScan {
    /// The version of kubeknock that scanned.
    pub tool_version: String,
    /// The limits it kept and the way it asked.
    pub config: ScanConfig,
    /// When it ran, and where every target ended.
    pub summary: ScanSummary,
}

impl SavedScan {
    /// What a report says about the scan's setting.
    pub fn info(&self) -> ScanInfo<'_> {
        ScanInfo {
            tool_version: &self.tool_version,
            config: &self.config,
        }
    }
}

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

/// Reads one endpoint's line of a `jsonl` report, as [`jsonl::record`](super::jsonl::record) made it.
///
/// # Errors
/// [`SavedError`] for anything else.
pub fn record(line: &[u8]) -> Result<EndpointReport, SavedError> {
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
