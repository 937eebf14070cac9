//! Two scans of the same targets: what is not as it was.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use super::rules::listed;
use crate::model::{
    Access, Change, ChangeKind, EndpointReport, Grade, Identity, Origin, PathClass, Verdict,
};

/// Digits of a certificate's SHA-256 that are said.
const DIGITS: usize = 12;

/// What a scan showed of each target, as far as it is compared: a few words a target.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Whether the scan left out some of its targets, as a shard does and one that was stopped: what is
    /// not there then is neither gone nor new by that.
    pub partial: bool,
    targets: BTreeMap<Identity, State>,
    /// Every set of paths once: most targets are asked the same and open the same.
    paths: HashSet<Paths>,
}

type Paths = Arc<BTreeSet<String>>;

#[derive(Debug, Clone)]
struct State {
    origin: Arc<Origin>,
    label: Option<Arc<str>>,
    /// The verdicts of its addresses: the first is the worst.
    verdicts: BTreeSet<Verdict>,
    versions: BTreeSet<String>,
    /// SHA-256 and what is said of it.
    certificates: BTreeMap<String, String>,
    /// Paths that were asked with an answer that tells whether they are open.
    asked: Paths,
    /// Paths that make it exposed.
    open: Paths,
}

impl State {
    fn worst(&self) -> Verdict {
        self.verdicts
            .first()
            .copied()
            .unwrap_or(Verdict::Unreachable)
    }

    fn answers(&self) -> bool {
        self.worst() != Verdict::Unreachable
    }
}

impl Snapshot {
    /// Takes in one record.
    pub fn add(&mut self, report: &EndpointReport) {
        let target = &report.target;
        let state = self
            .targets
            .entry(Identity::of_target(target))
            .or_insert_with(|| State {
                origin: Arc::clone(&target.origin),
                label: target.label.clone(),
                verdicts: BTreeSet::new(),
                versions: BTreeSet::new(),
                certificates: BTreeMap::new(),
                asked: Paths::default(),
                open: Paths::default(),
            });
        let clear = |access: &Access| {
            matches!(
                access,
                Access::Rejected | Access::Forbidden | Access::Granted
            )
        };
        let asked = (report
            .requests
            .iter()
            .filter(|request| clear(&request.access)))
        .map(|request| request.exchange.request.bare_path());
        add(&mut self.paths, &mut state.asked, asked);
        add(
            &mut self.paths,
            &mut state.open,
            report.exposing().map(|grant| grant.path.as_str()),
        );
        state.verdicts.extend(report.seen());
        let version = report
            .identification
            .as_ref()
            .and_then(|identification| identification.version.clone());
        state.versions.extend(version);
        if let Some(certificate) = report.tls.as_ref().and_then(|tls| tls.certificate.as_ref()) {
            let end = certificate
                .not_after
                .map(|end| format!(", until {}", end.strftime("%Y-%m-%d")));
            let digest: String = certificate.sha256.chars().take(DIGITS).collect();
            let said = format!(
                "{}{} ({digest}…)",
                certificate.subject,
                end.unwrap_or_default()
            );
            state.certificates.insert(certificate.sha256.clone(), said);
        }
    }

    /// Whether all of this was asked of a target, so that what is not found of it is not there.
    pub(super) fn asked(&self, about: &Identity, paths: &BTreeSet<String>) -> bool {
        paths.is_empty()
            || self
                .targets
                .get(about)
                .is_some_and(|state| paths.is_subset(&state.asked))
    }

