//! Compares two scans of the same targets.

use std::cmp::Reverse;
use std::sync::Arc;

use super::rules::hit::listed;
use super::snapshot::{Snapshot, State};
use crate::kubernetes::PathClass;
use crate::model::{Change, ChangeKind, Grade, Identity, Verdict};

impl Snapshot {
    /// The changes from `old` to this scan. Changes that open something come first, then by kind and target.
    ///
    /// Versions and certificates are compared if both scans saw one, paths if both scans asked them. If a name has
    /// several addresses, the worst verdict counts, and a silent address counts as it was. What `old` carried from earlier
    /// scans counts as seen by it. Each server of a control plane has its own certificate, so a
    /// change is reported only if none of the old ones is left.
    pub fn changes_since(&self, old: &Self) -> Vec<Change> {
        let mut changes = Vec::new();
        for (about, now) in &self.targets {
            let known = old.known(about);
            let mut before = known.as_deref();
            // If what the old scan carried was not asked again either, there is no news of it.
            let is_carried_on = |before: &State| not_asked_again(before, now).is_some();
            if before.is_some_and(is_carried_on) {
                before = old.targets.get(about);
            }
            // Without a verdict the scan failed on our side, which says nothing about the target.
            let has_verdict = |state: &State| !state.verdicts.is_empty();
            if has_verdict(now) && before.map_or(!old.partial, has_verdict) {
                let held = before.map(|before| self.held(about, now, before));
                compare(about, before, held.as_ref().unwrap_or(now), &mut changes);
            }
        }
        for (about, before) in &old.targets {
            if !self.partial && before.answers() && !self.targets.contains_key(about) {
                let verdict = Some(before.worst_verdict().to_string());
                changes.push(change(about, before, ChangeKind::Gone, verdict, None));
            }
        }
        changes.sort_by(|one, other| one.order_key().cmp(&other.order_key()));
        changes
    }
}

/// Adds the changes of one target. `before` is `None` if the old scan did not have it.
fn compare(about: &Identity, before: Option<&State>, now: &State, changes: &mut Vec<Change>) {
    let mut push = |kind, before: Option<String>, after: Option<String>, opens| {
        changes.push(Change {
            opens,
            ..change(about, now, kind, before, after)
        });
    };
    let (old, new) = (before.map(State::worst_verdict), now.worst_verdict());
    let not_asked = before.and_then(|before| not_asked_again(before, now));
    let kind = match before.map(State::answers) {
        None | Some(false) if now.answers() => Some(ChangeKind::Appeared),
        Some(true) if !now.answers() => Some(ChangeKind::Gone),
        Some(true) if not_asked.is_some() => Some(ChangeKind::NotAskedAgain),
        Some(true) if old != Some(new) => Some(ChangeKind::Verdict),
        _ => None,
    };
    let old_text = old.map(|old| old.to_string());
    match (kind, not_asked) {
        (Some(ChangeKind::NotAskedAgain), not_asked) => {
            push(ChangeKind::NotAskedAgain, not_asked, None, false);
        }
        (Some(kind), _) => push(kind, old_text, Some(new.to_string()), opens(old, new)),
        (None, _) => {}
    }
    let Some(before) = before else { return };
    if matches!(kind, None | Some(ChangeKind::NotAskedAgain)) {
        let opened = now.open.difference(&before.open);
        let opened = path_text(opened.filter(|path| before.has_asked(path)));
        if opened.is_some() {
            push(ChangeKind::Opened, None, opened, true);
        }
        let closed = before.open.difference(&now.open);
        let closed = path_text(closed.filter(|path| now.has_asked(path)));
        if closed.is_some() {
            push(ChangeKind::Closed, closed, None, false);
        }
    }
    if !before.versions.is_empty() && !now.versions.is_empty() && before.versions != now.versions {
        let text = |state: &State| Some(join(state.versions.iter()));
        push(ChangeKind::Version, text(before), text(now), false);
    }
    let mut new_certificates = now.certificates.keys();
    let is_any_kept = new_certificates.any(|sha256| before.certificates.contains_key(sha256));
    if !before.certificates.is_empty() && !now.certificates.is_empty() && !is_any_kept {
        let text = |state: &State| Some(join(state.certificates.values()));
        push(ChangeKind::Certificate, text(before), text(now), false);
    }
}

/// `exposed (/api/v1/secrets)`: the verdict before, and what showed it and was not asked again. `None` where the verdict is
/// no better, where all of it was asked, and where no answer tells.
fn not_asked_again(before: &State, now: &State) -> Option<String> {
    let (old, new) = (before.worst_verdict(), now.worst_verdict());
    if old >= new || !new.is_conclusive() {
        return None;
    }
    let not_asked = before.decisive.iter().filter(|path| !now.has_asked(path));
    Some(format!("{old} ({})", path_text(not_asked)?))
}

/// Whether `new` lets an anonymous caller do more; verdicts are ordered worst first.
fn opens(old: Option<Verdict>, new: Verdict) -> bool {
    new < Verdict::Rejected && old.is_none_or(|old| !old.is_conclusive() || new < old)
}

/// A text of paths. Long lists are cut, so the most sensitive paths come first.
fn path_text<'a>(paths: impl Iterator<Item = &'a String>) -> Option<String> {
    let mut paths: Vec<&str> = paths.map(String::as_str).collect();
    // A saved report may have paths that this version does not ask.
    paths.sort_by_key(|path| (Reverse(PathClass::of(path).ok().map(Grade::of)), *path));
    Some(listed(paths)).filter(|text| !text.is_empty())
}

fn join<'a>(texts: impl Iterator<Item = &'a String>) -> String {
    texts.map(String::as_str).collect::<Vec<_>>().join("; ")
}

fn change(
    about: &Identity,
    state: &State,
    kind: ChangeKind,
    before: Option<String>,
    after: Option<String>,
) -> Change {
    Change {
        about: about.clone(),
        origin: Arc::clone(&state.origin),
        label: state.label.clone(),
        kind,
        before,
        after,
        opens: false,
    }
}
