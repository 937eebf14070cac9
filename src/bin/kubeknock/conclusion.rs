//! The end of `scan` and `report`: compares with the baseline, decides the exit code, writes the reports.

use anyhow::Context as _;
use jiff::Timestamp;
use kubeknock::model::{Coverage, ScanSummary, SpecCoverage};
use kubeknock::policy::{
    Carried, Evaluation, FAILED, Gate, PASSED, Policy, RULES, ScanEnd, Snapshot,
};
use kubeknock::record::{ScanInfo, Spool};
use kubeknock::report::{GateResult, Results, escape};
use kubeknock::targets::TargetSet;

use crate::baseline::Baseline;
use crate::carried::{Earlier, FinishedScan, listed_already, listed_by, listed_in};
use crate::evaluated_scan::{EarlierScan, NO_TEMPORARY_FILE, copy_carried, is_partial};
use crate::notify::{Notifier, Outbox};
use crate::outputs::Outputs;
use crate::policies::Policies;
use crate::say;

/// The maximum number of specifications, and of clusters, listed on standard error.
const LISTED: usize = 10;
/// Characters shown of a specification.
const MAX_TEXT: usize = 240;

/// The results of a finished scan or merge.
pub(crate) struct Conclusion<'a> {
    pub(crate) policy: &'a Policy,
    /// The policies in Rego that judge the report.
    pub(crate) policies: Option<&'a Policies>,
    /// When the scan began, or the latest of several.
    pub(crate) started: Timestamp,
    pub(crate) evaluation: Evaluation,
    pub(crate) snapshot: Snapshot,
    /// The report of `--baseline`.
    pub(crate) baseline: Baseline,
    /// Who is told what changed.
    pub(crate) notifier: Option<&'a Notifier>,
    /// The findings and records of earlier scans that the scan's own reports carry.
    pub(crate) carried: Earlier,
    /// The list of targets; `None` if only saved reports show it.
    pub(crate) targets: Option<&'a TargetSet>,
    pub(crate) gate: Gate,
    pub(crate) end: ScanEnd,
    /// In a demo, findings do not fail the program, because the demo set them up.
    pub(crate) is_demo: bool,
}

