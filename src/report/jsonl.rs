//! `jsonl`: one JSON object a line, as `record` writes it: each endpoint as it is done, then the findings,
//! the summary last.

use std::io;

use super::Results;
use crate::model::EndpointReport;
use crate::record::{self, Tally};

/// Writes one endpoint's line and counts it in `tally`, which [`write_summary`] needs.
pub(super) fn write_endpoint(
    out: &mut dyn io::Write,
    report: &EndpointReport,
    tally: &mut Tally,
) -> io::Result<()> {
    record::write_line(out, report, tally)
}

/// Writes the last lines: each finding, then the scan as a whole.
pub(super) fn write_summary(
    out: &mut dyn io::Write,
    results: &Results<'_>,
    tally: &Tally,
) -> io::Result<()> {
    record::write_last_lines(out, &results.contents(), tally)
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
