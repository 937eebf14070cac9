//! The saved report: what a scan found, as one JSON document or as JSON lines.
//!
//! The `json` and `jsonl` reports, checkpoints, baselines and the temporary file of a [`Spool`] have the same records.
//! Each record is one type that is written and read; `docs/report.schema.json` is generated from these types. A report
//! that is read and written again has the same bytes. The records lack bodies, most headers, and the rest of long
//! texts.

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
mod remedy;
mod request;
mod scan;
mod scan_info;
mod selected;
mod spool;
mod tally;
mod tls;
mod v1;
mod v3;
mod write;

#[cfg(test)]
mod tests;

pub(crate) use change::Change;
pub use error::SavedError;
pub(crate) use finding::Finding;
pub use format::{READABLE, SCHEMA};
pub use merge::{Merge, Merged, Sightings};
pub use read::{from_line, read};
pub use scan_info::{SavedScan, ScanInfo};
pub use selected::Selected;
pub use spool::Spool;
pub use tally::Tally;
pub use write::{Contents, to_line, write_document, write_endpoints, write_last_lines, write_line};
