//! Changes since the baseline, below the table.

use std::io;

use super::super::phrases::change_text;
use super::style::{TableOptions, severity_style, shown};
use crate::model::{Change, Severity};

/// Changes named before "and N more".
const MAX_LISTED: usize = 10;

pub(super) fn write(
    out: &mut impl io::Write,
    changes: Option<&[Change]>,
    options: &TableOptions,
) -> io::Result<()> {
    let Some(changes) = changes else {
        return Ok(());
    };
    if changes.is_empty() {
        return writeln!(out, "since the baseline: no changes");
    }
    writeln!(out, "since the baseline:")?;
    for change in changes.iter().take(MAX_LISTED) {
        writeln!(out, "  {}", change_line(change, options))?;
    }
    if changes.len() > MAX_LISTED {
        writeln!(out, "  … and {} more", changes.len() - MAX_LISTED)?;
    }
    Ok(())
}

/// The target and the change, which is red if it opens something.
pub(in crate::report) fn change_line(change: &Change, options: &TableOptions) -> String {
    let text = shown(&change_text(change));
    let text = if change.opens {
        options.painted(severity_style(Severity::High), &text)
    } else {
        text
    };
    format!("{}: {text}", shown(change.about.as_str()))
}
