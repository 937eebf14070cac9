//! `jsonl`: one JSON object a line.

use serde_json::Value;

use super::super::sample;

#[test]
fn one_object_a_line() {
    insta::assert_snapshot!(sample::jsonl(&sample::mixed()));
}

#[test]
fn the_lines_contain_the_records_of_the_document() {
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
