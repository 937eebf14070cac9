use std::collections::HashMap;

use proptest::prelude::*;

use crate::model::{DistinguishedName, Finding};
use crate::record::format::MAX_RECORD;
use crate::record::{READABLE, SCHEMA, SavedScan, from_line, read, to_line};
use crate::report::Format;
use crate::report::sample::{self, Sample};

/// A report that is read, to be written again. Readers derive findings again; here
/// they are those of the sample.
fn read_back(text: &str) -> Sample {
    read_back_with(text, &[])
}

fn read_back_with(text: &str, findings: &[Finding]) -> Sample {
    let (mut reports, mut carried) = (Vec::new(), Vec::new());
    let scan = read(
        "old",
        &mut text.as_bytes(),
        &mut |report| reports.push(report),
        &mut |report| carried.push(report),
    )
    .unwrap()
    .unwrap();
    let SavedScan {
        tool_version,
        config,
        summary,
    } = scan;
    Sample {
        tool_version,
        config,
        reports,
        summary,
        findings: findings.to_vec(),
        carried: (carried, Vec::new()),
        changes: None,
        accepted_verdicts: std::collections::BTreeMap::new(),
        since_reported: <_>::default(),
        outage: None,
        sentence: sample::mixed().sentence,
    }
}

/// A scan in every format.
fn everywhere(sample: &Sample) -> HashMap<Format, String> {
    Format::ALL
        .map(|format| (format, sample::rendered(format, sample)))
        .into()
}

fn problem(text: &str) -> String {
    read("old.json", &mut text.as_bytes(), &mut |_| {}, &mut |_| {})
        .unwrap_err()
        .to_string()
}

fn samples() -> [Sample; 5] {
    [
        sample::mixed(),
        sample::empty(),
        sample::stopped(),
        sample::hostile(),
        sample::carrying(),
    ]
}

#[test]
fn the_written_version_is_readable() {
    assert!(READABLE.contains(&SCHEMA));
}

#[test]
fn a_report_read_and_written_again_has_the_same_bytes() {
    for sample in samples() {
        let (document, lines) = (sample::json(&sample), sample::jsonl(&sample));
        let read_back = |text: &str| read_back_with(text, &sample.findings);
        assert_eq!(sample::json(&read_back(&document)), document);
        assert_eq!(sample::jsonl(&read_back(&lines)), lines);
        // Either form says all that the other does.
        assert_eq!(sample::json(&read_back(&lines)), document);
        assert_eq!(sample::jsonl(&read_back(&document)), lines);
    }
}

/// Reports of earlier versions have the text alone, and it stays what they said.
#[test]
fn a_remedy_without_steps_is_read_as_a_summary() {
    let sample = sample::mixed();
    let mut document: serde_json::Value = serde_json::from_str(&sample::json(&sample)).unwrap();
    for record in document["endpoints"].as_array_mut().unwrap() {
        record.as_object_mut().unwrap().remove("remediation");
    }
    let read = read_back(&document.to_string());
    let remedies = |sample: &Sample| -> Vec<_> {
        let reports = sample.reports.iter();
        reports.filter_map(|report| report.remedy.clone()).collect()
    };
    let (written, read) = (remedies(&sample), remedies(&read));
    assert_eq!(read.len(), written.len());
    for (written, read) in written.iter().zip(&read) {
        assert!(!written.remediation.steps.is_empty() && read.remediation.steps.is_empty());
        assert_eq!(read.remediation.summary, written.remediation.text(1024));
        assert_eq!(read.remediation.reference, written.remediation.reference);
        assert_eq!(read.network_url, written.network_url);
    }
}

#[test]
fn every_format_from_a_saved_report_is_what_the_scan_wrote() {
    for sample in samples() {
        let expected = everywhere(&sample);
        for saved in [sample::json(&sample), sample::jsonl(&sample)] {
            let read = read_back_with(&saved, &sample.findings);
            let again = Sample {
                changes: sample.changes.clone(),
                accepted_verdicts: sample.accepted_verdicts.clone(),
                since_reported: sample.since_reported.clone(),
                carried: (read.carried.0.clone(), sample.carried.1.clone()),
                ..read
            };
            for (format, text) in everywhere(&again) {
                assert_eq!(text, expected[&format], "{format}");
            }
        }
    }
}

