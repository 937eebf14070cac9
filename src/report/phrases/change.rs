//! Changes since the baseline.

use crate::model::{Change, ChangeKind, Verdict};

/// `forbidden → exposed`, `appeared: not in the baseline → rejected`, `silent, not fixed: exposed → unreachable`, `version
/// v1.33.5 → v1.34.1`, `opened: /api`, `not asked again: exposed (/api/v1/secrets)`.
pub(in crate::report) fn change_text(change: &Change) -> String {
    // The other scan may also have left out the target, so the text does not say that it did not exist.
    let before = change.before.as_deref().unwrap_or("not in the baseline");
    let after = change.after.as_deref().unwrap_or("not in this report");
    let kind = change_kind(change);
    match change.kind {
        ChangeKind::Verdict => format!("{before} → {after}"),
        ChangeKind::Appeared | ChangeKind::Gone => format!("{kind}: {before} → {after}"),
        ChangeKind::Version | ChangeKind::Certificate => format!("{kind} {before} → {after}"),
        ChangeKind::Opened => format!("{kind}: {after}"),
        ChangeKind::Closed | ChangeKind::NotAskedAgain => format!("{kind}: {before}"),
    }
}

/// What kind of change it is. Silence must not look like a fix.
pub(in crate::report) fn change_kind(change: &Change) -> &'static str {
    let was_open = || {
        let before = change.before.as_deref().map(str::parse::<Verdict>);
        matches!(before, Some(Ok(verdict)) if verdict < Verdict::Rejected)
    };
    match (change.kind, &change.after) {
        (ChangeKind::Gone, Some(_)) if was_open() => "silent, not fixed",
        (ChangeKind::Gone, Some(_)) => "silent",
        (ChangeKind::NotAskedAgain, _) => "not asked again",
        (kind, _) => kind.as_str(),
    }
}
