//! `table`: for people. Endpoints worst first, then the counts and the findings.
//!
//! Text from the network is escaped, and the layout is made of spaces only, so `grep` and `awk` work on it.

mod changes;
mod findings;
mod footer;
mod rows;
mod style;

use std::borrow::Borrow;
use std::io::{self, Write as _};

use anstyle::Style;
use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets};

pub(super) use changes::change_line;
pub(super) use findings::finding_line;
pub use style::TableOptions;
pub(super) use style::shown;

use super::results::Results;
use crate::model::{EndpointReport, Verdict};
use rows::{Row, Rows};
use style::verdict_style;

/// The narrowest layout. A narrower terminal wraps the lines itself.
const MIN_WIDTH: usize = 60;
/// Spaces between columns.
const GAP: u16 = 2;
/// From this width on, labels have a column of their own.
const WIDE: usize = 100;

/// Writes the table.
pub(super) fn write(
    out: &mut dyn io::Write,
    results: &Results<'_>,
    reports: impl Iterator<Item: Borrow<EndpointReport>>,
    options: &TableOptions,
) -> io::Result<()> {
    let summary = results.summary;
    let mut out = io::BufWriter::new(out);
    let stopped = (summary.stopped.as_deref())
        .map(|reason| format!("stopped early: {}; this report is partial", shown(reason)));
    for notice in stopped.into_iter().chain(results.shard_notice()) {
        writeln!(out, "{}\n", options.painted(Style::new().bold(), &notice))?;
    }
    let (kept, left_out) = rows::worst(reports);
    let rows = rows::select(&kept, left_out, &summary.coverage);
    write_rows(&mut out, &rows, options)?;
    footer::write(&mut out, summary, options)?;
    findings::write(&mut out, results.findings, options)?;
    if let Some(notice) = results.not_shown_notice() {
        writeln!(out, "{notice}")?;
    }
    changes::write(&mut out, results.changes, options)?;
    writeln!(out, "{}", shown(results.outcome.sentence))?;
    out.flush()
}

fn write_rows(out: &mut impl io::Write, rows: &Rows, options: &TableOptions) -> io::Result<()> {
    if rows.rows.is_empty() {
        return writeln!(out, "no endpoint to show\n");
    }
    // If five columns would be too narrow to read, the label follows the target.
    let labelled = options.width.is_none_or(|width| width >= WIDE)
        && rows.rows.iter().any(|row| !row.label.is_empty());
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(cells(
        labelled,
        ["VERDICT", "TARGET", "NAME", "WHO", "ANONYMOUS MAY"].map(str::to_owned),
    ));
    for row in &rows.rows {
        let Row {
            verdict,
            target,
            label,
            who,
            may,
            expected,
        } = row;
        let mut may = shown(may);
        if let Some(expected) = expected {
            may.push_str("; expected ");
            may.push_str(expected.as_str());
        }
        let [mut target, label, who] = [target, label, who].map(|text| shown(text));
        if !labelled && !label.is_empty() {
            target.push(' ');
            target.push_str(&label);
        }
        table.add_row(cells(
            labelled,
            [verdict.as_str().to_owned(), target, label, who, may],
        ));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, GAP));
    }
    table.set_content_arrangement(ContentArrangement::Disabled);
    if let Some(width) = options.width {
        fit(&mut table, labelled, width);
    }

    // The first line of a row begins with its verdict, a wrapped line with a space.
    let mut verdicts = rows.rows.iter().map(|row| row.verdict).peekable();
    for line in table.lines() {
        let line = line.trim_end();
        let is_first = |verdict: &Verdict| line.starts_with(verdict.as_str());
        if let Some(verdict) = verdicts.next_if(is_first) {
            let word = verdict.as_str();
            let painted = options.painted(verdict_style(verdict), word);
            writeln!(out, "{painted}{}", &line[word.len()..])?;
        } else {
            writeln!(out, "{line}")?;
        }
    }
    for (verdict, count) in &rows.more {
        writeln!(out, "… and {count} more {verdict}")?;
    }
    writeln!(out)
}

/// Wraps cells so that lines fit the width. The verdict never wraps. TARGET and WHO wrap between words, if their
/// longest word leaves room for the rest.
fn fit(table: &mut Table, labelled: bool, width: usize) {
    let width = u16::try_from(width.max(MIN_WIDTH)).unwrap_or(u16::MAX);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(width);
    let (target, who) = (1, if labelled { 3 } else { 2 });
    for (index, max) in [(target, width / 3), (who, width / 4)] {
        let min = longest_word(table, index).min(max);
        if let Some(column) = table.column_mut(index) {
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(min)));
        }
    }
    if let Some(column) = table.column_mut(0) {
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
}

/// The width of the longest word and the gap after it.
fn longest_word(table: &Table, column: usize) -> u16 {
    let cells = table.column_cells_iter(column).flatten();
    let longest = cells
        .filter_map(|cell| {
            cell.content()
                .split(' ')
                .map(|word| word.chars().count())
                .max()
        })
        .max();
    (longest.and_then(|length| u16::try_from(length).ok()))
        .unwrap_or(u16::MAX)
        .saturating_add(GAP)
}

/// The cells of one row. The column of labels is left out if no target has one.
fn cells(labelled: bool, [verdict, target, label, who, may]: [String; 5]) -> Vec<String> {
    if labelled {
        vec![verdict, target, label, who, may]
    } else {
        vec![verdict, target, who, may]
    }
}

#[cfg(test)]
mod tests;