/// The place in the report says whether a record is carried, and a carried one says when it was seen.
#[test]
fn only_records_in_their_place_are_carried() {
    let sample = sample::carrying();
    let document: serde_json::Value = serde_json::from_str(&sample::json(&sample)).unwrap();
    let mut moved = document.clone();
    moved["endpoints"][0]["last_seen"] = document["carried"][0]["last_seen"].clone();
    let read = read_back(&moved.to_string());
    assert!(read.reports.iter().all(|report| report.last_seen.is_none()));
    assert_eq!(read.reports.len(), sample.reports.len());
    assert_eq!(read.carried.0.len(), 2);
    let mut undated = document.clone();
    undated["carried"][1]["last_seen"] = serde_json::Value::Null;
    assert!(problem(&undated.to_string()).contains("a carried record has no last_seen"));
    let lines = sample::jsonl(&sample).replace("\"record\":\"carried\"", "\"record\":\"endpoint\"");
    assert!(problem(&lines).contains("the summary says 14 endpoint records, and there are 16"));
}

#[test]
fn one_record_is_one_line() {
    for report in sample::mixed().reports {
        let line = to_line(&report).unwrap();
        assert_eq!(to_line(&from_line(&line).unwrap()).unwrap(), line);
    }
    assert!(
        from_line(b"{\"record\":\"summary\"}")
            .unwrap_err()
            .to_string()
            .contains("target")
    );
}

#[test]
fn a_long_field_of_the_version_is_cut_when_it_is_read() {
    let document = sample::json(&sample::mixed());
    let mut value: serde_json::Value = serde_json::from_str(&document).unwrap();
    let endpoints = value["endpoints"].as_array_mut().unwrap();
    let requests = endpoints
        .iter_mut()
        .flat_map(|endpoint| endpoint["requests"].as_array_mut().unwrap());
    let mut versions = requests.filter(|request| request["evidence"]["version"].is_object());
    let long = "x".repeat(2000);
    versions.next().unwrap()["evidence"]["version"]["build_date"] = long.clone().into();
    let written = sample::json(&read_back(&value.to_string()));
    assert!(!written.contains(&long));
    assert!(written.contains(&format!("\"{}…\"", &long[..1023])));
}

#[test]
fn the_position_of_a_target_is_kept() {
    let sample = sample::mixed();
    let indices = |sample: &Sample| {
        sample
            .reports
            .iter()
            .map(|report| report.target.index)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        indices(&read_back(&sample::jsonl(&sample))),
        indices(&sample)
    );
}

#[test]
fn keys_may_have_any_order_and_unknown_keys_are_ignored() {
    let sample = sample::mixed();
    let document = sample::json(&sample);
    // serde_json's own map is sorted: "coverage" comes first.
    let mut sorted: serde_json::Value = serde_json::from_str(&document).unwrap();
    sorted["invented"] = serde_json::json!({"deep": [1, 2]});
    sorted["endpoints"][0]["invented"] = serde_json::json!("x");
    assert_eq!(
        sample::json(&read_back_with(&sorted.to_string(), &sample.findings)),
        document
    );
    let mut lines: Vec<String> = sample::jsonl(&sample)
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line)
                .unwrap()
                .to_string()
        })
        .collect();
    lines.insert(0, "{\"record\":\"invented\"}".to_owned());
    assert_eq!(
        sample::json(&read_back_with(&lines.join("\n"), &sample.findings)),
        document
    );
}

