//! Changes since the baseline, below the table.

use super::super::phrases::{change_name, change_text};
use super::super::results::Results;
use super::lines::Lines;
use super::style::{TableOptions, severity_style, shown};
use crate::model::{Change, Severity};

/// Changes named before "and N more".
const MAX_LISTED: usize = 10;

pub(super) fn say(lines: &mut Lines, results: &Results<'_>, options: &TableOptions) {
    let Some(changes) = results.listed_changes() else {
        return;
    };
    if let Some(left_out) = results.outage_text() {
        lines.say(0, &format!("since the baseline: {left_out}"));
    } else if changes.is_empty() {
        lines.say(0, "since the baseline: no changes");
    } else {
        lines.say(0, "since the baseline:");
    }
    for change in changes.iter().take(MAX_LISTED) {
        lines.say(2, &change_line(change, options));
    }
    if changes.len() > MAX_LISTED {
        lines.say(2, &format!("… and {} more", changes.len() - MAX_LISTED));
    }
}

/// The target and the change, which is red if it opens something.
pub(in crate::report) fn change_line(change: &Change, options: &TableOptions) -> String {
    let text = shown(&change_text(change));
    let text = if change.opens {
        options.painted(severity_style(Severity::High), &text)
    } else {
        text
    };
    format!("{}: {text}", shown(&change_name(change)))
}
