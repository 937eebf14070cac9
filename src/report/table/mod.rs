//! `table`: for people. Endpoints worst first, then the counts and the changes, and at the end, where people look
//! first: the worst endpoints, the findings with what to do about them, and the reason for the exit code.
//!
//! Text from the network is escaped, and the layout is made of spaces only, so `grep` and `awk` work on it.

mod changes;
mod findings;
mod footer;
mod layout;
mod lines;
mod rows;
mod style;
mod worst;

use std::borrow::Borrow;
use std::io::{self, Write as _};

use anstyle::Style;

pub(super) use changes::change_line;
pub(super) use findings::fold_lines;
pub use style::TableOptions;
pub(super) use style::shown;

use super::findings_by_endpoint::FindingsByEndpoint;
use super::folded::folded;
use super::results::Results;
use crate::model::EndpointReport;
use lines::Lines;
use rows::Rows;

/// The lines of the smallest usual terminal, less two for notes. What matters most is in the last ones.
const SCREEN: usize = 22;
/// Lines for findings without which they do not fit on one screen with the table.
const MIN_FINDINGS: usize = 4;

/// Writes the table.
pub(super) fn write(
    out: &mut dyn io::Write,
    results: &Results<'_>,
    reports: impl Iterator<Item: Borrow<EndpointReport>>,
    options: &TableOptions,
) -> io::Result<()> {
    let summary = results.summary;
    let told = results.told_findings();
    let findings = FindingsByEndpoint::new(told.iter().copied());
    let (kept, left_out) = rows::worst(reports, &findings);
    let rows = rows::select(&kept, left_out, results);

    let mut top = Lines::new(options.width);
    let stopped = (summary.stopped.as_deref())
        .map(|reason| format!("stopped early: {}; this report is partial", shown(reason)));
    for notice in stopped.into_iter().chain(results.shard_notice()) {
        top.say(0, &options.painted(Style::new().bold(), &notice));
        top.lines.push(String::new());
    }
    endpoints(&mut top, &rows, options);

    let mut middle = Lines::new(options.width);
    footer::say(&mut middle, results, options);
    changes::say(&mut middle, results, options);

    let mut end = Lines::new(options.width);
    let worst: Vec<&EndpointReport> = (kept.iter().map(Borrow::borrow))
        .filter(|report| findings.matters(report))
        .collect();
    if let Some(notice) = results.not_shown_notice() {
        end.say(0, &notice);
    }
    worst::say_commands(&mut end, worst.first().copied(), &told);
    end.say(0, &shown(results.outcome.sentence));

    let folds = folded(told.iter().copied().filter(|finding| finding.counts()));
    let above = top.lines.len() + middle.lines.len();
    let room = SCREEN.saturating_sub(end.lines.len());
    let mut named = Lines::new(options.width);
    let closing = |room: Option<usize>, most| findings::lines(&told, &folds, room, most, options);
    // A file is no screen.
    let limit = |room| options.width.map(|_| room);
    let whole = closing(None, 2);
    let closing = match room.checked_sub(above) {
        // Everything fits on one screen, perhaps in brief.
        Some(left) if left >= whole.len() => whole,
        Some(left) if left >= MIN_FINDINGS => closing(limit(left), 1),
        _ => {
            worst::say(&mut named, &worst, options);
            closing(limit(room.saturating_sub(named.lines.len())), 2)
        }
    };

    let mut out = io::BufWriter::new(out);
    let parts = [top, middle, named].map(|part| part.lines);
    for line in parts.into_iter().flatten().chain(closing).chain(end.lines) {
        writeln!(out, "{line}")?;
    }
    out.flush()
}

fn endpoints(lines: &mut Lines, rows: &Rows, options: &TableOptions) {
    if rows.rows.is_empty() && rows.more.is_empty() {
        lines.lines.push("no endpoint to show".to_owned());
    } else {
        let table = layout::lines(&rows.rows, lines.width, options);
        lines.lines.extend(table);
        for (verdict, count) in &rows.more {
            lines.lines.push(format!("… and {count} more {verdict}"));
        }
    }
    lines.lines.push(String::new());
}

#[cfg(test)]
mod tests;
