//! `github`: workflow commands that become annotations at the lines of the targets file
//! (<https://docs.github.com/actions/reference/workflow-commands-for-github-actions>).
//!
//! Each finding is one line: worst first, and new ones before known ones of equal severity. If there are more than GitHub
//! shows, findings of one rule with one fix are one annotation, at the line of the first. Findings that are gone are
//! left out. Accepted ones share one notice, which says who accepted them and until when. GitHub shows ten annotations
//! of each kind for a step, so no more are written, and the log has the number of the others. The last line is the
//! reason for the exit code. If a target is in no file of the repository, its annotation has no file.

use std::borrow::Cow;
use std::io;

use super::escape::escape;
use super::folded::{Folded, folded_by_summary};
use super::phrases::{self, plural};
use super::results::Results;
use super::source_location::{Repository, SourceLocation};
use crate::model::{Finding, Severity};
use crate::wording::joined_at_most;

/// Characters of a message.
const MAX_TEXT: usize = 1000;

/// Annotations of one kind that GitHub shows.
const MAX_ANNOTATIONS: usize = 10;

/// Targets that an annotation names besides the first one.
const MAX_NAMES: usize = 20;

/// Accepted findings that are listed.
const MAX_ACCEPTED: usize = 20;

/// Writes the commands.
pub(super) fn write(
    out: &mut dyn io::Write,
    results: &Results<'_>,
    repository: Repository<'_>,
) -> io::Result<()> {
    for command in ["error", "warning", "notice"] {
        let mut findings: Vec<&Finding> = (results.listed_findings().into_iter())
            .filter(|finding| finding.counts() && self::command(finding.severity) == command)
            .collect();
        // Ten known findings must not hide a new one.
        findings.sort_by_key(|finding| (finding.severity, finding.baseline));
        // One notice is about what is accepted.
        let has_accepted = command == "notice" && results.accepted_findings().next().is_some();
        let shown = MAX_ANNOTATIONS - usize::from(has_accepted);
        let folds = if findings.len() > shown {
            let mut folds = folded_by_summary(findings);
            folds.sort_by_key(|fold| (fold.severity(), fold.first().baseline));
            folds
        } else {
            findings.into_iter().map(Folded::one).collect()
        };
        for fold in folds.iter().take(shown) {
            annotation(out, command, fold, repository)?;
        }
        let more: usize = (folds.iter().skip(shown))
            .map(|fold| fold.findings().len())
            .sum();
        if more > 0 {
            writeln!(
                out,
                "kubeknock: {more} more findings of kind {command}: see the other reports"
            )?;
        }
    }
    accepted(out, results)?;
    if let Some(outage) = results.outage_sentence() {
        writeln!(out, "::warning title=outage::{}", data(&outage))?;
    }
    if let Some(carried) = results.carried_notice() {
        writeln!(out, "kubeknock: {carried}")?;
    }
    let sentence = escape(results.outcome.sentence, MAX_TEXT);
    writeln!(out, "kubeknock: {sentence}")?;
    out.flush()
}

/// One annotation for findings of one rule with one fix.
fn annotation(
    out: &mut dyn io::Write,
    command: &str,
    fold: &Folded<'_>,
    repository: Repository<'_>,
) -> io::Result<()> {
    let finding = fold.first();
    let location = SourceLocation::of(&finding.origin, repository);
    let place = if location.in_repository {
        let column = location.column.map(|column| format!("col={column},"));
        format!(
            "file={},line={},{}",
            property(&location.path),
            location.line,
            column.unwrap_or_default()
        )
    } else {
        String::new()
    };
    let new = if finding.is_new() { "new: " } else { "" };
    let (title, first) = (
        property(&fold.title()),
        phrases::finding_and_target(finding),
    );
    let message = data(&format!("{new}{first}"));
    write!(out, "::{command} {place}title={title}::{message}%0A")?;
    if let Some(proof) = phrases::proof_text(finding) {
        write!(out, "{}%0A", data(&proof))?;
    }
    if fold.only().is_none() {
        let others: Vec<Cow<'_, str>> = fold.names().skip(1).collect();
        write!(
            out,
            "The same at: {}%0A",
            data(&joined_at_most(MAX_NAMES, &others))
        )?;
    }
    write!(out, "How to fix it: ")?;
    let lines = phrases::remediation_lines(&finding.remediation, phrases::MAX_REMEDIATION);
    let lines: Vec<String> = lines.iter().map(|line| data(line)).collect();
    writeln!(out, "{}", lines.join("%0A"))
}

/// One annotation for all accepted findings, so that they do not displace other annotations.
fn accepted(out: &mut dyn io::Write, results: &Results<'_>) -> io::Result<()> {
    let findings: Vec<&Finding> = results.accepted_findings().collect();
    if findings.is_empty() {
        return Ok(());
    }
    let count = plural(findings.len() as u64, "finding is", "findings are");
    write!(
        out,
        "::notice title=accepted::{count} accepted and not counted:"
    )?;
    for finding in findings.iter().take(MAX_ACCEPTED) {
        write!(out, "%0A{}", data(&phrases::accepted_finding(finding)))?;
    }
    if let Some(more @ 1..) = findings.len().checked_sub(MAX_ACCEPTED) {
        write!(out, "%0Aand {more} more")?;
    }
    writeln!(out)
}

const fn command(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Note => "notice",
    }
}

/// The text of a command: one line that cannot begin another command.
fn data(text: &str) -> String {
    escape(text, MAX_TEXT).replace('%', "%25")
}