#[test]
fn a_truncated_report_is_detected() {
    let sample = sample::mixed();
    let lines = sample::jsonl(&sample);
    let whole: Vec<&str> = lines.lines().collect();
    let without_summary = whole[..whole.len() - 1].join("\n");
    for torn in [
        without_summary.as_str(),
        &lines[..lines.len() - 40],
        &without_summary[..without_summary.len() - 9],
    ] {
        let mut count = 0;
        let scan = read(
            "old",
            &mut torn.as_bytes(),
            &mut |_| count += 1,
            &mut |_| {},
        )
        .unwrap();
        assert!(scan.is_none());
        assert!(count >= sample.reports.len() - 1);
    }
    // A line in the middle is missing.
    let gap = [&whole[..2], &whole[3..]].concat().join("\n");
    assert!(
        problem(&gap).contains("the summary says 14 endpoint records, and there are 13"),
        "{}",
        problem(&gap)
    );
    let twice = format!("{lines}{lines}");
    assert!(
        problem(&twice).contains("old.json:24: unexpected line after the summary"),
        "{}",
        problem(&twice)
    );
}

#[test]
fn errors_have_place_and_problem() {
    let document = sample::json(&sample::mixed());
    for (from, to, said) in [
        (
            SCHEMA,
            "kubeknock/report/v9",
            "old.json:2:33: schema \"kubeknock/report/v9\" is not supported",
        ),
        (
            "\"verdict\": \"exposed\"",
            "\"verdict\": \"open\"",
            "expected one of `exposed`, `forbidden`, ",
        ),
        (
            "\"path\": \"/version\"",
            "\"path\": \"version\"",
            "path: a path begins with '/'",
        ),
        (
            "192.0.2.17:6443",
            "192.0.2.17",
            "invalid target: expected host:port",
        ),
        ("\"targets\": 305", "\"targets\": 306", "do not add up"),
        (
            "\"targets\": 305",
            "\"targets\": 18446744073709551615",
            "more than any scan has",
        ),
        (
            "\"failed_here\": {}",
            "\"failed_here\": {\"proxy\": 18446744073709551615, \"no-route\": 2}",
            "more than any scan has",
        ),
        (
            "\"failed_here\": {}",
            "\"failed_here\": {\"proxy\": 1}",
            "failed_here counts more than not_attempted",
        ),
        (
            "\"failed_here\": {}",
            "\"failed_here\": {\"prox\": 1}",
            "expected one of `refused`, `timed-out`, ",
        ),
        (
            "2026-10-01T08",
            "yesterday",
            "invalid time: expected RFC 3339",
        ),
        (
            "\"total_ms\": 9.876",
            "\"total_ms\": -1",
            "invalid duration: expected milliseconds",
        ),
        ("\"request\": 5", "\"request\": 500", "names request 500"),
        ("HTTP/1.1", "HTTP/7", "invalid HTTP version"),
        (
            "\"kind\": \"plain-403\"",
            "\"kind\": \"hunter2\"",
            "invalid kind: expected that of an unclear answer",
        ),
        (
            "\"verb\": \"list\"",
            "\"verb\": \"delete\"",
            "expected `get` or `list`",
        ),
        (
            "\"coverage\": {",
            "\"covered\": {",
            "the key \"coverage\" is missing",
        ),
    ] {
        assert!(document.contains(from), "{from}");
        let problem = problem(&document.replacen(from, to, 1));
        assert!(problem.contains(said), "{from} → {to}: {problem}");
        assert!(problem.starts_with("old.json:"), "{problem}");
    }
    for text in [
        "",
        "[]",
        "null",
        "{}",
        "{\"a\":1}",
        "kubeknock",
        "{\"schema\":\"\u{1b}[2J\"}",
    ] {
        let problem = problem(text);
        assert!(!problem.chars().any(char::is_control), "{problem:?}");
    }
    let torn = problem(&document[..document.len() / 2]);
    assert!(
        torn.contains("unexpected end") && !torn.contains("not a kubeknock report"),
        "{torn}"
    );
    let broken = sample::jsonl(&sample::mixed()).replacen("\"verdict\":\"", "\"verdict\":\"x", 1);
    assert!(
        problem(&broken).starts_with("old.json:1:")
            && problem(&broken).contains("expected one of `exposed`")
    );
    let deep = format!("{{\"schema\":{}1{}}}", "[".repeat(9999), "]".repeat(9999));
    assert!(problem(&deep).contains("old.json:1:"), "{}", problem(&deep));
}

