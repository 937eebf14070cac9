//! This scan's findings against an earlier one's.

use std::collections::{HashMap, HashSet};

use super::{Judged, Snapshot};
use crate::model::{BaselineState, Finding, Fingerprint};

impl Judged {
    /// Says of each finding whether `old` had it and made as much of it, and adds those of `old` that are gone.
    ///
    /// Gone is only what could have been found again: a target that gave no verdict this time
    /// proves nothing, nor do paths that `asked` did not ask of it; such old findings are neither
    /// repeated nor called absent.
    pub fn compare(&mut self, old: Self, asked: &Snapshot) {
        let known: HashMap<Fingerprint, &Finding> = old
            .findings
            .iter()
            .map(|finding| (finding.fingerprint, finding))
            .collect();
        for finding in &mut self.findings {
            // What matters more than it did is news: stricter than documented then and more open
            // now, or nodes listed then and secrets now.
            let as_before = known.get(&finding.fingerprint).is_some_and(|was| {
                was.severity <= finding.severity && finding.open.is_subset(&was.open)
            });
            finding.baseline = Some(if as_before {
                BaselineState::Unchanged
            } else {
                BaselineState::New
            });
        }
        let now: HashSet<Fingerprint> = self
            .findings
            .iter()
            .map(|finding| finding.fingerprint)
            .collect();
        let absent = (old.findings.into_iter())
            .filter(|finding| !now.contains(&finding.fingerprint))
            .filter(|finding| self.settled.contains(&finding.about))
            .filter(|finding| asked.asked(&finding.about, &finding.open))
            .map(|finding| Finding {
                baseline: Some(BaselineState::Absent),
                acceptance: None,
                ..finding
            });
        self.findings.extend(absent);
        self.findings
            .sort_by(|one, other| one.order_key().cmp(&other.order_key()));
    }
}
