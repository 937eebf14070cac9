//! The results of a scan, which every format shows.

use super::phrases::plural;
use crate::model::{Change, Finding, Rule, ScanSummary, SpecCoverage, UnusedAcceptance};
use crate::record::{Contents, ScanInfo};

/// The results of a scan, without its endpoint records.
#[derive(Debug, Clone, Copy)]
pub struct Results<'a> {
    /// The settings of the scan.
    pub info: ScanInfo<'a>,
    /// When it ran, and its coverage.
    pub summary: &'a ScanSummary,
    /// The findings, the worst first.
    pub findings: &'a [Finding],
    /// The acceptances that match no finding.
    pub unused_acceptances: &'a [UnusedAcceptance],
    /// Findings that count but are left out of [`Self::findings`], because the user wants to see only some severities.
    pub not_shown: usize,
    /// The changes since the baseline; `None` without a baseline.
    pub changes: Option<&'a [Change]>,
    /// All rules, with or without findings.
    pub rules: &'a [&'static Rule],
    /// The decision of the gate.
    pub outcome: Outcome<'a>,
}

/// The decision of the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome<'a> {
    /// The exit code.
    pub code: u8,
    /// The reason for the exit code: `exit 1: 1 exposed: prod-eu-1 (192.0.2.1:6443)`.
    pub sentence: &'a str,
}

impl<'a> Results<'a> {
    /// The part of the results that a saved report contains, besides the records.
    pub(super) fn contents(&self) -> Contents<'a> {
        Contents {
            info: self.info,
            summary: self.summary,
            findings: self.findings,
            unused_acceptances: self.unused_acceptances,
        }
    }

    /// `3 findings not shown (--severity)`, if there are any.
    pub(super) fn not_shown_notice(&self) -> Option<String> {
        let count = self.not_shown as u64;
        (count > 0).then(|| {
            format!(
                "{} not shown (--severity)",
                plural(count, "finding", "findings")
            )
        })
    }

    /// The findings that are neither accepted nor gone.
    pub fn counting_findings(&self) -> impl Iterator<Item = &'a Finding> {
        self.findings.iter().filter(|finding| finding.counts())
    }

    /// The named targets without a verdict. Reports list them, because a scan that saw nothing must not look like
    /// a good result.
    pub(super) fn missing_specs(&self) -> Vec<&'a SpecCoverage> {
        let specs = self.summary.coverage.specs.iter();
        specs.filter(|spec| spec.is_missing()).collect()
    }

    /// The notice that the report of one shard begins with.
    pub(super) fn shard_notice(&self) -> Option<String> {
        let shard = self.info.config.shard;
        shard
            .is_part()
            .then(|| format!("shard {shard} of a scan; the other shards are missing here"))
    }
}
