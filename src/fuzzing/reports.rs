//! Reports: read back, and written in every format.

use jiff::Timestamp;

use crate::config::ScanConfig;
use crate::model::{Coverage, EndpointReport, ScanSummary};
use crate::policy::{Evaluation, Evaluator, Policy, RULES};
use crate::record::{self, Merge, SavedScan, Sightings, Spool};
use crate::report::{Format, GateResult, RenderOptions, Results, escape, render};

/// A saved report, `json` or `jsonl`.
pub fn saved_reports(data: &[u8]) {
    let (mut records, mut carried) = (Vec::new(), Vec::new());
    let read = record::read(
        "report.json",
        &mut &data[..],
        &mut |record| records.push(record),
        &mut |record| carried.push(record),
    );
    match read {
        Ok(Some(scan)) => {
            merged(&scan, &records);
            written(&scan, &records, &carried, data.len());
        }
        Ok(None) => {}
        Err(error) => {
            let said = error.to_string();
            assert!(
                said.len() < 4096 && !said.chars().any(char::is_control),
                "{said:?}"
            );
        }
    }
}

/// Writes the records in every format, and checks that JSON which is read and written again has the same bytes. A fuzzer
/// has less time: it writes JSON and the format with this number.
pub(super) fn written(
    scan: &SavedScan,
    records: &[EndpointReport],
    carried: &[EndpointReport],
    number: usize,
) {
    let evaluation = evaluation(scan, records);
    let results = results(scan, &evaluation);
    let records = [records, carried].concat();
    let drawn = Format::ALL[number % Format::ALL.len()];
    let due = |format: &Format| !cfg!(fuzzing) || *format == drawn || *format == Format::Json;
    for format in Format::ALL.into_iter().filter(due) {
        let text = text(format, &results, &records);
        // Rows of `csv` end with both.
        let text = text.replace("\r\n", "\n");
        for c in text
            .chars()
            .filter(|c| *c != '\n' && !(' '..='~').contains(c))
        {
            let c = c.to_string();
            assert_eq!(
                escape(&c, usize::MAX),
                c,
                "{format} shows a hidden character"
            );
        }
        match format {
            Format::Json => again(&text, records.len()),
            Format::Sarif | Format::Gitlab | Format::Defectdojo => {
                serde_json::from_str::<serde_json::Value>(&text).expect("a JSON document");
            }
            Format::Jsonl | Format::Ocsf => {
                for line in text.lines() {
                    serde_json::from_str::<serde_json::Value>(line).expect("a JSON object");
                }
            }
            Format::Junit => whole_xml(&text),
            _ => {}
        }
    }
}

/// What one format makes of it.
fn text(format: Format, results: &Results<'_>, records: &[EndpointReport]) -> String {
    let (mut out, mut spool) = (Vec::new(), Spool::default());
    for record in records {
        spool
            .push(record.clone())
            .expect("few records stay in memory");
    }
    render(
        format,
        &mut out,
        results,
        &mut spool,
        &RenderOptions::default(),
    )
    .expect("memory takes everything");
    String::from_utf8(out).expect("reports are UTF-8")
}

/// Reads a JSON report that was written here, and writes it once more.
fn again(text: &str, count: usize) {
    let (mut records, mut carried) = (Vec::new(), Vec::new());
    let scan = record::read(
        "again.json",
        &mut text.as_bytes(),
        &mut |record: EndpointReport| records.push(record),
        &mut |record| carried.push(record),
    )
    .expect("what was written can be read")
    .expect("a document has its scan");
    assert_eq!(records.len() + carried.len(), count);
    let evaluation = evaluation(&scan, &records);
    records.append(&mut carried);
    let rewritten = self::text(Format::Json, &results(&scan, &evaluation), &records);
    for (line, (first, second)) in text.lines().zip(rewritten.lines()).enumerate() {
        assert_eq!(
            first,
            second,
            "line {} of what was read is written otherwise",
            line + 1
        );
    }
    assert_eq!(text.len(), rewritten.len());
}

fn evaluation(scan: &SavedScan, records: &[EndpointReport]) -> Evaluation {
    let policy = Policy::default();
    let mut evaluator = Evaluator::new(&policy, scan.summary.started);
    for record in records {
        evaluator.add(record);
    }
    evaluator.finish(&scan.summary.coverage)
}

fn results<'a>(scan: &'a SavedScan, evaluation: &'a Evaluation) -> Results<'a> {
    Results {
        info: scan.info(),
        summary: &scan.summary,
        not_shown: 0,
        findings: &evaluation.findings,
        carried: &[],
        accepted_verdicts: &evaluation.accepted_verdicts,
        since_reported: &evaluation.since_reported,
        unused_acceptances: &[],
        changes: None,
        outage: None,
        rules: &RULES,
        outcome: GateResult {
            code: 0,
            sentence: "passed",
        },
    }
}

/// The report as one of several.
fn merged(scan: &SavedScan, records: &[EndpointReport]) {
    let mut sightings = Sightings::default();
    for record in records {
        sightings.add(record);
    }
    let mut merge = Merge::default();
    merge.scan("report.json", scan.clone(), sightings);
    for record in records {
        merge.record(0, record);
    }
    let Ok(merged) = merge.finish() else { return };
    for (number, record) in records.iter().enumerate() {
        let _ = merged.merged_record(0, number, record.clone());
    }
}

fn whole_xml(text: &str) {
    let mut reader = quick_xml::Reader::from_str(text);
    while !matches!(
        reader.read_event().expect("well-formed XML"),
        quick_xml::events::Event::Eof
    ) {}
}

/// A scan of this record alone.
pub(super) fn scan_of(record: &EndpointReport) -> SavedScan {
    let mut coverage = Coverage {
        targets: 1,
        ..Coverage::default()
    };
    match &record.failure {
        Some(failure) => coverage.unreachable.insert(failure.kind, 1),
        None => coverage.verdicts.insert(record.verdict, 1),
    };
    let summary = ScanSummary {
        started: Timestamp::UNIX_EPOCH,
        elapsed: std::time::Duration::from_secs(1),
        stopped: None,
        sources: Vec::new(),
        resolvers: Vec::new(),
        targets_digest: None,
        selection: None,
        coverage,
    };
    let tool_version = env!("CARGO_PKG_VERSION").to_owned();
    SavedScan {
        tool_version,
        config: ScanConfig::default(),
        summary,
    }
}