#[test]
fn a_file_that_is_not_a_report_is_named_so() {
    for (text, place) in [
        ("", "old.json: it is empty"),
        ("\n \n", "old.json: it is empty"),
        (
            "192.0.2.1 name=prod\n",
            "old.json: it does not begin with {",
        ),
        (
            "verdict,target\nexposed,192.0.2.1:6443\n",
            "old.json: it does not begin with {",
        ),
        (
            "[{\"description\": \"gitlab\"}]",
            "old.json: it does not begin with {",
        ),
        (
            "{\n  \"$schema\": \"https://json.schemastore.org/sarif-2.1.0.json\",\n",
            "old.json:1: the key \"record\"",
        ),
        ("{\"a\": {}}\n", "old.json:1: the key \"record\""),
        ("{\n  \"summary\": {\"total\": true}\n}", "old.json:"),
        (
            "{\n  \"tool\": {}}",
            "old.json:2:13: the key \"schema\" is missing",
        ),
    ] {
        let problem = problem(text);
        assert!(problem.starts_with(place), "{text}: {problem}");
        let fix = "this is not a kubeknock report; `kubeknock scan -o json=FILE` or `-o jsonl=FILE` writes one";
        assert!(problem.ends_with(fix), "{text}: {problem}");
    }
}

/// A report of each version, by the program of its time: `kubeknock demo`, as a document and as lines.
const EACH_VERSION: [(&str, &str, &str); 5] = [
    (
        "kubeknock/report/v1",
        include_str!("../../../tests/data/report-v1.json"),
        include_str!("../../../tests/data/report-v1.jsonl"),
    ),
    (
        "kubeknock/report/v2",
        include_str!("../../../tests/data/report-v2.json"),
        include_str!("../../../tests/data/report-v2.jsonl"),
    ),
    (
        "kubeknock/report/v3",
        include_str!("../../../tests/data/report-v3.json"),
        include_str!("../../../tests/data/report-v3.jsonl"),
    ),
    // The last of version 3, which also has `host`; of targets with names.
    (
        "kubeknock/report/v3",
        include_str!("../../../tests/data/report-v3-names.json"),
        include_str!("../../../tests/data/report-v3-names.jsonl"),
    ),
    (
        "kubeknock/report/v4",
        include_str!("../../../tests/data/report-v4.json"),
        include_str!("../../../tests/data/report-v4.jsonl"),
    ),
];

/// What the verdict `limited` was called up to version 2.
const FORMER: (&str, &str) = ("health-only", "limited");

/// What `more-open` was called up to version 3.
const FORMER_POSTURE: (&str, &str) = ("looser", "more-open");

/// Everything that the old version said is still said; keys may have come since.
fn kept(place: &str, old: &serde_json::Value, new: &serde_json::Value) {
    match (old, new) {
        (serde_json::Value::Object(old), serde_json::Value::Object(new)) => {
            for (key, value) in old {
                let place = format!("{place}.{key}");
                let new = match key.as_str() {
                    // Up to version 3 these were the DNS name and the user's name.
                    "name" if old.contains_key("label") => new.get("host"),
                    "label" => new.get("name"),
                    key if key == FORMER.0 => new.get(key).or_else(|| new.get(FORMER.1)),
                    key => new.get(key),
                };
                kept(
                    &place,
                    value,
                    new.unwrap_or_else(|| panic!("{place} is gone")),
                );
            }
        }
        (serde_json::Value::Array(old), serde_json::Value::Array(new)) => {
            assert_eq!(old.len(), new.len(), "{place}");
            for (at, (old, new)) in old.iter().zip(new).enumerate() {
                kept(&format!("{place}[{at}]"), old, new);
            }
        }
        _ => {
            // Earlier versions wrote distinguished names in the order of the encoding, without escapes.
            let is_name = [".subject", ".issuer"]
                .iter()
                .any(|end| place.ends_with(end))
                || place.contains(".client_ca_names[");
            let same_name = || {
                let names = is_name.then(|| old.as_str().zip(new.as_str()));
                names
                    .flatten()
                    .is_some_and(|(old, new)| *DistinguishedName::from(old) == *new)
            };
            assert!(
                old == new
                    || [FORMER, FORMER_POSTURE]
                        .iter()
                        .any(|(former, today)| old == former && new == today)
                    || same_name(),
                "{place}: {old}, {new}"
            );
        }
    }
}

