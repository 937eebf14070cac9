//! `table`: for people. Worst first, one row for what is worth one, then the counts.
//!
//! Nothing from the network reaches the writer unescaped, and the layout is spaces only, so that
//! `grep` and `awk` work on what is piped.

mod footer;
mod rows;
mod words;

use std::io::{self, Write as _};

use anstyle::{AnsiColor, Style};
use comfy_table::{ColumnConstraint, ContentArrangement, Table, presets};

use super::escape::escape;
use crate::model::{EndpointReport, ScanSummary, Verdict};
use rows::{Row, Rows};

/// The narrowest layout; on a narrower terminal the terminal wraps.
const MIN_WIDTH: usize = 60;
/// Characters of a cell or a line's part: on a terminal, and where there is no width to fit.
const SHOWN: usize = 240;
const KEPT: usize = 1024;

/// How the table looks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableOptions {
    /// Colour by ANSI escapes.
    pub color: bool,
    /// Columns to fit in: longer cells wrap, very long ones are cut. `None` does neither (a cell
    /// still ends after 1,024 characters).
    pub width: Option<usize>,
    /// The last line, from whoever decides the exit code: `1 verdict at --fail-on exposed: exit 1`.
    pub gate: Option<String>,
}

impl TableOptions {
    /// Text that is not ours, fit for a cell.
    fn shown(&self, text: &str) -> String {
        escape(text, if self.width.is_some() { SHOWN } else { KEPT })
    }

    fn painted(&self, style: Style, text: &str) -> String {
        if self.color { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

/// Writes the table; `reports` may come in any order.
pub fn write<'a>(
    out: &mut dyn io::Write,
    reports: impl Iterator<Item = &'a EndpointReport>,
    summary: &ScanSummary,
    options: &TableOptions,
) -> io::Result<()> {
    let mut out = io::BufWriter::new(out);
    if let Some(stopped) = &summary.stopped {
        let said = format!("stopped early: {}; this report is partial", options.shown(stopped));
        writeln!(out, "{}\n", options.painted(Style::new().bold(), &said))?;
    }
    let rows = rows::select(reports, &summary.coverage);
    write_rows(&mut out, &rows, options)?;
    footer::write(&mut out, summary, options)?;
    out.flush()
}

fn write_rows(out: &mut impl io::Write, rows: &Rows, options: &TableOptions) -> io::Result<()> {
    if rows.rows.is_empty() {
        return writeln!(out, "no endpoint to show\n");
    }
    let labelled = rows.rows.iter().any(|row| !row.label.is_empty());
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(cells(
        labelled,
        ["VERDICT", "TARGET", "NAME", "WHO", "ANONYMOUS MAY"].map(str::to_owned),
    ));
    for row in &rows.rows {
        let Row { verdict, target, label, who, may, expected } = row;
        let mut may = options.shown(may);
        if let Some(expected) = expected {
            may.push_str("; expected ");
            may.push_str(expected.word());
        }
        let [target, label, who] = [target, label, who].map(|text| options.shown(text));
        table.add_row(cells(labelled, [verdict.word().to_owned(), target, label, who, may]));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    if let Some(column) = table.column_mut(0) {
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
    match options.width {
        Some(width) => {
            table.set_content_arrangement(ContentArrangement::Dynamic);
            table.set_width(u16::try_from(width.max(MIN_WIDTH)).unwrap_or(u16::MAX));
        }
        None => {
            table.set_content_arrangement(ContentArrangement::Disabled);
        }
    }

    // A line that begins a row begins with its verdict; a wrapped line begins with a space.
    let mut verdicts = rows.rows.iter().map(|row| row.verdict).peekable();
    for line in table.lines() {
        let line = line.trim_end();
        match verdicts.peek().and_then(|verdict| Some((*verdict, line.strip_prefix(verdict.word())?))) {
            Some((verdict, rest)) => {
                verdicts.next();
                writeln!(out, "{}{rest}", options.painted(style(verdict), verdict.word()))?;
            }
            None => writeln!(out, "{line}")?,
        }
    }
    for (verdict, count) in &rows.more {
        writeln!(out, "… and {count} more {verdict}")?;
    }
    writeln!(out)
}

/// The cells of one line; the column of names is there only where a target has one.
fn cells(labelled: bool, [verdict, target, label, who, may]: [String; 5]) -> Vec<String> {
    if labelled { vec![verdict, target, label, who, may] } else { vec![verdict, target, who, may] }
}

fn style(verdict: Verdict) -> Style {
    let colour = |colour: AnsiColor| Style::new().fg_color(Some(colour.into()));
    match verdict {
        Verdict::Exposed => colour(AnsiColor::Red).bold(),
        Verdict::Forbidden => colour(AnsiColor::Yellow),
        Verdict::HealthOnly | Verdict::Rejected => colour(AnsiColor::Green),
        Verdict::Inconclusive => colour(AnsiColor::Magenta),
        Verdict::NotApiServer | Verdict::Unreachable => Style::new().dimmed(),
    }
}

#[cfg(test)]
mod tests;
