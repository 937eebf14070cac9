//! From judged records to reports and an exit code: the end of a scan, and of `report`.

use std::path::Path;

use anyhow::Context as _;
use kubeknock::config::ScanConfig;
use kubeknock::model::{Coverage, ScanSummary, SpecCoverage};
use kubeknock::policy::{End, FailOn, Gate, Judged, Policy, RULES, Snapshot};
use kubeknock::report::{Outcome, Results, ScanInfo, Spool, escape};

use crate::outputs::Outputs;
use crate::saved::{self, Earlier};
use crate::say;

/// Specifications that are told on standard error.
const LISTED: usize = 10;
/// Characters of one.
const SHOWN: usize = 240;

/// What is known when all records are in.
pub(crate) struct Conclusion {
    pub(crate) judged: Judged,
    pub(crate) snapshot: Snapshot,
    /// What that is held against.
    pub(crate) earlier: Option<Earlier>,
    pub(crate) gate: Gate,
    pub(crate) end: End,
}

impl Conclusion {
    /// Writes the reports and says the exit code, which the gate decides on `coverage`.
    pub(crate) fn write(
        mut self,
        info: ScanInfo<'_>,
        summary: &ScanSummary,
        coverage: &Coverage,
        mut records: Spool,
        outputs: Outputs,
    ) -> anyhow::Result<u8> {
        let changes = self.earlier.map(|earlier| {
            self.judged.compare(earlier.judged, &self.snapshot);
            self.snapshot.partial = partial(info.config, summary);
            self.snapshot.changes_since(&earlier.snapshot)
        });
        let decision = self.gate.decide(coverage, &self.judged, self.end);
        let results = Results {
            info,
            summary,
            findings: &self.judged.findings,
            changes: changes.as_deref(),
            rules: &RULES,
            outcome: Outcome {
                code: decision.code,
                sentence: &decision.sentence,
            },
        };
        let told = outputs.state_exit_code();
        outputs.finish(&results, &mut records)?;
        // Whoever sees no report sees why the exit code is what it is.
        if !told {
            say_unasked(&summary.coverage);
        }
        if !told && decision.code == 0 {
            say::note(decision.sentence);
        } else if !told {
            say::reason(decision.sentence);
        }
        Ok(decision.code)
    }
}

/// Which named targets were not asked, or not all of them, though nobody excluded them.
fn say_unasked(coverage: &Coverage) {
    let unwanted =
        |spec: &&SpecCoverage| spec.unasked.iter().any(|unasked| unasked.why.is_missed());
    let specs: Vec<&SpecCoverage> = coverage.specs.iter().filter(unwanted).collect();
    for spec in specs.iter().take(LISTED) {
        let (text, unasked) = (&spec.origin.text, spec.unasked_said().unwrap_or_default());
        say::note(format_args!(
            "{}: not asked: {unasked}",
            escape(text, SHOWN)
        ));
    }
    if specs.len() > LISTED {
        say::note(format_args!(
            "… and {} more targets like these",
            specs.len() - LISTED
        ));
    }
}

/// What of a scan's coverage is judged: what one shard does not cover another may, so that is for the
/// merged report.
pub(crate) fn judged_coverage(config: &ScanConfig, coverage: &Coverage) -> Coverage {
    let mut judged = coverage.clone();
    if config.shard.is_part() {
        judged.specs.clear();
    }
    judged
}

/// Whether a scan left out some of its targets.
pub(crate) fn partial(config: &ScanConfig, summary: &ScanSummary) -> bool {
    config.shard.is_part() || summary.stopped.is_some()
}

/// The report of `--baseline`, which some thresholds cannot do without.
pub(crate) fn baseline(
    path: Option<&Path>,
    fail_on: FailOn,
    policy: &Policy,
) -> anyhow::Result<Option<Earlier>> {
    match path {
        Some(path) => saved::earlier(path, policy).map(Some).with_context(|| {
            let instead = if fail_on.needs_baseline() {
                ", with another --fail-on"
            } else {
                ""
            };
            let first = format!(
                "a first scan has none: leave it out{instead}, and make one with -o json=FILE"
            );
            if path.exists() {
                "--baseline".to_owned()
            } else {
                format!("--baseline ({first})")
            }
        }),
        None if fail_on.needs_baseline() => {
            anyhow::bail!("--fail-on {fail_on}: give the earlier report with --baseline REPORT")
        }
        None => Ok(None),
    }
}
