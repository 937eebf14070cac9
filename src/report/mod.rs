//! Renders the [`Results`] of a scan and its [`EndpointReport`](crate::model::EndpointReport)s in any
//! [`Format`].
//!
//! Each format is one file or folder: a function from results and records to a writer, which fails only if
//! the writer fails. `json` and `jsonl` are written by [`record`](crate::record), which also reads them back.
//! To add a format, write its file, add a variant and a row to `format.rs`, and take snapshots of the sample in
//! `sample/`.
//!
//! Text from the network goes through [`escape()`] or through a JSON encoder, never straight to the writer.
//! `phrases` holds what several formats say in the same words.

mod csv;
pub mod diff;
pub mod endpoint_text;
mod findings_by_endpoint;
mod format;
mod github;
mod gitlab;
mod html;
mod json;
mod jsonl;
mod junit;
mod markdown;
mod phrases;
mod prometheus;
pub mod rule_text;
mod sarif;
mod shadowserver;
mod source_location;
mod spreadsheet;
mod table;
mod worst_first;

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
#[path = "../../tests/suite/skip.rs"]
mod skip;

pub use format::{Format, RenderOptions, ReportWriter, render};
pub use source_location::Repository;
pub use table::TableOptions;

use crate::escape;
pub use crate::escape::escape;
use crate::model::{Change, Finding, Rule, ScanSummary};
use crate::record::{Contents, ScanInfo, encode};

/// The results of a scan, without its endpoint records.
#[derive(Debug, Clone, Copy)]
pub struct Results<'a> {
    /// The settings of the scan.
    pub info: ScanInfo<'a>,
    /// When it ran, and its coverage.
    pub summary: &'a ScanSummary,
    /// The findings: worst first, then in the order of the target set.
    pub findings: &'a [Finding],
    /// The changes since the baseline; `None` without a baseline.
    pub changes: Option<&'a [Change]>,
    /// All rules, with or without findings.
    pub rules: &'a [&'static Rule],
    /// The decision of the gate.
    pub outcome: Outcome<'a>,
}

impl<'a> Results<'a> {
    /// What a saved report keeps of them, beside the records.
    fn contents(&self) -> Contents<'a> {
        Contents {
            info: self.info,
            summary: self.summary,
            findings: self.findings,
        }
    }

    /// What to say first in the report of one shard.
    fn part(&self) -> Option<String> {
        let shard = self.info.config.shard;
        shard
            .is_part()
            .then(|| format!("shard {shard} of a scan; the other shards are missing here"))
    }
}

/// The decision of the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome<'a> {
    /// The exit code.
    pub code: u8,
    /// Why: `1 verdict at --fail-on exposed: exit 1`.
    pub sentence: &'a str,
}
