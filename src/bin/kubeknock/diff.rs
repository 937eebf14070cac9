//! `kubeknock diff`: compares two saved reports.

use kubeknock::policy::{RULES, ScanEnd};
use kubeknock::record::Spool;
use kubeknock::report::diff::{Diff, write_json, write_table};
use kubeknock::report::{GateResult, Results, TableOptions, write_diff_as_markdown};

use crate::args::{DiffArgs, DiffFormat};
use crate::carried::{FinishedScan, listed_already, listed_by};
use crate::evaluated_scan::{EarlierScan, EvaluatedScan, evaluated_coverage};
use crate::outputs::{Choices, color, terminal_width};
use crate::settings_file::SettingsFile;

/// Compares, and returns the exit code of the gate.
pub(crate) fn run(args: &DiffArgs, file: &SettingsFile) -> anyhow::Result<u8> {
    let outputs = Choices::open(&args.output, args.format.as_deref())?;
    let selectors = &args.selectors.selectors;
    let mut old = EarlierScan::read(&args.old, &file.policy, selectors, None)?;
    let mut new = EvaluatedScan::read(&args.new, &file.policy, selectors)?;
    (new.evaluation).compare(&old.earlier.findings, &new.snapshot, &old.snapshot);
    let mut changes = new.snapshot.changes_since(&old.snapshot);
    let finished = FinishedScan {
        policy: &file.policy,
        started: new.scan.summary.started,
        evaluation: &new.evaluation,
        snapshot: &new.snapshot,
    };
    let listed = listed_by(&new.scan.summary, &new.snapshot, &old.scan.summary);
    let earlier = [
        (&mut new.carried, listed_already()),
        (&mut old.earlier, listed),
    ];
    let carried = finished.carry(earlier, &mut Spool::default())?;
    new.evaluation.mention(&carried);
    carried.explain(&mut changes);
    let gate = args.gate.gate();
    let coverage = evaluated_coverage(&new.scan.config, &new.scan.summary.coverage);
    let decision = gate.decide(&coverage, &new.evaluation, ScanEnd::Regular);
    let diff = Diff {
        old: &old.scan.summary,
        new: Results {
            info: new.scan.info(),
            summary: &new.scan.summary,
            findings: &new.evaluation.findings,
            carried: &carried.findings,
            accepted_verdicts: &new.evaluation.accepted_verdicts,
            since_reported: &new.evaluation.since_reported,
            unused_acceptances: &[],
            not_shown: 0,
            changes: Some(&changes),
            outage: new.evaluation.outage,
            rules: &RULES,
            outcome: GateResult {
                code: decision.code,
                sentence: &decision.sentence,
            },
        },
    };
    outputs.write(|format, on_stdout, out| match format {
        DiffFormat::Table => {
            let options = TableOptions {
                color: on_stdout && color(args.color),
                width: on_stdout.then(terminal_width).flatten(),
                ..TableOptions::default()
            };
            write_table(out, &diff, &options)
        }
        DiffFormat::Markdown => write_diff_as_markdown(out, &diff),
        DiffFormat::Json => write_json(out, &diff),
    })?;
    Ok(decision.code)
}
