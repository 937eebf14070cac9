//! This scan's findings against an earlier one's.

use std::collections::{HashMap, HashSet};

use super::Judged;
use crate::model::{BaselineState, Finding, Fingerprint, Severity};

impl Judged {
    /// Says of each finding whether `old` had it and made as much of it, and adds those of `old` that are gone.
    ///
    /// Gone is only what could have been found again: a target that gave no verdict this time
    /// proves nothing, and its old findings are neither repeated nor called absent.
    pub fn compare(&mut self, old: Self) {
        let known: HashMap<Fingerprint, Severity> =
            old.findings.iter().map(|finding| (finding.fingerprint, finding.severity)).collect();
        for finding in &mut self.findings {
            // What matters more than it did is news: stricter than documented then, more open now.
            let as_before = known.get(&finding.fingerprint).is_some_and(|was| *was <= finding.severity);
            finding.baseline = Some(if as_before { BaselineState::Unchanged } else { BaselineState::New });
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
