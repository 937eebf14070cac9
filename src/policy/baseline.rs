//! This scan's findings against an earlier one's.

use std::collections::HashSet;

use super::Judged;
use crate::model::{BaselineState, Finding, Fingerprint};

impl Judged {
    /// Says of each finding whether `old` had it, and adds those of `old` that are gone.
    ///
    /// Gone is only what could have been found again: a target that gave no verdict this time
    /// proves nothing, and its old findings are neither repeated nor called absent.
    pub fn compare(&mut self, old: Self) {
        let known: HashSet<Fingerprint> = old.findings.iter().map(|finding| finding.fingerprint).collect();
        for finding in &mut self.findings {
            let state = if known.contains(&finding.fingerprint) {
                BaselineState::Unchanged
            } else {
                BaselineState::New
            };
            finding.baseline = Some(state);
        }
        let now: HashSet<Fingerprint> = self.findings.iter().map(|finding| finding.fingerprint).collect();
        let absent = (old.findings.into_iter())
            .filter(|finding| !now.contains(&finding.fingerprint))
            .filter(|finding| self.settled.contains(&finding.about))
            .map(|finding| Finding { baseline: Some(BaselineState::Absent), acceptance: None, ..finding });
        self.findings.extend(absent);
        self.findings.sort_by(|one, other| one.order_key().cmp(&other.order_key()));
    }
}
