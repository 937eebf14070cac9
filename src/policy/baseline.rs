//! Compares the findings of two scans.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::evaluator::Evaluation;
use super::rules::{declared_access, declared_facts, posture};
use super::snapshot::Snapshot;
use crate::model::{BaselineState, DeclaredFact, Finding, Fingerprint, Identity, Rule, Verdict};

/// What findings say the same about: those about anonymous access at one target are compared with each other, any other
/// one with itself.
#[derive(PartialEq, Eq, Hash)]
pub(super) enum Matter<'a> {
    AnonymousAccess(&'a Identity),
    Other(Fingerprint),
}

impl<'a> Matter<'a> {
    fn of(finding: &'a Finding) -> Self {
        if finding.rule.anonymous_access {
            Self::AnonymousAccess(&finding.about)
        } else {
            Self::Other(finding.fingerprint)
        }
    }
}

/// Findings by what they are about.
pub(super) type ByMatter<'a> = HashMap<Matter<'a>, Vec<&'a Finding>>;

fn by_matter<'a>(findings: impl Iterator<Item = &'a Finding>) -> ByMatter<'a> {
    let mut all = ByMatter::new();
    for finding in findings {
        all.entry(Matter::of(finding)).or_default().push(finding);
    }
    all
}

/// Whether a finding is no worse than those of the baseline: it is no more severe, opens no further path, and contradicts
/// no expectation that was met. What was open may be in several of them, as they were proven by scans that asked
/// different paths.
fn cover(old: &[&Finding], new: &Finding) -> bool {
    let was_open: BTreeSet<&String> = old.iter().flat_map(|old| &old.open).collect();
    let is_as_bad = |old: &&Finding| {
        old.severity <= new.severity && (new.expected.is_none() || old.expected.is_some())
    };
    old.iter().any(is_as_bad) && new.open.iter().all(|path| was_open.contains(path))
}

/// Whether the acceptance of a finding ended since the baseline.
fn has_lapsed(old: &[&Finding], new: &Finding) -> bool {
    let mut same = (old.iter())
        .filter(|old| old.fingerprint == new.fingerprint)
        .peekable();
    !new.accepted() && same.peek().is_some() && same.all(|old| old.accepted())
}

impl Evaluation {
    /// Marks each finding as new or unchanged, and adds the findings of `old` that are gone.
    ///
    /// A finding about anonymous access is compared with those of the baseline at the same target, even if the
    /// rules differ: a server that opens less than before has nothing new. One whose acceptance ended is new.
    ///
    /// A finding is gone if this scan could have found it again, or has a worse one that contains it; otherwise it is
    /// neither repeated nor marked as gone. `old_snapshot` shows whether there is an outage.
    pub fn compare(&mut self, old: &[Finding], snapshot: &Snapshot, old_snapshot: &Snapshot) {
        self.outage = snapshot.outage_since(old_snapshot);
        let earlier = by_matter(old.iter());
        for finding in &mut self.findings {
            let known = earlier.get(&Matter::of(finding));
            let is_known =
                known.is_some_and(|known| cover(known, finding) && !has_lapsed(known, finding));
            finding.baseline = Some(if is_known {
                BaselineState::Unchanged
            } else {
                BaselineState::New
            });
        }
        let now = by_matter(self.findings.iter());
        let found_again = |finding: &Finding| {
            let mut found = now.get(&Matter::of(finding)).into_iter().flatten();
            found.any(|found| found.fingerprint == finding.fingerprint)
        };
        // A finding can be in the baseline twice: as it was found, and as it is carried from a scan that asked more.
        let mut absent: BTreeMap<Fingerprint, Option<&Finding>> = BTreeMap::new();
        for finding in old.iter().filter(|finding| !found_again(finding)) {
            let is_gone = !self.stays_open(finding, snapshot, &now);
            let known = absent.entry(finding.fingerprint).or_insert(Some(finding));
            *known = known.filter(|_| is_gone);
        }
        let absent: Vec<Finding> = (absent.into_values().flatten())
            .map(|finding| Finding {
                baseline: Some(BaselineState::Absent),
                acceptance: None,
                last_seen: None,
                ..finding.clone()
            })
            .collect();
        self.findings.extend(absent);
        self.sort();
    }

