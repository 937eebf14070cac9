//! `kubeknock report`: merges saved reports and writes them in other formats.

use std::cmp::Reverse;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use kubeknock::model::{Selection, Selector};
use kubeknock::policy::{Evaluator, ScanEnd, Snapshot};
use kubeknock::record::{Merge, Merged, SavedScan, Sightings, Spool};
use kubeknock::report::Format;

use crate::args::ReportArgs;
use crate::baseline::{Baseline, ensure_whole};
use crate::conclusion::Conclusion;
use crate::evaluated_scan::{CarriedRecords, NO_TEMPORARY_FILE, evaluated_coverage, push};
use crate::notify::Notifier;
use crate::outputs::{Outputs, is_format};
use crate::runtime::runtime;
use crate::saved::SavedFile;
use crate::settings_file::SettingsFile;
use crate::{policies, say};

/// Writes the reports and returns the exit code of the gate.
pub(crate) fn run(args: &ReportArgs, file: &SettingsFile) -> anyhow::Result<u8> {
    let (formats, paths) = formats_and_paths(&args.words);
    if paths.is_empty() {
        bail!(
            "no saved report given; name json or jsonl files: kubeknock report old.json -o table"
        );
    }
    let selectors = &args.selectors.selectors;
    let policies = policies::open(&args.policies.policy)?;
    let notifier = Notifier::open(&args.notify, args.baseline.as_ref())?;
    let baseline = Baseline::open(
        args.baseline.as_ref(),
        args.gate.fail_on,
        &file.policy,
        selectors,
        policies.as_ref(),
    )?;
    baseline.check_waiting(notifier.as_ref())?;
    let mut outputs = Outputs::open(&args.output, &formats)?;
    let mut reports = latest_first(&paths, args.max_age, selectors)?;
    let mut merged = merge(&mut reports)?;
    if let Some(name) = &args.output.scan_name {
        merged.scan.config.scan_name = Some(name.clone());
    }
    let scan = &merged.scan;
    let coverage = &scan.summary.coverage;
    let is_empty = coverage.targets == 0 && coverage.clusters_not_asked.is_empty();
    if is_empty && !selectors.is_empty() {
        bail!("--where selects nothing of these reports");
    }
    let selection = scan.summary.selection.as_ref();
    if selection.is_some_and(Selection::is_partial) {
        let why = outputs
            .formats()
            .find_map(|format| Some((format, format.why_whole()?)));
        if let Some((format, why)) = why {
            bail!(
                "{format}: this report has only the targets of --where, and {why}; write it without --where"
            );
        }
    }
    if merged.repeated > 0 {
        let count = merged.repeated;
        say::note(format_args!(
            "{count} endpoint records are in several reports; the latest ones count"
        ));
    }
    if merged.superseded > 0 {
        let count = merged.superseded;
        say::note(format_args!(
            "{count} endpoint records are from an earlier report of the same scan; the later ones count"
        ));
    }
    let mut evaluator = Evaluator::new(&file.policy, scan.summary.started);
    evaluator.set_headers(&scan.config.headers);
    let (mut snapshot, mut records) = (Snapshot::default(), Spool::default());
    ensure_whole(
        scan.config.shard,
        args.baseline.as_ref(),
        notifier.is_some(),
    )?;
    let started = reports[0].started;
    baseline.ensure_not_older(started)?;
    let needs_snapshot = baseline.compares() || reports.iter().any(|saved| saved.carries);
    let mut carried = CarriedRecords::new(&file.policy, scan.summary.started);
    for (number, Saved { file, started, .. }) in reports.iter_mut().enumerate() {
        evaluator.as_of(*started);
        let (mut index, mut spooled) = (0, Ok(()));
        let mut each = |report| {
            if let Some(report) = merged.merged_record(number, index, report) {
                evaluator.add(&report);
                if needs_snapshot {
                    snapshot.add(&report);
                }
                push(&mut records, report, &mut spooled);
            }
            index += 1;
        };
        file.all_records(&mut each, &mut |record| carried.add(record))?;
        spooled.context(NO_TEMPORARY_FILE)?;
    }
    // Rules about specifications use the time of the latest scan.
    evaluator.as_of(reports[0].started);
    let coverage = evaluated_coverage(&scan.config, &scan.summary.coverage);
    let evaluation = evaluator.finish(&coverage);
    let streamed = outputs.endpoints(&mut records);
    let gate = args.gate.gate();
    let end = if streamed.is_ok() {
        ScanEnd::Regular
    } else {
        ScanEnd::Failed
    };
    let conclusion = Conclusion {
        policy: &file.policy,
        policies: policies.as_ref(),
        started,
        evaluation,
        snapshot,
        baseline,
        notifier: notifier.as_ref(),
        carried: carried.finish()?,
        targets: None,
        gate,
        end,
        is_demo: false,
    };
    let (code, outbox) =
        conclusion.write(scan.info(), &scan.summary, &coverage, records, outputs)?;
    streamed?;
    match notifier {
        Some(notifier) => runtime()?.block_on(outbox.deliver(Some(&notifier), code)),
        None => outbox.finished(code),
    }
}

/// Splits the arguments: a word that names a format, alone or before `=`, is a format; all others are paths.
fn formats_and_paths(words: &[String]) -> (Vec<String>, Vec<PathBuf>) {
    let (formats, files): (Vec<&String>, Vec<&String>) =
        words.iter().partition(|word| is_format(word));
    (
        formats.into_iter().cloned().collect(),
        files.into_iter().map(PathBuf::from).collect(),
    )
}

/// An open report.
struct Saved<'a> {
    file: SavedFile<'a>,
    started: Timestamp,
    took: Duration,
    /// Whether it carries records of earlier scans.
    carries: bool,
    /// The input of the merge, until the merge takes it.
    scan: Option<(SavedScan, Sightings)>,
}

/// Opens the reports, the latest scan first. Of two scans that began at the same time, the last argument is first.
fn latest_first<'a>(
    paths: &[PathBuf],
    max_age: Option<Duration>,
    selectors: &'a [Selector],
) -> anyhow::Result<Vec<Saved<'a>>> {
    let now = Timestamp::now();
    let oldest = max_age.and_then(|age| now.checked_sub(age).ok());
    let mut reports = Vec::new();
    for path in paths {
        let mut file = SavedFile::open(path, selectors).with_context(|| {
            let formats = Format::ALL.map(Format::as_str).join(", ");
            format!(
                "{} is not a format ({formats}), so it must be a saved report",
                path.display()
            )
        })?;
        let mut sightings = Sightings::default();
        let (scan, carries) = file.scan(&mut |record| sightings.add(&record))?;
        let started = scan.summary.started;
        if oldest.is_some_and(|oldest| started < oldest) {
            bail!(
                "{} is from a scan that began at {started:.0}, longer ago than --max-age allows",
                path.display()
            );
        }
        if max_age.is_some() && started > now {
            bail!(
                "{} is from a scan that began at {started:.0}, which is in the future, so --max-age cannot be checked; \
                 check the clocks",
                path.display()
            );
        }
        reports.push(Saved {
            file,
            started,
            took: scan.summary.elapsed,
            carries,
            scan: Some((scan, sightings)),
        });
    }
    reports.reverse();
    reports.sort_by_key(|report| Reverse((report.started, report.took)));
    Ok(reports)
}

/// Merges the reports. Each is read again for the positions of its records, so that no record stays in memory.
fn merge(reports: &mut [Saved<'_>]) -> anyhow::Result<Merged> {
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
