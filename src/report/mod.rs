//! Renders the [`Results`] of a scan and its [`EndpointReport`](crate::model::EndpointReport)s in any
//! [`Format`].
//!
//! Each format is one file or folder: a function from results and records to a writer, which fails only if
//! the writer fails. To add a format, write its file, add a variant and a row to `format.rs`, and take
//! snapshots of the sample in `sample/`.
//!
//! Text from the network goes through [`escape()`] or through a JSON encoder, never straight to the writer.
//! `phrases` holds what several formats say in the same words.

mod csv;
pub mod diff;
mod encode;
pub mod endpoint_text;
mod escape;
mod findings_by_endpoint;
mod format;
mod github;
mod gitlab;
mod html;
pub mod json;
pub mod jsonl;
mod junit;
mod markdown;
mod phrases;
mod prometheus;
pub mod rule_text;
mod sarif;
pub mod saved;
mod shadowserver;
mod source_location;
mod spool;
mod spreadsheet;
mod table;
mod tally;
mod wire;
mod worst_first;

#[cfg(test)]
mod sample;
#[cfg(test)]
mod schema;
#[cfg(test)]
#[path = "../../tests/suite/skip.rs"]
mod skip;

pub use escape::escape;
pub use format::{Format, RenderOptions, ReportWriter, render};
pub use source_location::Repository;
pub use spool::{HELD, Spool};
pub use table::TableOptions;
pub use tally::Tally;

use crate::config::ScanConfig;
use crate::model::{Change, Finding, Rule, ScanSummary};

/// The name and version of what `json` and `jsonl` write; described by `docs/report.schema.json`.
pub const SCHEMA: &str = "kubeknock/report/v3";

/// The settings of a scan, for its report.
#[derive(Debug, Clone, Copy)]
pub struct ScanInfo<'a> {
    /// The version of kubeknock that scanned.
    pub tool_version: &'a str,
    /// Its configuration.
    pub config: &'a ScanConfig,
}

impl<'a> ScanInfo<'a> {
    /// A scan by this version of kubeknock.
    pub const fn new(config: &'a ScanConfig) -> Self {
        Self {
            tool_version: env!("CARGO_PKG_VERSION"),
            config,
        }
    }
}

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

impl Results<'_> {
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
