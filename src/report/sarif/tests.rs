use std::path::Path;

use proptest::prelude::*;
use serde_json::Value;

use super::super::escape::hidden;
use super::super::sample::{self, Sample};
use super::*;
use crate::report::Files;

fn files() -> Files<'static> {
    Files { here: Path::new("/repo"), root: Path::new("/repo") }
}

fn text(sample: &Sample) -> String {
    let mut out = Vec::new();
    write(&mut out, &sample.results(), files(), Some("nightly")).unwrap();
    String::from_utf8(out).unwrap()
}

fn valid(sample: &Sample) -> Value {
    let mut schema: Value =
        serde_json::from_str(include_str!("../../../tests/data/sarif-schema-2.1.0.json")).unwrap();
    // Its stray bracket is a regular expression in JavaScript only; no language is written.
    for definition in ["run", "toolComponent"] {
        let language = &mut schema["definitions"][definition]["properties"]["language"];
        language.as_object_mut().unwrap().remove("pattern");
    }
    let log: Value = serde_json::from_str(&text(sample)).unwrap();
    let validator = jsonschema::draft7::new(&schema).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(&log).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{}", errors.join("\n"));
    log
}

#[test]
fn one_log() {
    insta::assert_snapshot!(text(&sample::mixed()));
}

#[test]
fn valid_with_findings_and_without() {
    let log = valid(&sample::mixed());
    let run = &log["runs"][0];
    let results = run["results"].as_array().unwrap();
    assert!(!results.is_empty());
    for result in results {
        let rule =
            &run["tool"]["driver"]["rules"][usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
        assert_eq!(rule["id"], result["ruleId"]);
        let uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap();
        assert!(!uri.starts_with('/') && !uri.contains(':'), "{uri}");
    }
    let empty = valid(&sample::empty());
    assert_eq!(empty["runs"][0]["results"], Value::Array(Vec::new()));
    valid(&sample::stopped());
    valid(&sample::hostile());
}

#[test]
fn coverage_shortfalls_and_the_outcome_are_told() {
    let log = valid(&sample::mixed());
    let invocation = &log["runs"][0]["invocations"][0];
    assert_eq!(invocation["exitCode"], 1);
    let told = invocation["toolExecutionNotifications"].as_array().unwrap();
    assert!(
        told.iter()
            .any(|note| note["message"]["text"].as_str().unwrap().contains("no verdict on gone.example"))
    );
    assert_eq!(log["runs"][0]["automationDetails"]["id"], "nightly/");
}

#[test]
fn over_the_limit_the_worst_stay_and_it_is_said() {
    let mut sample = sample::mixed();
    let one = sample.findings[0].clone();
    let many = std::iter::repeat_n(one, MOST + 7);
    sample.findings = many.chain(sample.findings.split_off(1)).collect();
    let there =
        sample.findings.iter().filter(|finding| finding.baseline != Some(BaselineState::Absent)).count();
    let log = valid(&sample);
    assert_eq!(log["runs"][0]["results"].as_array().unwrap().len(), MOST);
    let told = log["runs"][0]["invocations"][0]["toolExecutionNotifications"].to_string();
    assert!(told.contains(&format!("{} of {there} findings are left out", there - MOST)), "{told}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn hostile_text_acts_on_nothing_and_makes_no_link(text in "\\PC*|[\\x00-\\u{2fff}\\[\\]()]{0,40}") {
        let mut sample = sample::mixed();
        for finding in &mut sample.findings {
            finding.message.clone_from(&text);
            finding.remedy.clone_from(&text);
        }
        let written = super::tests::text(&sample);
        prop_assert!(!written.chars().any(|c| c != '\n' && hidden(c)));
        let log: Value = serde_json::from_str(&written).unwrap();
        for result in log["runs"][0]["results"].as_array().unwrap() {
            let message = result["message"]["text"].as_str().unwrap().replace("\\\\", "");
            let bare = message.replace("\\[", "").replace("\\]", "");
            prop_assert!(!bare.contains(['[', ']']), "{message}");
        }
    }
}
