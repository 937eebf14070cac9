//! Compares two scans of the same targets.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;

use super::rules::hit::listed;
use crate::kubernetes::PathClass;
use crate::model::{
    Certificate, Change, ChangeKind, EndpointReport, Grade, Host, Identity, JudgedRequest, Origin,
    Outage, Verdict,
};

/// Digits of a certificate's SHA-256 in the text.
const DIGITS: usize = 12;

/// The parts of one scan that are compared with another scan. A target needs little memory.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Whether the scan left out targets: it is a shard, or it was stopped. A target that is missing in a partial
    /// scan is neither gone nor new.
    pub partial: bool,
    targets: BTreeMap<Identity, State>,
    /// Shared sets of paths: most targets have the same ones.
    paths: HashSet<Paths>,
}

type Paths = Arc<BTreeSet<String>>;

#[derive(Debug, Clone)]
struct State {
    origin: Arc<Origin>,
    label: Option<Arc<str>>,
    /// Whether it is a named target.
    named: bool,
    /// The verdicts of its addresses, worst first.
    verdicts: BTreeSet<Verdict>,
    versions: BTreeSet<String>,
    /// The text for each certificate, by its SHA-256.
    certificates: BTreeMap<String, String>,
    /// Paths whose answer shows whether they are open.
    asked: Paths,
    /// Paths that make the target exposed.
    open: Paths,
    /// The addresses of a name without a verdict.
    without_verdict: Vec<SocketAddr>,
    /// The expected verdict.
    expect: Option<Verdict>,
}

impl State {
    fn worst_verdict(&self) -> Verdict {
        let worst = self.verdicts.first().copied();
        worst.unwrap_or(Verdict::Unreachable)
    }

    fn answers(&self) -> bool {
        self.worst_verdict() != Verdict::Unreachable
    }
}

impl Snapshot {
    /// Adds a record.
    pub fn add(&mut self, report: &EndpointReport) {
        let target = &report.target;
        let state = self
            .targets
            .entry(Identity::of_target(target))
            .or_insert_with(|| State {
                origin: Arc::clone(&target.origin),
                label: target.label.clone(),
                named: target.named,
                verdicts: BTreeSet::new(),
                versions: BTreeSet::new(),
                certificates: BTreeMap::new(),
                asked: Paths::default(),
                open: Paths::default(),
                without_verdict: Vec::new(),
                expect: target.expect,
            });
        // What another program answers says nothing about access, but shows that no API server opens the path there.
        let is_another_program = report.verdict == Verdict::NotApiServer;
        let asked = (report.requests.iter())
            .filter(|request| {
                request.access.is_clear() || is_another_program && request.reply().is_some()
            })
            .map(JudgedRequest::path);
        add_paths(&mut self.paths, &mut state.asked, asked);
        let open = report.exposing().map(|grant| grant.path.as_str());
        add_paths(&mut self.paths, &mut state.open, open);
        state.verdicts.extend(report.seen());
        let has_verdict = report.verdict.is_conclusive() || report.verdict == Verdict::NotApiServer;
        if matches!(target.host, Host::Name(_)) && !has_verdict {
            state.without_verdict.extend(report.address());
        }
        let identification = report.identification.as_ref();
        state
            .versions
            .extend(identification.and_then(|identification| identification.version.clone()));
        if let Some(certificate) = report.certificate() {
            state
                .certificates
                .insert(certificate.sha256.clone(), certificate_text(certificate));
        }
    }

    /// Whether all these paths were asked at a target, so that a missing finding means a closed path. Another program
    /// there has none of them.
    pub(super) fn asked_all(&self, about: &Identity, paths: &BTreeSet<String>) -> bool {
        let is_another_program = |state: &State| state.worst_verdict() == Verdict::NotApiServer;
        let state = self.targets.get(about);
        paths.is_empty()
            || state.is_some_and(|state| paths.is_subset(&state.asked) || is_another_program(state))
    }

    /// Whether this address of a name was to be asked, and got no verdict.
    pub(super) fn has_no_verdict_at(&self, about: &Identity, address: SocketAddr) -> bool {
        (self.targets.get(about)).is_some_and(|state| state.without_verdict.contains(&address))
    }

