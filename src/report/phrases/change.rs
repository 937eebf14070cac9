//! Changes since the baseline.

use crate::model::{Change, ChangeKind};

/// `forbidden → exposed`, `appeared: not in the baseline → rejected`, `version v1.33.5 → v1.34.1`, `opened: /api`.
pub(in crate::report) fn change_text(change: &Change) -> String {
    // The other scan may also have left out the target, so the text does not say that it did not exist.
    let before = change.before.as_deref().unwrap_or("not in the baseline");
    let after = change.after.as_deref().unwrap_or("not in this report");
    let kind = change.kind.as_str();
    match change.kind {
        ChangeKind::Verdict => format!("{before} → {after}"),
        ChangeKind::Appeared | ChangeKind::Gone => format!("{kind}: {before} → {after}"),
        ChangeKind::Version | ChangeKind::Certificate => format!("{kind} {before} → {after}"),
        ChangeKind::Opened => format!("{kind}: {after}"),
        ChangeKind::Closed => format!("{kind}: {before}"),
    }
}