/// The value of a property. A colon or comma would end it.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::super::sample::{self, Sample};
    use super::*;
    use crate::model::BaselineState;
    use crate::model::{Origin, Source};

    fn text(sample: &Sample) -> String {
        let repository = Repository {
            working_directory: Path::new("/repo"),
            root: Path::new("/repo"),
            one_finding_per_line: false,
        };
        sample::written(|out| write(out, &sample.results(), repository))
    }

    #[test]
    fn a_command_for_each_finding_that_counts() {
        insta::assert_snapshot!(text(&sample::mixed()));
        assert_eq!(
            text(&sample::empty()),
            "kubeknock: exit 1: 1 exposed: prod-eu-1 (192.0.2.1:6443)\n"
        );
    }

    #[test]
    fn one_notice_says_what_is_accepted_by_whom_and_until_when() {
        let mut sample = sample::mixed();
        let accepted = (sample.findings.iter()).find(|finding| finding.accepted());
        let accepted = accepted.unwrap().clone();
        let note_with_fix = |number| {
            let mut note = Finding {
                severity: Severity::Note,
                acceptance: None,
                ..accepted.clone()
            };
            note.remediation.summary = format!("Fix number {number}.").into();
            note
        };
        let notes: Vec<Finding> = (0..12).map(note_with_fix).collect();
        sample.findings = vec![accepted; 25];
        sample.findings.extend(notes);
        let written = text(&sample);
        let notices = || written.lines().filter(|line| line.starts_with("::notice "));
        assert_eq!(notices().count(), 10, "GitHub shows no more");
        let notice = notices().find(|line| line.contains("title=accepted::25 findings are"));
        let lines: Vec<&str> = notice.unwrap().split("%0A").collect();
        assert_eq!(lines.len(), 22);
        assert!(
            lines[1].ends_with(
                ", accepted by platform@example.com until 2027-01-31: a lab, behind the VPN"
            ),
            "{}",
            lines[1]
        );
        assert_eq!(lines[21], "and 5 more");
        assert!(written.contains("kubeknock: 3 more findings of kind notice"));
    }

    #[test]
    fn at_most_as_many_annotations_as_github_shows() {
        let mut sample = sample::mixed();
        let one = sample.findings[0].clone();
        let with_fix = |number| {
            let mut finding = one.clone();
            finding.remediation.summary = format!("Fix number {number}.").into();
            finding
        };
        sample.findings = (0..13).map(with_fix).collect();
        let written = text(&sample);
        assert_eq!(written.matches("::error ").count(), 10);
        assert!(
            written.contains("\nkubeknock: 3 more findings of kind error: see the other reports\n")
        );
    }

    #[test]
    fn findings_of_one_rule_share_an_annotation_if_github_would_not_show_all() {
        let mut sample = sample::mixed();
        sample.findings = vec![sample.findings[0].clone(); 10];
        assert_eq!(text(&sample).matches("::error ").count(), 10);
        sample.findings = vec![sample.findings[0].clone(); 30];
        let written = text(&sample);
        assert_eq!(written.matches("::error ").count(), 1);
        let name = phrases::name(&sample.findings[0]);
        let names = [name; MAX_NAMES].join(", ");
        assert!(
            written.contains(&format!("%0AThe same at: {names} and 9 more%0A")),
            "{written}"
        );
        assert!(
            written.contains("title=resources-exposed × 30::"),
            "{written}"
        );
        // A real estate shows every kind of problem.
        let written = text(&sample::estate(276));
        assert!(!written.contains("more findings of kind"), "{written}");
    }

    #[test]
    fn new_findings_come_before_known_ones_of_equal_severity() {
        let mut sample = sample::mixed();
        let one = sample.findings[0].clone();
        let finding = |severity, baseline, message: String| {
            let mut finding = Finding {
                severity,
                baseline: Some(baseline),
                message: message.clone(),
                ..one.clone()
            };
            finding.remediation.summary = message.into();
            finding
        };
        sample.findings = (0..11)
            .map(|number| {
                finding(
                    Severity::High,
                    BaselineState::Unchanged,
                    format!("old {number}."),
                )
            })
            .chain([finding(
                Severity::High,
                BaselineState::New,
                "news.".to_owned(),
            )])
            .collect();
        let written = text(&sample);
        let first = |written: &str| written.lines().next().unwrap().to_owned();
        assert!(first(&written).contains(": news.%0A"), "{written}");
        assert_eq!(written.matches("::error ").count(), 10);
        assert!(
            written.contains("old 8.") && !written.contains("old 9."),
            "{written}"
        );
        // The worst stays first.
        sample.findings.insert(
            0,
            finding(
                Severity::Critical,
                BaselineState::Unchanged,
                "worst.".to_owned(),
            ),
        );
        assert!(first(&text(&sample)).contains(": worst.%0A"));
    }

    #[test]
    fn a_target_outside_the_repository_has_no_location() {
        let mut sample = sample::mixed();
        for source in [
            Source::Argument,
            Source::Stdin,
            Source::File("/etc/targets.txt".into()),
        ] {
            sample.findings.truncate(1);
            sample.findings[0].origin = Arc::new(Origin {
                source,
                line: 1,
                column: None,
                text: "192.0.2.17".into(),
            });
            let written = text(&sample);
            assert!(
                written.starts_with("::error title=resources-exposed::new: "),
                "{written}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_text_begins_a_command_or_ends_a_property(text in "\\PC*|[\\x00-\\x7f]{0,40}") {
            let mut sample = sample::mixed();
            sample.findings.truncate(1);
            sample.findings[0].message.clone_from(&text);
            let written = self::text(&sample);
            prop_assert_eq!(written.lines().count(), 2);
            prop_assert!(written.starts_with("::error file=targets.txt,line="));
        }
    }
}
