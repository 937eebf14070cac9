//! A saved scan, evaluated: the baseline, or a side of `diff`.

use std::path::Path;

use anyhow::{Context as _, bail};
use kubeknock::config::ScanConfig;
use kubeknock::model::{Coverage, ScanSummary};
use kubeknock::policy::{Evaluation, Evaluator, FailOn, Policy, Snapshot};
use kubeknock::record::SavedScan;

use crate::saved::SavedFile;

/// A saved scan with its findings.
pub(crate) struct EvaluatedScan {
    pub(crate) scan: SavedScan,
    pub(crate) evaluation: Evaluation,
    pub(crate) snapshot: Snapshot,
}

impl EvaluatedScan {
    /// Reads a saved report. The rules of this version are applied to it, so that a finding of a new rule is not
    /// new if both scans have it.
    pub(crate) fn read(path: &Path, policy: &Policy) -> anyhow::Result<Self> {
        let mut file = SavedFile::open(path)?;
        let scan = file.scan(&mut |_| {})?;
        let mut evaluator = Evaluator::new(policy, scan.summary.started);
        let mut snapshot = Snapshot::default();
        file.records(&mut |record| {
            evaluator.add(&record);
            snapshot.add(&record);
        })?;
        snapshot.partial = is_partial(&scan.config, &scan.summary);
        let coverage = evaluated_coverage(&scan.config, &scan.summary.coverage);
        Ok(Self {
            evaluation: evaluator.finish(&coverage),
            scan,
            snapshot,
        })
    }
}

/// The coverage to evaluate. Another shard may cover what this shard does not, so only the merged
/// report is evaluated by specification.
pub(crate) fn evaluated_coverage(config: &ScanConfig, coverage: &Coverage) -> Coverage {
    let mut evaluated = coverage.clone();
    if config.shard.is_part() {
        evaluated.specs.clear();
    }
    evaluated
}

/// Whether a scan left out some of its targets.
pub(crate) fn is_partial(config: &ScanConfig, summary: &ScanSummary) -> bool {
    config.shard.is_part() || summary.stopped.is_some()
}

/// Reads the report of `--baseline`, which some thresholds require.
pub(crate) fn baseline(
    path: Option<&Path>,
    fail_on: FailOn,
    policy: &Policy,
) -> anyhow::Result<Option<EvaluatedScan>> {
    let Some(path) = path else {
        if fail_on.needs_baseline() {
            bail!("--fail-on {fail_on}: give the earlier report with --baseline REPORT");
        }
        return Ok(None);
    };
    let baseline = EvaluatedScan::read(path, policy).with_context(|| {
        if path.exists() {
            return "--baseline".to_owned();
        }
        let threshold = if fail_on.needs_baseline() {
            ", choose another --fail-on"
        } else {
            ""
        };
        format!(
            "--baseline: there is no such report. For a first scan leave --baseline out{threshold} and create the \
             report with -o json=FILE"
        )
    })?;
    Ok(Some(baseline))
}
