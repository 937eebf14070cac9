//! `gitlab`: a code quality report (<https://docs.gitlab.com/ci/testing/code_quality/>). Merge requests show it next to
//! the lines of the targets file.
//!
//! Findings that are accepted or gone are left out. GitLab compares the fingerprints itself.

use std::io::{self, Write as _};

use serde::ser::Serializer as _;

use super::escape::escape;
use super::source_location::{Repository, SourceLocation};
use super::{Results, encode, phrases};
use crate::model::{Finding, Severity};

/// Characters of a description.
const MAX_TEXT: usize = 1000;

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
    repository: Repository<'_>,
) -> io::Result<()> {
    let mut out = io::BufWriter::new(out);
    let counting = results.findings.iter().filter(|finding| finding.counts());
    let mut serializer = encode::pretty(&mut out);
    serializer.collect_seq(counting.map(|finding| issue(finding, repository)))?;
    out.write_all(b"\n")?;
    out.flush()
}

fn issue(finding: &Finding, repository: Repository<'_>) -> Issue {
    let location = SourceLocation::of(&finding.origin, repository);
    Issue {
        description: escape(
            &format!(
                "{}: {}",
                phrases::about(finding),
                phrases::finding_text(finding)
            ),
            MAX_TEXT,
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
            path: location.path,
            lines: Lines {
                begin: location.line,
            },
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
        let repository = Repository {
            working_directory: Path::new("/repo/ci"),
            root: Path::new("/repo"),
        };
        sample::written(|out| write(out, &sample.results(), repository))
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
