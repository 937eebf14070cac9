//! `kubeknock diff`: what is not as it was.

use kubeknock::policy::{End, Gate, RULES};
use kubeknock::report::diff::{Diff, write_json, write_table};
use kubeknock::report::{Outcome, Results, TableOptions};

use crate::args::{DiffArgs, DiffFormat};
use crate::conclusion::judged_coverage;
use crate::settings_file::SettingsFile;
use crate::{outputs, saved, stdout};

/// Compares, and returns the exit code of the gate.
pub(crate) fn run(args: &DiffArgs, file: &SettingsFile) -> anyhow::Result<u8> {
    let old = saved::earlier(&args.old, &file.policy)?;
    let mut new = saved::earlier(&args.new, &file.policy)?;
    new.judged.compare(old.judged, &new.snapshot);
    let changes = new.snapshot.changes_since(&old.snapshot);
    let gate = Gate {
        fail_on: args.gate.fail_on,
        require_coverage: args.gate.require_coverage,
    };
    let coverage = judged_coverage(&new.scan.config, &new.scan.summary.coverage);
    let decision = gate.decide(&coverage, &new.judged, End::Regular);
    let diff = Diff {
        old: &old.scan.summary,
        new: Results {
            info: new.scan.info(),
            summary: &new.scan.summary,
            findings: &new.judged.findings,
            changes: Some(&changes),
            rules: &RULES,
            outcome: Outcome {
                code: decision.code,
                sentence: &decision.sentence,
            },
        },
    };
    stdout::print(|out| match args.format {
        DiffFormat::Table => {
            let options = TableOptions {
                color: outputs::color(args.color),
                ..TableOptions::default()
            };
            write_table(out, &diff, &options)
        }
        DiffFormat::Json => write_json(out, &diff),
    })?;
    Ok(decision.code)
}
