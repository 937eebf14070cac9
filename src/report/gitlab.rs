//! `gitlab`: a code quality report (<https://docs.gitlab.com/ci/testing/code_quality/>). Merge requests show it next to
//! the lines of the targets file.
//!
//! Findings that are accepted or gone are left out. GitLab compares the fingerprints itself, and shows what is missing as
//! fixed. So findings that are carried from earlier scans are issues too.

use std::io::{self, Write as _};

use serde::ser::Serializer as _;

use super::escape::escape;
use super::ordered_json::{Json, object};
use super::results::Results;
use super::source_location::{Repository, SourceLocation};
use super::{encode, phrases};
use crate::model::{Finding, Severity};

/// Characters of a description.
const MAX_TEXT: usize = 1000;

/// Writes the report.
pub(super) fn write(
    out: &mut dyn io::Write,
    results: &Results<'_>,
    repository: Repository<'_>,
) -> io::Result<()> {
    let mut out = io::BufWriter::new(out);
    let findings = results.open_findings().into_iter();
    let issues = findings.map(|finding| issue(finding, repository));
    encode::pretty(&mut out).collect_seq(issues)?;
    out.write_all(b"\n")?;
    out.flush()
}

fn issue(finding: &Finding, repository: Repository<'_>) -> Json {
    let SourceLocation { path, line, .. } = SourceLocation::of(&finding.origin, repository);
    let severity = match finding.severity {
        Severity::Critical => "blocker",
        Severity::High => "critical",
        Severity::Medium => "major",
        Severity::Low => "minor",
        Severity::Note => "info",
    };
    let solution = phrases::remediation_lines(&finding.remediation, phrases::MAX_REMEDIATION);
    let proof = phrases::proof_text(finding);
    let solution: Vec<String> = (proof.iter().chain(&solution))
        .map(|line| escape(line, MAX_TEXT))
        .collect();
    object! {
        "description": escape(&phrases::finding_and_target(finding), MAX_TEXT),
        "content": object! { "body": solution.join("\n") },
        "check_name": finding.rule.id,
        "fingerprint": finding.fingerprint.to_string(),
        "severity": severity,
        "location": object! { "path": path, "lines": object! { "begin": u64::from(line) } },
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::escape::hidden;
    use super::super::sample::{self, Sample};
    use super::*;

    fn text(sample: &Sample) -> String {
        let repository = Repository {
            working_directory: Path::new("/repo/ci"),
            root: Path::new("/repo"),
            one_finding_per_line: false,
        };
        sample::written(|out| write(out, &sample.results(), repository))
    }

    #[test]
    fn an_issue_for_each_finding_that_counts() {
        insta::assert_snapshot!(text(&sample::mixed()));
        assert_eq!(text(&sample::empty()), "[]\n");
    }

    #[test]
    fn hostile_text_has_no_effect() {
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
