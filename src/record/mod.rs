//! The saved report: what a scan found, as one JSON document or as JSON lines.
//!
//! The same form serves everything that outlives a scan's memory: the `json` and `jsonl` reports, the
//! records in a checkpoint, the temporary file behind [`Spool`], and a baseline. `docs/report.schema.json`
//! describes it. Reports that are read back write the same bytes again; only what the format does not say
//! is lost (bodies, other headers, the full length of clipped texts).

mod bounded;
mod change;
mod coverage;
mod document;
pub(crate) mod encode;
mod endpoint;
mod error;
mod finding;
mod format;
mod identification;
mod lines;
mod merge;
mod read;
mod records;
mod request;
mod scan;
mod scan_info;
mod spool;
mod tally;
mod tls;
mod v1;
mod write;

#[cfg(test)]
mod tests;

pub(crate) use change::Change;
pub use error::SavedError;
pub(crate) use finding::Finding;
pub use format::{MAX_PIECE, MAX_RECORD, READABLE, SCHEMA};
pub use merge::{Merge, Merged, Sightings};
pub use read::{from_line, read};
pub use scan_info::{SavedScan, ScanInfo};
pub use spool::{HELD, Spool};
pub use tally::Tally;
pub use write::{Contents, to_line, write_document, write_last_lines, write_line};
