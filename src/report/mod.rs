//! [`EndpointReport`](crate::model::EndpointReport)s and the [`Results`] of a scan → bytes: one file
//! per format, and no format knows another.
//!
//! A format is functions from the model to a writer. It returns [`std::io::Result`] and fails only
//! where the writer fails. The model derives no serde: what JSON looks like is said by the wire
//! types in `wire/`, which `json` and `jsonl` share, and by `docs/report.schema.json`, which the
//! tests hold against them.
//!
//! To add a format: a file beside these, a variant of [`Format`] with its word, and snapshots over
//! the sample in `sample/`. Text that came from the network goes through [`escape()`] (terminal)
//! or through `encode` (JSON), never straight to the writer. What is said of a finding in the same words
//! everywhere (its target's name, a lapsed acceptance, its remedy) comes from `tell`. `saved/` is the way
//! back: what `json` and `jsonl` wrote becomes the model again.

mod by_endpoint;
pub mod csv;
pub mod diff;
mod encode;
mod escape;
pub mod explain;
pub mod github;
pub mod gitlab;
pub mod html;
pub mod json;
pub mod jsonl;
pub mod junit;
pub mod markdown;
mod place;
pub mod prometheus;
pub mod reasoning;
pub mod sarif;
pub mod saved;
pub mod shadowserver;
mod sheet;
mod spool;
pub mod table;
mod tally;
mod tell;
mod wire;
mod wording;
mod worst;

#[cfg(test)]
mod sample;
#[cfg(test)]
mod schema;
#[cfg(test)]
#[path = "../../tests/suite/skip.rs"]
mod skip;

pub use escape::escape;
pub use place::Files;
pub use spool::{HELD, Spool};
pub use tally::Tally;

use strum::{Display, EnumString, VariantArray, VariantNames};

use crate::config::ScanConfig;
use crate::model::{Change, Finding, InvalidWord, Rule, ScanSummary, words};

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

/// A report format.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Display, EnumString, VariantArray, VariantNames,
)]
#[strum(serialize_all = "kebab-case", parse_err_ty = InvalidWord, parse_err_fn = Format::invalid)]
pub enum Format {
    /// For people: what to look at first, then the counts.
    Table,
    /// One JSON document.
    Json,
    /// One JSON object a line: each endpoint as it is done, the summary last.
    Jsonl,
    /// Findings for code scanning.
    Sarif,
    /// A pull-request comment or job summary.
    Markdown,
    /// One self-contained page.
    Html,
    /// Annotations of GitHub Actions.
    Github,
    /// A code quality report of GitLab.
    Gitlab,
    /// A row for each endpoint.
    Csv,
    /// A test case for each endpoint.
    Junit,
    /// Metrics for the textfile collector.
    Prometheus,
    /// The report of the Shadowserver Foundation.
    Shadowserver,
}

words!(Format, all);

impl Format {
    fn invalid(word: &str) -> InvalidWord {
        InvalidWord::new("report format", word, &Self::ALL.map(Self::as_str))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_names_its_format_and_others_are_told_which_there_are() {
        for format in Format::ALL {
            assert_eq!(format.as_str().parse(), Ok(format));
        }
        assert_eq!(
            "JSON".parse::<Format>().unwrap_err().to_string(),
            "invalid report format `JSON`: expected one of table, json, jsonl, sarif, markdown, html, github, \
             gitlab, csv, junit, prometheus, shadowserver"
        );
    }
}
