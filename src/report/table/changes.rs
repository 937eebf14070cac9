//! Changes since the baseline, below the table.

use std::io;

use super::super::phrases::change_text;
use super::style::{TableOptions, severity_style, shown};
use crate::model::{Change, Severity};

/// Changes named before "and N more".
const LISTED: usize = 10;

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
    for change in changes.iter().take(LISTED) {
        writeln!(
            out,
            "  {}: {}",
            shown(change.about.as_str()),
            painted_change(change, options)
        )?;
    }
    if changes.len() > LISTED {
        writeln!(out, "  … and {} more", changes.len() - LISTED)?;
    }
    Ok(())
}

/// The text of a change, red if it opens something.
pub(in crate::report) fn painted_change(change: &Change, options: &TableOptions) -> String {
    let text = shown(&change_text(change));
    if change.opens {
        options.painted(severity_style(Severity::High), &text)
    } else {
        text
    }
}