    /// Why a finding of an earlier scan at this target was not found again, in words.
    pub(super) fn silence(&self, about: &Identity) -> &'static str {
        let state = self.targets.get(about);
        match state.and_then(|state| state.verdicts.last()) {
            None => "not seen in this scan",
            Some(Verdict::Unreachable) => "not reachable in this scan",
            Some(Verdict::Inconclusive) => "without a verdict in this scan",
            Some(_) => "not asked for in this scan",
        }
    }

    /// Whether a target is expected to be silent; `None` if the scan has no record of it.
    pub fn expects_silence(&self, about: &Identity) -> Option<bool> {
        let state = self.targets.get(about)?;
        Some(state.expect == Some(Verdict::Unreachable))
    }

    /// The changes from `old` to this scan. Changes that open something come first, then by kind and target.
    ///
    /// Versions and certificates are compared if both scans saw one, paths if both scans asked them. If a name has
    /// several addresses, the worst verdict counts. Each server of a control plane has its own certificate, so a
    /// change is reported only if none of the old ones is left.
    pub fn changes_since(&self, old: &Self) -> Vec<Change> {
        let mut changes = Vec::new();
        for (about, now) in &self.targets {
            let before = old.targets.get(about);
            // Without a verdict the scan failed on our side, which says nothing about the target.
            let has_verdict = |state: &State| !state.verdicts.is_empty();
            if has_verdict(now) && before.map_or(!old.partial, has_verdict) {
                compare(about, before, now, &mut changes);
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

    /// The outage since `old`, if there is one.
    pub(super) fn outage_since(&self, old: &Self) -> Option<Outage> {
        let (mut silent, mut asked) = (0, 0);
        for (about, before) in &old.targets {
            // Without a verdict the scan failed on our side.
            let now = (self.targets.get(about)).filter(|now| !now.verdicts.is_empty());
            if let Some(now) = now.filter(|_| before.named && before.answers()) {
                asked += 1;
                silent += u64::from(!now.answers());
            }
        }
        Outage::of(silent, asked)
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
    let kind = match before.map(State::answers) {
        None | Some(false) if now.answers() => Some(ChangeKind::Appeared),
        Some(true) if !now.answers() => Some(ChangeKind::Gone),
        Some(true) if old != Some(new) => Some(ChangeKind::Verdict),
        _ => None,
    };
    if let Some(kind) = kind {
        let old_text = old.map(|old| old.to_string());
        push(kind, old_text, Some(new.to_string()), opens(old, new));
    }
    let Some(before) = before else { return };
    if kind.is_none() {
        let opened = now.open.difference(&before.open);
        let opened = path_text(opened.filter(|path| before.asked.contains(*path)));
        if opened.is_some() {
            push(ChangeKind::Opened, None, opened, true);
        }
        let closed = before.open.difference(&now.open);
        let closed = path_text(closed.filter(|path| now.asked.contains(*path)));
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

/// Whether `new` lets an anonymous caller do more; verdicts are ordered worst first.
fn opens(old: Option<Verdict>, new: Verdict) -> bool {
    new < Verdict::Rejected && old.is_none_or(|old| !old.is_conclusive() || new < old)
}

/// Adds paths to a target's set, which is shared with other targets.
fn add_paths<'a>(known: &mut HashSet<Paths>, to: &mut Paths, paths: impl Iterator<Item = &'a str>) {
    let mut all = BTreeSet::clone(to);
    all.extend(paths.map(str::to_owned));
    if let Some(shared) = known.get(&all) {
        *to = Arc::clone(shared);
    } else {
        *to = Arc::new(all);
        known.insert(Arc::clone(to));
    }
}

/// `CN=kube-apiserver, until 2026-11-24 (0123456789ab…)`.
fn certificate_text(certificate: &Certificate) -> String {
    let Certificate {
        subject, sha256, ..
    } = certificate;
    let until = certificate.not_after;
    let until = until.map(|end| format!(", until {}", end.strftime("%Y-%m-%d")));
    let digest: String = sha256.chars().take(DIGITS).collect();
    format!("{subject}{} ({digest}…)", until.unwrap_or_default())
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
