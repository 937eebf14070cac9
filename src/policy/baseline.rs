//! Compares the findings of two scans.

use std::collections::{HashMap, HashSet};

use super::changes::Snapshot;
use super::evaluator::Evaluation;
use crate::model::{BaselineState, Finding, Fingerprint, Identity};

/// Whether a finding is no worse than that of the baseline: it is no more severe, opens no further path, and contradicts
/// no expectation that was met.
fn covers(old: &Finding, new: &Finding) -> bool {
    old.severity <= new.severity
        && new.open.is_subset(&old.open)
        && (new.expected.is_none() || old.expected.is_some())
}

impl Evaluation {
    /// Marks each finding as new or unchanged, and adds the findings of `old` that are gone.
    ///
    /// A finding about anonymous access is compared with that of the baseline at the same target, even if the
    /// rules differ: a server that opens less than before has nothing new. A finding is gone only if this scan
    /// could have found it again; otherwise it is neither repeated nor marked as gone. `old_snapshot`
    /// shows whether there is an outage.
    pub fn compare(&mut self, old: &[Finding], snapshot: &Snapshot, old_snapshot: &Snapshot) {
        self.outage = snapshot.outage_since(old_snapshot);
        let old_findings: HashMap<Fingerprint, &Finding> = (old.iter())
            .map(|finding| (finding.fingerprint, finding))
            .collect();
        let mut old_access: HashMap<&Identity, Vec<&Finding>> = HashMap::new();
        for finding in old {
            if finding.rule.anonymous_access {
                old_access.entry(&finding.about).or_default().push(finding);
            }
        }
        for finding in &mut self.findings {
            let same = old_findings.get(&finding.fingerprint).copied();
            let access = old_access
                .get(&finding.about)
                .filter(|_| finding.rule.anonymous_access);
            let mut earlier = same
                .into_iter()
                .chain(access.into_iter().flatten().copied());
            finding.baseline = Some(if earlier.any(|old| covers(old, finding)) {
                BaselineState::Unchanged
            } else {
                BaselineState::New
            });
        }
        let now: HashSet<Fingerprint> = (self.findings.iter())
            .map(|finding| finding.fingerprint)
            .collect();
        let absent: Vec<Finding> = (old.iter())
            .filter(|finding| !now.contains(&finding.fingerprint))
            .filter(|finding| self.could_find(finding, snapshot))
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

    /// Those of the findings of other scans that this one neither has nor could have found.
    pub fn left_open<'a>(
        &self,
        findings: impl Iterator<Item = &'a Finding>,
        snapshot: &Snapshot,
    ) -> impl Iterator<Item = &'a Finding> {
        let found: HashSet<Fingerprint> = (self.findings.iter())
            .filter(|finding| !finding.gone())
            .map(|finding| finding.fingerprint)
            .collect();
        findings
            .filter(move |finding| !found.contains(&finding.fingerprint))
            .filter(|finding| !self.could_find(finding, snapshot))
    }

    /// Whether this scan would have found this finding of another scan again: its target got a verdict, each endpoint of
    /// it that is still there did, and `snapshot` shows that its paths were asked.
    pub(super) fn could_find(&self, finding: &Finding, snapshot: &Snapshot) -> bool {
        self.with_verdict.contains(&finding.about)
            && snapshot.asked_all(&finding.about, &finding.open)
            && !(finding.sites.iter())
                .filter_map(|site| site.endpoint.address())
                .any(|address| snapshot.has_no_verdict_at(&finding.about, address))
    }
}
