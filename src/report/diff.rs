//! Two scans compared: the changes, the findings that are new or gone, and the exit code. A table for people, or
//! one JSON document for programs.

use std::io::{self, Write as _};

use serde::Serialize;

use super::folded::folded_by_summary;
use super::results::Results;
use super::table::{Lines, TableOptions, change_line, fold_lines, shown, what_was_found};
use crate::model::{BaselineState, ScanSummary, Time};
use crate::record::{Change, Finding, encode};

/// The name and version of the JSON document.
pub const SCHEMA: &str = "kubeknock/diff/v2";

/// Two scans.
#[derive(Debug, Clone, Copy)]
pub struct Diff<'a> {
    /// The earlier one.
    pub old: &'a ScanSummary,
    /// The later one, with its changes, and its findings compared with the earlier ones.
    pub new: Results<'a>,
}

/// Writes the table: changes, new findings, findings that are gone, and the reason for the exit code.
pub fn write_table(
    out: &mut dyn io::Write,
    diff: &Diff<'_>,
    options: &TableOptions,
) -> io::Result<()> {
    let mut lines = Lines::new(options.width);
    let (old, new) = (diff.old, &diff.new);
    let (old_start, new_start) = (Time(old.started), Time(new.summary.started));
    lines.say(0, &format!("from {old_start} to {new_start}"));
    // The sentence about an outage stands for the changes and findings of silent targets. The lists have the others.
    let other = if new.outage.is_some() { "other " } else { "" };
    if let Some(outage) = new.outage_sentence() {
        lines.say(0, "");
        lines.say(0, &outage);
    }
    let changes = new.listed_changes().unwrap_or_default();
    lines.say(0, "");
    lines.say(0, &heading(changes.len(), other, "change", "changes"));
    for change in changes {
        lines.say(2, &change_line(change, options));
    }
    let listed = new.listed_findings();
    for (state, one, several) in [
        (BaselineState::New, "new finding", "new findings"),
        (BaselineState::Absent, "finding gone", "findings gone"),
    ] {
        let findings = || {
            let listed = listed.iter().copied();
            listed.filter(|finding| finding.baseline == Some(state))
        };
        lines.say(0, "");
        lines.say(0, &heading(findings().count(), other, one, several));
        for fold in folded_by_summary(findings()) {
            let of_fold = if state == BaselineState::Absent {
                what_was_found(&fold, usize::MAX, options)
            } else {
                fold_lines(&fold, usize::MAX, options)
            };
            lines.lines.extend(of_fold);
        }
    }
    if let Some(carried) = new.carried_notice() {
        lines.say(0, "");
        lines.say(0, &carried);
    }
    lines.say(0, "");
    lines.say(0, &shown(new.outcome.sentence));
    let mut out = io::BufWriter::new(out);
    for line in lines.lines {
        writeln!(out, "{line}")?;
    }
    out.flush()
}

/// `no changes`, `1 change:`, `2 other changes:`.
fn heading(count: usize, other: &str, one: &str, several: &str) -> String {
    match count {
        0 => format!("no {other}{several}"),
        1 => format!("1 {other}{one}:"),
        _ => format!("{count} {other}{several}:"),
    }
}

/// What `kubeknock diff -o json` writes. Every object has all of its keys, with null for an unknown value. Later
/// versions may add keys: ignore those that you do not know.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(title = "kubeknock diff, version 2", extend("$id" = "urn:kubeknock:diff:v2")))]
pub(crate) struct Document<'a> {
    /// The name and version of the format.
    #[cfg_attr(test, schemars(extend("const" = SCHEMA)))]
    schema: &'static str,
    /// The earlier scan.
    old: Scan<'a>,
    /// The later scan.
    new: Scan<'a>,
    /// What changed: first what opens, then by kind and target.
    changes: Vec<Change<'a>>,
    /// Every finding of either scan; `baseline` says which of them has it.
    findings: Vec<Finding<'a>>,
    /// Findings of the earlier scan, or of a scan before it, that the later scan could not have found again. Their
    /// messages say when they were last seen. They are neither new nor gone.
    carried: Vec<Finding<'a>>,
    /// The gate's decision.
    gate: Gate<'a>,
}

/// One of the two scans.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Scan<'a> {
    /// When the scan started.
    started: Time,
    /// Why the scan ended early; null if it did not.
    stopped: Option<&'a str>,
}

impl<'a> From<&'a ScanSummary> for Scan<'a> {
    fn from(summary: &'a ScanSummary) -> Self {
        Self {
            started: Time(summary.started),
            stopped: summary.stopped.as_deref(),
        }
    }
}

/// The exit code and its reason.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Gate<'a> {
    /// The exit code.
    code: u8,
    /// The reason for the exit code.
    sentence: &'a str,
}

/// Writes the JSON document: every change and every finding, the unchanged ones too.
pub fn write_json(out: &mut dyn io::Write, diff: &Diff<'_>) -> io::Result<()> {
    let mut out = io::BufWriter::new(out);
    let new = &diff.new;
    let document = Document {
        schema: SCHEMA,
        old: diff.old.into(),
        new: new.summary.into(),
        changes: (new.changes.unwrap_or_default().iter())
            .map(Change::from)
            .collect(),
        findings: new.findings.iter().map(Finding::from).collect(),
        carried: new.carried.iter().map(Finding::from).collect(),
        gate: Gate {
            code: new.outcome.code,
            sentence: new.outcome.sentence,
        },
    };
    document.serialize(&mut encode::pretty(&mut out))?;
    out.write_all(b"\n")?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::super::escape::hidden;
    use super::super::sample::{self, Sample};
    use super::*;

    fn table(sample: &Sample) -> String {
        table_in(sample, None)
    }

    fn table_in(sample: &Sample, width: Option<usize>) -> String {
        let mut out = Vec::new();
        let options = TableOptions {
            width,
            ..TableOptions::default()
        };
        let diff = Diff {
            old: &sample.summary,
            new: sample.results(),
        };
        write_table(&mut out, &diff, &options).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn json(sample: &Sample) -> String {
        let mut out = Vec::new();
        write_json(
            &mut out,
            &Diff {
                old: &sample.summary,
                new: sample.results(),
            },
        )
        .unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn all_differences_are_written() {
        insta::assert_snapshot!("table", table(&sample::mixed()));
        insta::assert_snapshot!("json", json(&sample::mixed()));
    }

    #[test]
    fn a_terminal_gets_no_longer_lines_than_it_has_columns() {
        let sample = sample::mixed();
        let longest = |text: &str| {
            let lines = text.lines().filter(|line| !line.contains("curl -q"));
            lines.map(|line| line.chars().count()).max()
        };
        assert!(longest(&table(&sample)) > Some(80));
        assert!(longest(&table_in(&sample, Some(80))) <= Some(80));
    }

    #[test]
    fn without_differences_the_table_says_so() {
        let text = table(&sample::empty());
        assert!(
            text.contains("no changes\n\nno new findings\n\nno findings gone\n"),
            "{text}"
        );
    }

    #[test]
    fn hostile_text_has_no_effect() {
        let sample = sample::saying("\u{1b}[2J\u{202e}\r\nexit 0");
        for written in [table(&sample), json(&sample)] {
            assert!(
                !written.chars().any(|c| c != '\n' && hidden(c)),
                "{written:?}"
            );
        }
    }
}
