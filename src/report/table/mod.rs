//! `table`: for people. Endpoints worst first, then the counts and the changes, and at the end, where people look
//! first: the worst endpoints, the findings with what to do about them, and the reason for the exit code. Where the
//! findings do not fit on the last screen, the worst ones do, and the others come before them.
//!
//! Text from the network is escaped, and the layout is made of spaces only, so `grep` and `awk` work on it.

mod changes;
mod closing;
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
pub(super) use findings::{fold_lines, what_was_found};
pub(super) use lines::Lines;
pub use style::TableOptions;
pub(super) use style::shown;

use super::findings_by_endpoint::FindingsByEndpoint;
use super::folded::folded_by_summary;
use super::phrases;
use super::results::Results;
use crate::model::EndpointReport;
use findings::Problems;
use rows::Rows;

/// The lines of the smallest usual terminal, less two for notes. What matters most is in the last ones.
const SCREEN: usize = 22;
/// Lines for findings below which the worst endpoints are not named again on the last screen.
const MIN_FINDINGS: usize = 6;
/// Carried findings with an expired acceptance that are listed.
const MAX_LAPSED: usize = 10;

/// Writes the table.
pub(super) fn write(
    out: &mut dyn io::Write,
    results: &Results<'_>,
    reports: impl Iterator<Item: Borrow<EndpointReport>>,
    options: &TableOptions,
) -> io::Result<()> {
    let summary = results.summary;
    let listed = results.listed_findings();
    let findings = FindingsByEndpoint::new(listed.iter().copied());
    let (kept, left_out) = rows::worst(reports, &findings);
    let rows = rows::select(&kept, left_out, results, &findings);

    let mut top = Lines::new(options.width);
    let stopped = (summary.stopped.as_deref())
        .map(|reason| format!("stopped early: {}; this report is partial", shown(reason)));
    for notice in stopped
        .into_iter()
        .chain(results.partial_notices().map(|notice| shown(&notice)))
    {
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
    let notices = [results.carried_notice(), results.not_shown_notice()];
    for notice in notices.into_iter().flatten() {
        end.say(0, &notice);
    }
    let lapsed = results.carried.iter().filter_map(phrases::lapsed_carried);
    for text in lapsed.take(MAX_LAPSED) {
        end.say(0, &shown(&text));
    }
    closing::say_commands(&mut end, worst.first().copied(), &listed, options);
    closing::say_gate(&mut end, results.outcome);

    let folds = folded_by_summary(listed.iter().copied().filter(|finding| finding.counts()));
    let problems = Problems::new(&listed, &folds, options);
    let above = top.lines.len() + middle.lines.len();
    let room = SCREEN.saturating_sub(end.lines.len());
    let left = room.checked_sub(above);
    let in_full = problems.in_full();
    let mut named = Lines::new(options.width);
    let (others, last) = if left.is_some_and(|left| in_full.len() <= left) {
        (Vec::new(), in_full)
    } else if options.width.is_none() {
        // A file is no screen.
        worst::say(&mut named, &worst, &findings, options);
        (Vec::new(), in_full)
    } else if let Some(in_brief) = left.and_then(|left| problems.in_brief(left)) {
        (Vec::new(), in_brief)
    } else {
        worst::say(&mut named, &worst, &findings, options);
        if room < named.lines.len() + MIN_FINDINGS {
            named.lines.clear();
        }
        problems.for_last_screen(room.saturating_sub(named.lines.len()))
    };

    let mut out = io::BufWriter::new(out);
    let parts = [
        top.lines,
        middle.lines,
        others,
        named.lines,
        last,
        end.lines,
    ];
    for line in parts.into_iter().flatten() {
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
