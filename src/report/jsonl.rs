//! `jsonl`: one JSON object a line, each endpoint as it is done, then the findings, the summary last.
//!
//! Lines are written whole and flushed, so that a reader of a running scan never sees half of one.
//! A file without a summary line was torn off.

use std::io;

use serde::Serialize;

use super::wire::{Coverage, Endpoint, Finding, Scan, Summary, Tool};
use super::{Results, SCHEMA, Tally, encode};
use crate::model::EndpointReport;

#[derive(Serialize)]
#[serde(tag = "record", rename_all = "kebab-case")]
#[expect(
    clippy::large_enum_variant,
    reason = "lives for one write, and most are the large one"
)]
enum Record<'a> {
    Endpoint(Endpoint<'a>),
    Finding(Finding<'a>),
    Summary {
        schema: &'static str,
        tool: Tool<'a>,
        scan: Scan<'a>,
        coverage: Coverage<'a>,
        summary: Summary<'a>,
    },
}

/// Writes one endpoint's line and counts it in `tally`, which [`write_summary`] wants.
pub fn write_endpoint(
    out: &mut dyn io::Write,
    report: &EndpointReport,
    tally: &mut Tally,
) -> io::Result<()> {
    tally.add(report);
    write(out, &Record::Endpoint(report.into()))
}

/// One endpoint's line, with its line feed: what [`saved::record`](super::saved::record) reads back.
pub fn record(report: &EndpointReport) -> io::Result<Vec<u8>> {
    encode::line(&Record::Endpoint(report.into()))
}

/// Writes the last lines: each finding, then the scan as a whole.
pub fn write_summary(
    out: &mut dyn io::Write,
    results: &Results<'_>,
    tally: &Tally,
) -> io::Result<()> {
    let Results { info, summary, .. } = results;
    for finding in results.findings {
        write(out, &Record::Finding(finding.into()))?;
    }
    write(
        out,
        &Record::Summary {
            schema: SCHEMA,
            tool: info.into(),
            scan: Scan::new(info, summary),
            coverage: (&summary.coverage).into(),
            summary: Summary::new(summary, tally),
        },
    )
}

fn write(out: &mut dyn io::Write, record: &Record<'_>) -> io::Result<()> {
    out.write_all(&encode::line(record)?)?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::sample;

    #[test]
    fn one_object_a_line() {
        insta::assert_snapshot!(sample::jsonl(&sample::mixed()));
    }

    #[test]
    fn the_records_are_those_of_the_document() {
        let sample = sample::mixed();
        let document: Value = serde_json::from_str(&sample::json(&sample)).unwrap();
        let written = sample::jsonl(&sample);
        let mut lines: Vec<Value> = written
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        for line in &mut lines {
            line.as_object_mut().unwrap().remove("record").unwrap();
        }
        let summary = lines.pop().unwrap();
        let findings = lines.split_off(sample.reports.len());
        assert_eq!(Value::Array(lines), document["endpoints"]);
        assert_eq!(Value::Array(findings), document["findings"]);
        for part in ["schema", "tool", "scan", "coverage", "summary"] {
            assert_eq!(summary[part], document[part]);
        }
    }

    #[test]
    fn hostile_text_stays_within_its_line() {
        let sample = sample::hostile();
        let records = sample.reports.len() + sample.findings.len() + 1;
        assert_eq!(sample::jsonl(&sample).lines().count(), records);
    }
}
