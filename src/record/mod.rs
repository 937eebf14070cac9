//! The saved report: what a scan found, as one JSON document or as JSON lines.
//!
//! The same form serves everything that outlives a scan's memory: the `json` and `jsonl` reports, the
//! records in a checkpoint, the temporary file behind [`Spool`], and a baseline. `docs/report.schema.json`
//! describes it. Reports that are read back write the same bytes again; only what the format does not say
//! is lost (bodies, other headers, the full length of clipped texts).

pub(crate) mod encode;
mod format;
mod merge;
mod read;
mod scan_info;
mod spool;
mod tally;
mod wire;
mod write;

#[cfg(test)]
mod tests;

pub use format::{MAX_PIECE, MAX_RECORD, READABLE, SCHEMA};
pub use merge::{Merge, Merged, Sightings};
pub use read::{SavedError, from_line, read};
pub use scan_info::{SavedScan, ScanInfo};
pub use spool::{HELD, Spool};
pub use tally::Tally;
pub(crate) use wire::{Change, Finding, time};
pub use write::{Contents, to_line, write_document, write_last_lines, write_line};
