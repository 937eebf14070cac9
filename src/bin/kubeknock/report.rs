//! `kubeknock report`: saved reports again, in other formats, several as one.

use std::cmp::Reverse;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use kubeknock::policy::{Gate, Judge, Snapshot};
use kubeknock::report::saved::{Merge, Merged};
use kubeknock::report::{Format, Spool};

use crate::args::{OutputArgs, ReportArgs};
use crate::conclusion::{Conclusion, baseline, judged_coverage};
use crate::outputs::{AUTO, Outputs};
use crate::saved::SavedFile;
use crate::settings_file::SettingsFile;

/// Renders, and returns the exit code of the gate.
pub(crate) fn run(args: &ReportArgs, file: &SettingsFile, quiet: bool) -> anyhow::Result<u8> {
    let (output, results) = split(&args.words);
    if results.is_empty() {
        bail!(
            "no saved report is named; give json or jsonl files behind the formats: kubeknock report table old.json"
        );
    }
    let earlier = baseline(args.baseline.as_deref(), args.gate.fail_on, &file.policy)?;
    let mut outputs =
        Outputs::open(&OutputArgs { output, color: args.color, category: args.category.clone() })?;
    let Merged { scan, records, repeated } = merge(&results, args.max_age)?;
    if repeated > 0 && !quiet {
        eprintln!(
            "kubeknock: {repeated} endpoint records are in several of the reports; the latest scan's count"
        );
    }
    let judged_coverage = judged_coverage(&scan.config, &scan.summary.coverage);
    let (judged, snapshot) = {
        let mut judge = Judge::new(&file.policy, scan.summary.started);
        let mut snapshot = Snapshot::default();
        for record in &records {
            judge.as_of(record.started);
            judge.add(&record.report);
            snapshot.add(&record.report);
            outputs.endpoint(&record.report)?;
        }
        (judge.finish(&judged_coverage), snapshot)
    };
    let mut spool = Spool::default();
    for record in records {
        spool.push(record.report).context("cannot write a temporary file")?;
    }
    let gate = Gate { fail_on: args.gate.fail_on, require_coverage: args.gate.require_coverage };
    let conclusion = Conclusion { judged, snapshot, earlier, gate, interrupted: false };
    conclusion.write(scan.info(), &scan.summary, &judged_coverage, spool, outputs)
}

/// Formats, and files with results: a word that names a format, alone or before `=`, is one.
fn split(words: &[String]) -> (Vec<String>, Vec<PathBuf>) {
    let (formats, files): (Vec<&String>, Vec<&String>) = words.iter().partition(|word| {
        word.split('=').next().is_some_and(|word| word == AUTO || word.parse::<Format>().is_ok())
    });
    (formats.into_iter().cloned().collect(), files.into_iter().map(PathBuf::from).collect())
}

/// Reads every report twice: for the scan, which says what is latest, then for its records.
fn merge(paths: &[PathBuf], max_age: Option<Duration>) -> anyhow::Result<Merged> {
    let oldest = max_age.and_then(|age| Timestamp::now().checked_sub(age).ok());
    let mut scans = Vec::new();
    for path in paths {
        let mut file = SavedFile::open(path).with_context(|| {
            let formats = Format::ALL.map(Format::word).join(", ");
            format!("{} names no format ({formats}), so it must be a saved report", path.display())
        })?;
        let scan = file.scan()?;
        let started = scan.summary.started;
        if oldest.is_some_and(|oldest| started < oldest) {
            bail!(
                "{} is of a scan that began at {started:.0}, longer ago than --max-age admits",
                path.display()
            );
        }
        scans.push((file, scan));
    }
    // The latest first; of two at once, the one named last.
    scans.reverse();
    scans.sort_by_key(|(_, scan)| Reverse(scan.summary.started));
    let mut merge = Merge::default();
    for (mut file, scan) in scans {
        merge.scan(file.name(), scan);
        file.records(&mut |record| merge.record(record))?;
    }
    Ok(merge.finish()?)
}
