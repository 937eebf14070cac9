//! `gitlab`: a code quality report (<https://docs.gitlab.com/ci/testing/code_quality/>), which merge
//! requests show beside the lines of the targets file.
//!
//! Accepted findings and those that are gone are left out; GitLab compares the fingerprints itself.

use std::io::{self, Write as _};

use serde::ser::Serializer as _;

use super::escape::escape;
use super::place::{Files, place};
use super::{Results, encode, tell};
use crate::model::{Finding, Severity};

/// Characters of a description.
const SHOWN: usize = 1000;

#[derive(serde::Serialize)]
struct Issue {
    description: String,
    check_name: &'static str,
    fingerprint: String,
    severity: &'static str,
    location: Location,
}

#[derive(serde::Serialize)]
struct Location {
    path: String,
    lines: Lines,
}

#[derive(serde::Serialize)]
struct Lines {
    begin: u32,
}

/// Writes the report.
pub(super) fn write(
    out: &mut dyn io::Write,
    results: &Results<'_>,
    files: Files<'_>,
) -> io::Result<()> {
    let mut out = io::BufWriter::new(out);
    let counting = results.findings.iter().filter(|finding| finding.counts());
    let mut serializer = encode::pretty(&mut out);
    serializer.collect_seq(counting.map(|finding| issue(finding, files)))?;
    out.write_all(b"\n")?;
    out.flush()
}

fn issue(finding: &Finding, files: Files<'_>) -> Issue {
    let place = place(&finding.origin, files);
    Issue {
        description: escape(
            &format!("{}: {}", tell::about(finding), tell::found(finding)),
            SHOWN,
        ),
        check_name: finding.rule.id,
        fingerprint: finding.fingerprint.to_string(),
        severity: match finding.severity {
            Severity::Critical => "blocker",
            Severity::High => "critical",
            Severity::Medium => "major",
            Severity::Low => "minor",
            Severity::Note => "info",
        },
        location: Location {
            path: place.path,
            lines: Lines { begin: place.line },
        },
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::escape::hidden;
    use super::super::sample::{self, Sample};
    use super::*;

    fn text(sample: &Sample) -> String {
        let files = Files {
            here: Path::new("/repo/ci"),
            root: Path::new("/repo"),
        };
        sample::written(|out| write(out, &sample.results(), files))
    }

    #[test]
    fn an_issue_for_each_finding_that_counts() {
        insta::assert_snapshot!(text(&sample::mixed()));
        assert_eq!(text(&sample::empty()), "[]\n");
    }

    #[test]
    fn hostile_text_acts_on_nothing() {
        let mut sample = sample::mixed();
        sample.findings[0].message = "\u{1b}[2J\u{202e}\"}],".to_owned();
        let written = text(&sample);
        assert!(
            !written.chars().any(|c| c != '\n' && hidden(c)),
            "{written:?}"
        );
        let issues: Vec<serde_json::Value> = serde_json::from_str(&written).unwrap();
        assert!(
            issues[0]["description"]
                .as_str()
                .unwrap()
                .ends_with("\"}],")
        );
    }
}
