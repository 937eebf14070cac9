//! Two scans held against each other: every change, every finding that came or went, and what the
//! gate says. As a table for people, as one JSON document for programs.

use std::io::{self, Write as _};

use serde::Serialize;

use super::Results;
use super::table::{TableOptions, change_sentence, finding_line, shown};
use crate::model::{BaselineState, ScanSummary};
use crate::record::{Change, Finding, encode, time};

/// The name and version of the JSON document.
pub const SCHEMA: &str = "kubeknock/diff/v1";

/// Two scans.
#[derive(Debug, Clone, Copy)]
pub struct Diff<'a> {
    /// The earlier one.
    pub old: &'a ScanSummary,
    /// The later one, with its changes, its findings held against the earlier one's, and the gate.
    pub new: Results<'a>,
}

/// Writes the table: changes, findings that are new, findings that are gone, the gate's sentence.
pub fn write_table(
    out: &mut dyn io::Write,
    diff: &Diff<'_>,
    options: &TableOptions,
) -> io::Result<()> {
    let mut out = io::BufWriter::new(out);
    let (old, new) = (diff.old, &diff.new);
    writeln!(
        out,
        "from {} to {}",
        time(old.started),
        time(new.summary.started)
    )?;
    let changes = new.changes.unwrap_or_default();
    writeln!(out, "\n{}", title(changes.len(), "change"))?;
    for change in changes {
        writeln!(
            out,
            "  {}: {}",
            shown(change.about.as_str()),
            change_sentence(change, options)
        )?;
    }
    for (state, what) in [
        (BaselineState::New, "new finding"),
        (BaselineState::Absent, "finding gone"),
    ] {
        let of_state = || {
            new.findings
                .iter()
                .filter(|finding| finding.baseline == Some(state))
        };
        writeln!(out, "\n{}", title(of_state().count(), what))?;
        for finding in of_state() {
            writeln!(out, "  {}", finding_line(finding, options))?;
        }
    }
    writeln!(out, "\n{}", shown(new.outcome.sentence))?;
    out.flush()
}

/// `no change`, `1 change:`, `2 changes:`; `2 findings gone:`.
fn title(count: usize, noun: &str) -> String {
    let plural = match noun.split_once(' ') {
        Some(("finding", rest)) => format!("findings {rest}"),
        _ => format!("{noun}s"),
    };
    match count {
        0 => format!("no {noun}"),
        1 => format!("1 {noun}:"),
        _ => format!("{count} {plural}:"),
    }
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    old: Scan<'a>,
    new: Scan<'a>,
    changes: Vec<Change<'a>>,
    findings: Vec<Finding<'a>>,
    gate: Gate<'a>,
}

#[derive(Serialize)]
struct Scan<'a> {
    started: String,
    stopped: Option<&'a str>,
}

impl<'a> From<&'a ScanSummary> for Scan<'a> {
    fn from(summary: &'a ScanSummary) -> Self {
        Self {
            started: time(summary.started),
            stopped: summary.stopped.as_deref(),
        }
    }
}

#[derive(Serialize)]
struct Gate<'a> {
    code: u8,
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
        changes: new
            .changes
            .unwrap_or_default()
            .iter()
            .map(Change::from)
            .collect(),
        findings: new.findings.iter().map(Finding::from).collect(),
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
        let mut out = Vec::new();
        let diff = Diff {
            old: &sample.summary,
            new: sample.results(),
        };
        write_table(&mut out, &diff, &TableOptions::default()).unwrap();
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
    fn everything_that_differs() {
        insta::assert_snapshot!("table", table(&sample::mixed()));
        insta::assert_snapshot!("json", json(&sample::mixed()));
    }

    #[test]
    fn nothing_differs() {
        let said = table(&sample::empty());
        assert!(
            said.contains("no change\n\nno new finding\n\nno finding gone\n"),
            "{said}"
        );
    }

    #[test]
    fn hostile_text_is_shown_and_does_nothing() {
        let sample = sample::saying("\u{1b}[2J\u{202e}\r\nexit 0");
        for written in [table(&sample), json(&sample)] {
            assert!(
                !written.chars().any(|c| c != '\n' && hidden(c)),
                "{written:?}"
            );
        }
    }
}
