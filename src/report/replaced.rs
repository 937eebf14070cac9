//! Findings that are gone because a worse one takes their place: they are not fixed.

use std::collections::HashMap;

use crate::model::{Finding, Identity, Rule};

/// What takes the place of findings that are gone. At one target, the finding about anonymous access says everything
/// that is open.
pub(super) struct Replaced<'a> {
    /// The findings about anonymous access that are new, worse, or stand, found again or carried.
    access: HashMap<&'a Identity, Vec<&'a Finding>>,
}

impl<'a> Replaced<'a> {
    /// What takes their place among the findings of a scan, and those that it carries.
    pub(super) fn among(findings: &'a [Finding], carried: &'a [Finding]) -> Self {
        let mut access: HashMap<&Identity, Vec<&Finding>> = HashMap::new();
        let standing = findings.iter().filter(|finding| !finding.gone());
        for finding in standing.chain(carried) {
            if finding.rule.anonymous_access {
                access.entry(&finding.about).or_default().push(finding);
            }
        }
        Self { access }
    }

    /// The rule of the finding that takes the place of this one, if it is gone: one that is at least as severe, or that
    /// is new and so says itself what changed. It must have all that was open in the one that is gone: that was asked again,
    /// so the rest is closed.
    pub(super) fn by(&self, gone: &Finding) -> Option<&'static Rule> {
        let is_access = gone.gone() && gone.rule.anonymous_access;
        let others = self.access.get(&gone.about).filter(|_| is_access)?;
        let mut worse = others
            .iter()
            .filter(|other| other.severity <= gone.severity || other.is_new())
            .filter(|other| other.open.is_superset(&gone.open));
        worse.next().map(|other| other.rule)
    }
}