impl Conclusion<'_> {
    /// Writes the reports and returns the exit code, which the gate decides from `coverage`, and what is left to send.
    pub(crate) fn write(
        mut self,
        info: ScanInfo<'_>,
        summary: &ScanSummary,
        coverage: &Coverage,
        mut records: Spool,
        outputs: Outputs,
    ) -> anyhow::Result<(u8, Outbox)> {
        // A policy that fails must not lose the reports.
        let judged = self.judge(info, summary, &mut records);
        if judged.is_err() {
            self.end = ScanEnd::Failed;
        }
        (self.snapshot).set_left_out(info.config, &summary.coverage);
        let mut changes = None;
        if let Some(EarlierScan {
            earlier, snapshot, ..
        }) = &self.baseline.earlier
        {
            (self.evaluation).compare(&earlier.findings, &self.snapshot, snapshot);
            self.snapshot.partial = is_partial(info.config, summary);
            changes = Some(self.snapshot.changes_since(snapshot));
        } else if self.baseline.compares() {
            let nothing = Snapshot::default();
            (self.evaluation).compare(&[], &self.snapshot, &nothing);
        }
        let carried = self.carry(summary, &mut records)?;
        self.evaluation.mention(&carried);
        if let Some(changes) = &mut changes {
            carried.explain(changes);
        }
        (self.evaluation.unused_acceptances)
            .retain(|unused| carried.unused_acceptances.contains(unused));
        // An acceptance that matches nothing here may match a finding of another shard, or of a target that was not
        // asked.
        if is_partial(info.config, summary) || self.end != ScanEnd::Regular {
            self.evaluation.unused_acceptances.clear();
        }
        let mut decision = self.gate.decide(coverage, &self.evaluation, self.end);
        let is_unmet = |spec: &SpecCoverage| spec.met == Some(false);
        if self.is_demo && decision.code == FAILED && !coverage.specs.iter().any(is_unmet) {
            decision.code = PASSED;
            decision.sentence = format!("exit 0 in a demo, but a scan would {}", decision.sentence);
        }
        let results = Results {
            info,
            summary,
            findings: &self.evaluation.findings,
            carried: &carried.findings,
            accepted_verdicts: &self.evaluation.accepted_verdicts,
            since_reported: &self.evaluation.since_reported,
            unused_acceptances: &self.evaluation.unused_acceptances,
            not_shown: 0,
            changes: changes.as_deref(),
            outage: self.evaluation.outage,
            rules: &RULES,
            outcome: GateResult {
                code: decision.code,
                sentence: &decision.sentence,
            },
        };
        let code_is_stated = outputs.states_exit_code();
        outputs.finish(&results, &mut records)?;
        for unused in &self.evaluation.unused_acceptances {
            say::note(unused);
        }
        if !code_is_stated {
            list_left_out(&summary.coverage);
            if decision.code == 0 {
                say::note(&decision.sentence);
            } else {
                say::reason(&decision.sentence);
            }
        }
        judged?;
        let outbox = if self.end == ScanEnd::Regular && !summary.coverage.could_not_scan() {
            Outbox::of(self.notifier, self.baseline, &results, &mut records)?
        } else {
            Outbox::default()
        };
        Ok((decision.code, outbox))
    }

    /// Adds the findings of the policies in Rego, about the scan and about what it carries.
    fn judge(
        &mut self,
        info: ScanInfo<'_>,
        summary: &ScanSummary,
        records: &mut Spool,
    ) -> anyhow::Result<()> {
        let Some(policies) = self.policies else {
            return Ok(());
        };
        let scan = (info, summary);
        let evaluation = &mut self.evaluation;
        let judged = policies.judge(self.policy, scan, evaluation, records)?;
        evaluation.add(judged);
        let mut carried = Spool::default();
        copy_carried(&mut self.carried.records, &mut carried).context(NO_TEMPORARY_FILE)?;
        let judged = policies.judge(self.policy, scan, &Evaluation::default(), &mut carried)?;
        self.carried.findings.extend(judged.findings);
        Ok(())
    }

    /// The findings that are carried from earlier scans. Their records are added to `records`.
    fn carry(&mut self, summary: &ScanSummary, records: &mut Spool) -> anyhow::Result<Carried> {
        let finished = FinishedScan {
            policy: self.policy,
            started: self.started,
            evaluation: &self.evaluation,
            snapshot: &self.snapshot,
        };
        let mut earlier = vec![(&mut self.carried, listed_already())];
        if let Some(EarlierScan {
            scan, earlier: old, ..
        }) = &mut self.baseline.earlier
        {
            let listed = self.targets.map_or_else(
                || listed_by(summary, &self.snapshot, &scan.summary),
                listed_in,
            );
            earlier.push((old, listed));
        }
        finished.carry(earlier, records).context(NO_TEMPORARY_FILE)
    }
}

/// Lists the specifications with addresses or lookups that are missing from the scan, and the clusters that were not
/// asked.
fn list_left_out(coverage: &Coverage) {
    let is_missed = |spec: &&SpecCoverage| {
        spec.left_out
            .iter()
            .any(|left_out| left_out.why.is_missed())
    };
    let specs: Vec<&SpecCoverage> = coverage.specs.iter().filter(is_missed).collect();
    for spec in specs.iter().take(LISTED) {
        let (text, unasked) = (&spec.origin.text, spec.left_out_text().unwrap_or_default());
        say::note(format_args!(
            "{}: not asked: {unasked}",
            escape(text, MAX_TEXT)
        ));
    }
    if specs.len() > LISTED {
        say::note(format_args!(
            "… and {} more targets like these",
            specs.len() - LISTED
        ));
    }
    let clusters = &coverage.clusters_not_asked;
    for cluster in clusters.iter().take(LISTED) {
        say::note(format_args!(
            "{}: {} is not asked, and not part of the coverage: {}",
            cluster.origin,
            escape(cluster.name(), MAX_TEXT),
            cluster.text()
        ));
    }
    if clusters.len() > LISTED {
        say::note(format_args!(
            "… and {} more clusters like these",
            clusters.len() - LISTED
        ));
    }
}