#[test]
fn reports_of_every_version_are_read() {
    let mut schemas = EACH_VERSION.map(|(schema, ..)| schema).to_vec();
    schemas.dedup();
    assert_eq!(schemas, READABLE);
    for (schema, document, lines) in EACH_VERSION {
        let old: serde_json::Value = serde_json::from_str(document).unwrap();
        assert_eq!(old["schema"], schema);
        for text in [document, lines] {
            let mut sample = read_back(text);
            sample
                .reports
                .sort_by_key(|report| report.target.origin.line);
            let new: serde_json::Value = serde_json::from_str(&sample::json(&sample)).unwrap();
            assert_eq!(new["schema"], SCHEMA);
            // Findings are made anew.
            for part in old
                .as_object()
                .unwrap()
                .keys()
                .filter(|part| !["schema", "findings"].contains(&&***part))
            {
                kept(&format!("{schema} {part}"), &old[part], &new[part]);
            }
        }
        let indices: Vec<u64> = read_back(document)
            .reports
            .iter()
            .map(|report| report.target.index)
            .collect();
        assert_eq!(
            indices,
            (0..indices.len() as u64).collect::<Vec<_>>(),
            "{schema}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_text_is_read_back(text in "\\PC*|[\\x00-\\u{2fff}\\u{e0000}-\\u{e007f}]{0,40}") {
        let sample = sample::saying(&text);
        let written = sample::json(&sample);
        prop_assert_eq!(sample::json(&read_back_with(&written, &sample.findings)), written);
    }

    #[test]
    fn arbitrary_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let outcome = read("old", &mut bytes.as_slice(), &mut |_| {}, &mut |_| {});
        prop_assert!(!matches!(outcome, Ok(Some(_))));
    }

    #[test]
    fn a_damaged_report_is_read_or_rejected(
        lines: bool,
        damage in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..4),
        end in any::<proptest::sample::Index>(),
    ) {
        let sample = sample::mixed();
        let mut bytes = if lines { sample::jsonl(&sample) } else { sample::json(&sample) }.into_bytes();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(end.index(bytes.len() * 4).min(bytes.len()));
        let mut count = 0;
        let outcome = read("old", &mut bytes.as_slice(), &mut |_| count += 1, &mut |_| {});
        prop_assert!(count <= sample.reports.len());
        if let Err(error) = outcome {
            prop_assert!(error.place.starts_with("old"));
        }
    }
}

/// A record of a document is read up to its limit; a line up to that of the largest piece.
#[test]
fn the_size_of_a_record_is_limited() {
    let x = |count: usize| {
        std::io::BufReader::new(std::io::Read::take(std::io::repeat(b'x'), count as u64))
    };
    let document = sample::json(&sample::mixed());
    let (before, _) = document.split_once("\"endpoints\": [").unwrap();
    let before = format!("{before}\"endpoints\": [{{\"target\":\"");
    let mut input = std::io::Read::chain(before.as_bytes(), x(10 * MAX_RECORD));
    let error = read("old.json", &mut input, &mut |_| {}, &mut |_| {})
        .unwrap_err()
        .to_string();
    assert!(
        error.ends_with("a line or value is larger than 1 MiB"),
        "{error}"
    );
    let line = std::io::Read::chain(
        &b"{\"record\":\"endpoint\",\"target\":\""[..],
        x(MAX_RECORD),
    );
    let mut input = std::io::Read::chain(line, &b"\"}\n"[..]);
    let error = read("old.json", &mut input, &mut |_| {}, &mut |_| {})
        .unwrap_err()
        .to_string();
    assert_eq!(error, "old.json:1: one record of more than 1 MiB");
}