    /// Those of the findings of other scans that this one neither contains nor could have found.
    pub fn left_open<'a>(
        &self,
        findings: impl Iterator<Item = &'a Finding>,
        snapshot: &Snapshot,
    ) -> impl Iterator<Item = &'a Finding> {
        let now = self.standing_by_matter();
        findings.filter(move |finding| self.stays_open(finding, snapshot, &now))
    }

    /// The findings that are not gone.
    pub(super) fn standing(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| !finding.gone())
    }

    pub(super) fn standing_by_matter(&self) -> ByMatter<'_> {
        by_matter(self.standing())
    }

    /// Whether a finding of another scan stays open: this one neither could have found it, nor has one that contains it.
    pub(super) fn stays_open(
        &self,
        finding: &Finding,
        snapshot: &Snapshot,
        now: &ByMatter<'_>,
    ) -> bool {
        let mut found = now.get(&Matter::of(finding)).into_iter().flatten();
        !self.could_find(finding, snapshot)
            && !found.any(|found| contains(found, finding, snapshot))
    }

    /// Whether this scan would have found this finding of another scan again: its target got a verdict, each endpoint of
    /// it that is still there did, and `snapshot` shows that all was asked on which it rests, or that it no longer holds.
    fn could_find(&self, finding: &Finding, snapshot: &Snapshot) -> bool {
        self.with_verdict.contains(&finding.about)
            && !is_at_silent_address(finding, snapshot)
            && snapshot
                .not_asked(&finding.about, finding.open.iter())
                .is_empty()
            && (snapshot
                .not_asked(&finding.about, finding.rests_on.iter())
                .is_empty()
                && knows_enough(finding, snapshot)
                || is_disproven(finding, snapshot))
    }
}

/// Whether an address at which a finding was made is one about which nothing is known now.
pub(super) fn is_at_silent_address(finding: &Finding, snapshot: &Snapshot) -> bool {
    let mut addresses = (finding.sites.iter()).filter_map(|site| site.endpoint.address());
    addresses.any(|address| snapshot.is_silent_at(&finding.about, address))
}

/// Whether a finding of this scan says all that one of another scan says, as far as this scan did not ask it again.
fn contains(found: &Finding, old: &Finding, snapshot: &Snapshot) -> bool {
    let open = old.open.difference(&found.open);
    let rests_on = old.rests_on.difference(&found.rests_on);
    found.severity <= old.severity
        // What one address shows says nothing about another one.
        && !is_at_silent_address(old, snapshot)
        && snapshot.not_asked(&old.about, open).is_empty()
        // What a worse finding rests on is enough.
        && (found.fingerprint != old.fingerprint
            || snapshot.not_asked(&old.about, rests_on).is_empty())
}

/// Whether a scan learned what it needs, besides answers to paths, to find this again.
fn knows_enough(finding: &Finding, snapshot: &Snapshot) -> bool {
    let Some(shown) = snapshot.shown(&finding.about) else {
        return true;
    };
    // Where anonymous requests reach less than before, no comparison is needed.
    let is_less_open = finding.rule.anonymous_access
        && finding.verdict.is_some_and(|before| shown.verdict > before);
    let mut addresses = finding.sites.iter().map(|site| site.endpoint.address());
    is_less_open || addresses.all(|address| shown.has_learned(&finding.needs, address))
}

/// Whether a scan that asked less shows that a finding no longer holds.
fn is_disproven(finding: &Finding, snapshot: &Snapshot) -> bool {
    let Some(shown) = snapshot.shown(&finding.about) else {
        return false;
    };
    let is = |rule: &Rule| finding.rule == rule;
    let is_more_open = finding.verdict.is_some_and(|before| shown.verdict < before);
    if is(&posture::STRICTER) {
        shown.graded || is_more_open
    } else if is(&declared_access::STRICTER) {
        shown.has_compared(DeclaredFact::AnonymousRequests) || is_more_open
    } else if is(&declared_facts::OTHER_PRODUCT) {
        shown.has_compared(DeclaredFact::Product)
    } else {
        // Authentication accepted everybody, so that no single path made the difference.
        finding.rule.anonymous_access
            && finding.verdict == Some(Verdict::Forbidden)
            && (shown.verdict == Verdict::Rejected || shown.graded)
    }
}
