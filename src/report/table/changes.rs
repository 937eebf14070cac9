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
    let Some(changes) = changes else { return Ok(()) };
    if changes.is_empty() {
        return writeln!(out, "since the baseline: no change");
    }
    writeln!(out, "since the baseline:")?;
    for change in changes.iter().take(LISTED) {
        writeln!(out, "  {}: {}", shown(change.about.as_str()), sentence(change, options))?;
    }
    if changes.len() > LISTED {
        writeln!(out, "  … and {} more", changes.len() - LISTED)?;
    }
    Ok(())
}

/// `forbidden → exposed`, `appeared: not there → rejected`, `version v1.33.5 → v1.34.1`, `opened: /api`.
pub(in crate::report) fn sentence(change: &Change, options: &TableOptions) -> String {
    let [before, after] = [&change.before, &change.after]
        .map(|text| text.as_deref().map_or_else(|| "not there".to_owned(), shown));
    let said = match change.kind {
        ChangeKind::Verdict => format!("{before} → {after}"),
        ChangeKind::Appeared | ChangeKind::Gone => format!("{}: {before} → {after}", change.kind.word()),
        ChangeKind::Version | ChangeKind::Certificate => {
            format!("{} {before} → {after}", change.kind.word())
        }
        ChangeKind::Opened => format!("opened: {after}"),
        ChangeKind::Closed => format!("closed: {before}"),
    };
    if change.opens { options.painted(severity_style(Severity::High), &said) } else { said }
}