    /// What changed from `old` to this one: what opens first, then by kind and target.
    ///
    /// A version or certificate is compared where both scans saw one, an open path where both asked
    /// it. Of several addresses behind a
    /// name the worst verdict counts, and a certificate changed when none is left of the old ones:
    /// each server of a control plane has its own.
    pub fn changes_since(&self, old: &Self) -> Vec<Change> {
        let mut changes = Vec::new();
        for (about, now) in &self.targets {
            let before = old.targets.get(about);
            // What this machine was short of says nothing of a target.
            let known = |state: &State| !state.verdicts.is_empty();
            if known(now) && before.map_or(!old.partial, known) {
                compare(about, before, now, &mut changes);
            }
        }
        for (about, before) in &old.targets {
            if !self.partial && before.answers() && !self.targets.contains_key(about) {
                let was = before.worst().as_str().to_owned();
                changes.push(change(about, before, ChangeKind::Gone, Some(was), None));
            }
        }
        changes.sort_by(|one, other| one.order_key().cmp(&other.order_key()));
        changes
    }
}

fn compare(about: &Identity, before: Option<&State>, now: &State, changes: &mut Vec<Change>) {
    let word = |state: &State| state.worst().as_str().to_owned();
    let (old, new) = (before.map(State::worst), now.worst());
    let kind = match before.map(State::answers) {
        None | Some(false) if now.answers() => Some(ChangeKind::Appeared),
        Some(true) if !now.answers() => Some(ChangeKind::Gone),
        Some(true) if old != Some(new) => Some(ChangeKind::Verdict),
        _ => None,
    };
    if let Some(kind) = kind {
        let opens = opens(old, new);
        changes.push(Change {
            opens,
            ..change(about, now, kind, before.map(word), Some(word(now)))
        });
    }
    let Some(before) = before else { return };
    if kind.is_none() {
        if let Some(more) = paths(
            now.open
                .difference(&before.open)
                .filter(|path| before.asked.contains(*path)),
        ) {
            let opened = change(about, now, ChangeKind::Opened, None, Some(more));
            changes.push(Change {
                opens: true,
                ..opened
            });
        }
        if let Some(less) = paths(
            before
                .open
                .difference(&now.open)
                .filter(|path| now.asked.contains(*path)),
        ) {
            changes.push(change(about, now, ChangeKind::Closed, Some(less), None));
        }
    }
    if !before.versions.is_empty() && !now.versions.is_empty() && before.versions != now.versions {
        let said = |state: &State| Some(join(state.versions.iter()));
        changes.push(change(
            about,
            now,
            ChangeKind::Version,
            said(before),
            said(now),
        ));
    }
    let kept = now
        .certificates
        .keys()
        .any(|sha256| before.certificates.contains_key(sha256));
    if !before.certificates.is_empty() && !now.certificates.is_empty() && !kept {
        let said = |state: &State| Some(join(state.certificates.values()));
        changes.push(change(
            about,
            now,
            ChangeKind::Certificate,
            said(before),
            said(now),
        ));
    }
}

/// Whether `new` lets an anonymous caller do more; verdicts are ordered worst first.
fn opens(old: Option<Verdict>, new: Verdict) -> bool {
    new < Verdict::Rejected && old.is_none_or(|old| !old.is_conclusive() || new < old)
}

/// Adds paths to a target's set.
fn add<'a>(known: &mut HashSet<Paths>, to: &mut Paths, paths: impl Iterator<Item = &'a str>) {
    let mut all = BTreeSet::clone(to);
    all.extend(paths.map(str::to_owned));
    if let Some(shared) = known.get(&all) {
        *to = Arc::clone(shared);
    } else {
        *to = Arc::new(all);
        known.insert(Arc::clone(to));
    }
}

/// Paths in words. Not all of many are named, so what is worth most comes first.
fn paths<'a>(paths: impl Iterator<Item = &'a String>) -> Option<String> {
    let mut paths: Vec<&str> = paths.map(String::as_str).collect();
    // A saved report may have paths that are not asked any more.
    paths.sort_by_key(|path| (Reverse(PathClass::of(path).ok().map(Grade::of)), *path));
    Some(listed(paths)).filter(|said| !said.is_empty())
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
    let (about, origin, label) = (
        about.clone(),
        Arc::clone(&state.origin),
        state.label.clone(),
    );
    Change {
        about,
        origin,
        label,
        kind,
        before,
        after,
        opens: false,
    }
}
