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

/// What a report says about the scan's setting, beside its results.
#[derive(Debug, Clone, Copy)]
pub struct ScanInfo<'a> {
    /// The version of kubeknock that scanned.
    pub tool_version: &'a str,
    /// The limits it kept and the way it asked.
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

/// A whole scan, as the formats that are written at its end are given it, beside its records.
#[derive(Debug, Clone, Copy)]
pub struct Results<'a> {
    /// The scan's setting.
    pub info: ScanInfo<'a>,
    /// When it ran, and where every target ended.
    pub summary: &'a ScanSummary,
    /// What to look at: worst first, then in the order of the target set.
    pub findings: &'a [Finding],
    /// What is not as it was in the baseline, what opens first; `None` without one.
    pub changes: Option<&'a [Change]>,
    /// Every rule there is, whether it found something or not.
    pub rules: &'a [&'static Rule],
    /// What the gate said.
    pub outcome: Outcome<'a>,
}

impl Results<'_> {
    /// What is to be said first of a report that does not hold the whole.
    fn part(&self) -> Option<String> {
        let shard = self.info.config.shard;
        shard
            .is_part()
            .then(|| format!("shard {shard} of a scan: the others belong to it"))
    }
}

/// What the gate said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome<'a> {
    /// The exit code.
    pub code: u8,
    /// Why: `1 verdict at --fail-on exposed: exit 1`.
    pub sentence: &'a str,
}
