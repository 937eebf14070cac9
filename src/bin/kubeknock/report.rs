//! `kubeknock report`: saved reports again, in other formats, several as one.

use std::cmp::Reverse;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use kubeknock::policy::{End, Evaluator, Gate, Snapshot};
use kubeknock::record::{Merge, Merged, SavedScan, Sightings, Spool};
use kubeknock::report::Format;

use crate::args::{OutputArgs, ReportArgs};
use crate::conclusion::{Conclusion, baseline, judged_coverage};
use crate::outputs::{AUTO, Outputs};
use crate::saved::SavedFile;
use crate::say;
use crate::settings_file::SettingsFile;

/// Renders, and returns the exit code of the gate.
pub(crate) fn run(args: &ReportArgs, file: &SettingsFile) -> anyhow::Result<u8> {
    let (output, results) = split(&args.words);
    if results.is_empty() {
        bail!(
            "no saved report is named; give json or jsonl files behind the formats: kubeknock report table old.json"
        );
    }
    let earlier = baseline(args.baseline.as_deref(), args.gate.fail_on, &file.policy)?;
    let mut outputs = Outputs::open(&OutputArgs {
        output,
        color: args.color,
        category: args.category.clone(),
    })?;
    let mut reports = latest_first(&results, args.max_age)?;
    let merged = merge(&mut reports)?;
    let scan = &merged.scan;
    if merged.repeated > 0 {
        let count = merged.repeated;
        say::note(format_args!(
            "{count} endpoint records are in several of the reports; those seen last count"
        ));
    }
    if merged.superseded > 0 {
        let count = merged.superseded;
        say::note(format_args!(
            "{count} endpoint records are of an earlier report of the same scan; the later one's count"
        ));
    }
    let mut judge = Evaluator::new(&file.policy, scan.summary.started);
    let (mut snapshot, mut records) = (Snapshot::default(), Spool::default());
    for (number, Saved { file, started, .. }) in reports.iter_mut().enumerate() {
        judge.as_of(*started);
        let (mut record, mut kept) = (0, Ok(()));
        file.records(&mut |report| {
            if let Some(report) = merged.place(number, record, report) {
                judge.add(&report);
                if earlier.is_some() {
                    snapshot.add(&report);
                }
                let pushed = records.push(report);
                if kept.is_ok() {
                    kept = pushed;
                }
            }
            record += 1;
        })?;
        kept.context("cannot write a temporary file")?;
    }
    // What is said of a target as a whole is said as of the latest scan.
    judge.as_of(reports[0].started);
    let judged_coverage = judged_coverage(&scan.config, &scan.summary.coverage);
    let judged = judge.finish(&judged_coverage);
    let streamed = outputs.endpoints(&mut records);
    let gate = Gate {
        fail_on: args.gate.fail_on,
        require_coverage: args.gate.require_coverage,
    };
    let end = if streamed.is_ok() {
        End::Regular
    } else {
        End::Failed
    };
    let conclusion = Conclusion {
        judged,
        snapshot,
        earlier,
        gate,
        end,
    };
    let code = conclusion.write(
        scan.info(),
        &scan.summary,
        &judged_coverage,
        records,
        outputs,
    )?;
    streamed.map(|()| code)
}

/// Formats, and files with results: a word that names a format, alone or before `=`, is one.
fn split(words: &[String]) -> (Vec<String>, Vec<PathBuf>) {
    let (formats, files): (Vec<&String>, Vec<&String>) = words.iter().partition(|word| {
        word.split('=')
            .next()
            .is_some_and(|word| word == AUTO || word.parse::<Format>().is_ok())
    });
    (
        formats.into_iter().cloned().collect(),
        files.into_iter().map(PathBuf::from).collect(),
    )
}

/// A report, open.
struct Saved {
    file: SavedFile,
    started: Timestamp,
    took: Duration,
    /// What a merge needs of it, until that is made.
    scan: Option<(SavedScan, Sightings)>,
}

/// Opens the reports, the latest scan's first; of two that began at once the one named last.
fn latest_first(paths: &[PathBuf], max_age: Option<Duration>) -> anyhow::Result<Vec<Saved>> {
    let now = Timestamp::now();
    let oldest = max_age.and_then(|age| now.checked_sub(age).ok());
    let mut reports = Vec::new();
    for path in paths {
        let mut file = SavedFile::open(path).with_context(|| {
            let formats = Format::ALL.map(Format::as_str).join(", ");
            format!(
                "{} names no format ({formats}), so it must be a saved report",
                path.display()
            )
        })?;
        let mut sightings = Sightings::default();
        let scan = file.scan(&mut |record| sightings.add(&record))?;
        let started = scan.summary.started;
        if oldest.is_some_and(|oldest| started < oldest) {
            bail!(
                "{} is of a scan that began at {started:.0}, longer ago than --max-age admits",
                path.display()
            );
        }
        if max_age.is_some() && started > now {
            bail!(
                "{} is of a scan that began at {started:.0}, which is still to come: whether --max-age admits it \
                 cannot be told; check the clocks",
                path.display()
            );
        }
        reports.push(Saved {
            file,
            started,
            took: scan.summary.elapsed,
            scan: Some((scan, sightings)),
        });
    }
    reports.reverse();
    reports.sort_by_key(|report| Reverse((report.started, report.took)));
    Ok(reports)
}

/// What the reports come to together. Each is read again for its records' places, and so is none held.
fn merge(reports: &mut [Saved]) -> anyhow::Result<Merged> {
    let mut merge = Merge::default();
    for Saved { file, scan, .. } in reports.iter_mut() {
        if let Some((scan, sightings)) = scan.take() {
            merge.scan(file.name(), scan, sightings);
        }
    }
    for (number, Saved { file, .. }) in reports.iter_mut().enumerate() {
        file.records(&mut |record| merge.record(number, &record))?;
    }
    Ok(merge.finish()?)
}
