//! Independent tools read the SARIF log as it is meant.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::skip::without;
use crate::support::{run, stderr, stdout};

/// The log of the demo in this folder.
fn demo_log(folder: &Path) -> String {
    let path = folder.join("kubeknock.sarif").display().to_string();
    let output = run(&["demo", "-o", &format!("sarif={path}")]);
    assert!(output.status.success(), "{}", stderr(&output));
    path
}

/// What a tool says, or `None` if it is not installed.
fn tool(words: &[&str]) -> Option<Output> {
    let output = Command::new(words[0]).args(&words[1..]).output().ok();
    if output.is_none() {
        without(words[0], "the SARIF log of the demo");
    }
    output
}

#[test]
fn the_validator_of_the_standard_finds_nothing_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let log = demo_log(folder.path());
    let Some(output) = tool(&["sarif-multitool", "validate", &log]) else {
        return;
    };
    let said = stdout(&output);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("Analysis completed successfully"), "{said}");
    let has_homepage = !env!("CARGO_PKG_HOMEPAGE").is_empty();
    let complaints = said.lines().filter(|line| {
        let is_complaint = line.contains(": error ") || line.contains(": warning ");
        // The address of the project, which it does not have yet.
        is_complaint && (has_homepage || !line.contains("warning SARIF2005"))
    });
    let complaints: Vec<&str> = complaints.collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
    // The validator does find a mistake.
    let text = std::fs::read_to_string(&log).unwrap();
    std::fs::write(&log, text.replace("\"startLine\": 1,", "\"startLine\": 0,")).unwrap();
    let output = tool(&["sarif-multitool", "validate", &log]).unwrap();
    assert!(stdout(&output).contains(": error "), "{}", stdout(&output));
}

#[test]
fn sarif_tools_counts_the_findings_by_level() {
    let folder = tempfile::tempdir().unwrap();
    let log = demo_log(folder.path());
    let Some(output) = tool(&["sarif", "summary", &log]) else {
        return;
    };
    assert!(output.status.success(), "{}", stderr(&output));
    let text = std::fs::read_to_string(&log).unwrap();
    let value: Value = serde_json::from_str(&text).unwrap();
    let results = value["runs"][0]["results"].as_array().unwrap();
    for level in ["error", "warning", "note"] {
        let count = results.iter().filter(|result| result["level"] == level);
        let line = format!("{level}: {}", count.count());
        assert!(
            stdout(&output).contains(&line),
            "{line}: {}",
            stdout(&output)
        );
    }
}
