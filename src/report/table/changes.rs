//! What is not as it was, below the table.

use std::io;

use super::{TableOptions, severity_style, shown};
use crate::model::{Change, ChangeKind, Severity};

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
        return writeln!(out, "since the baseline: no change");
    }
    writeln!(out, "since the baseline:")?;
    for change in changes.iter().take(LISTED) {
        writeln!(
            out,
            "  {}: {}",
            shown(change.about.as_str()),
            sentence(change, options)
        )?;
    }
    if changes.len() > LISTED {
        writeln!(out, "  … and {} more", changes.len() - LISTED)?;
    }
    Ok(())
}

/// `forbidden → exposed`, `appeared: not there → rejected`, `version v1.33.5 → v1.34.1`, `opened: /api`.
pub(in crate::report) fn sentence(change: &Change, options: &TableOptions) -> String {
    let said =
        |text: &Option<String>, none: &str| text.as_deref().map_or_else(|| none.to_owned(), shown);
    // Whether it was asked at all, only the other report's list could say.
    let before = said(&change.before, "not in the baseline");
    let after = said(&change.after, "not in this report");
    let said = match change.kind {
        ChangeKind::Verdict => format!("{before} → {after}"),
        ChangeKind::Appeared | ChangeKind::Gone => {
            format!("{}: {before} → {after}", change.kind.as_str())
        }
        ChangeKind::Version | ChangeKind::Certificate => {
            format!("{} {before} → {after}", change.kind.as_str())
        }
        ChangeKind::Opened => format!("opened: {after}"),
        ChangeKind::Closed => format!("closed: {before}"),
    };
    if change.opens {
        options.painted(severity_style(Severity::High), &said)
    } else {
        said
    }
}
