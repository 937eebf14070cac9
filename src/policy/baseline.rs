//! Compares the findings of two scans.

use std::collections::{HashMap, HashSet};

use super::changes::Snapshot;
use super::evaluator::Evaluation;
use crate::model::{BaselineState, Finding, Fingerprint};

impl Evaluation {
    /// Marks each finding as new or unchanged, and adds the findings of `old` that are gone.
    ///
    /// A finding is gone only if this scan could have found it again. If its target got no verdict, or if
    /// `snapshot` shows that its paths were not asked, it is neither repeated nor marked as gone.
    pub fn compare(&mut self, old: Self, snapshot: &Snapshot) {
        let old_findings: HashMap<Fingerprint, &Finding> = (old.findings.iter())
            .map(|finding| (finding.fingerprint, finding))
            .collect();
        for finding in &mut self.findings {
            // A finding that got more severe, or that opens further paths, is new.
            let unchanged = old_findings.get(&finding.fingerprint).is_some_and(|old| {
                old.severity <= finding.severity && finding.open.is_subset(&old.open)
            });
            finding.baseline = Some(if unchanged {
                BaselineState::Unchanged
            } else {
                BaselineState::New
            });
        }
        let now: HashSet<Fingerprint> = (self.findings.iter())
            .map(|finding| finding.fingerprint)
            .collect();
        let absent = (old.findings.into_iter())
            .filter(|finding| !now.contains(&finding.fingerprint))
            .filter(|finding| self.with_verdict.contains(&finding.about))
            .filter(|finding| snapshot.asked_all(&finding.about, &finding.open))
            .map(|finding| Finding {
                baseline: Some(BaselineState::Absent),
                acceptance: None,
                ..finding
            });
        self.findings.extend(absent);
        self.sort();
    }
}
