//! The settings for findings: severities, and findings that somebody has accepted until some day.

use jiff::civil::Date;

use crate::model::{Acceptance, Pattern, Rule, Severity, TargetNames};

/// The settings for findings.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Severities that replace a rule's own.
    pub severities: Vec<(&'static Rule, Severity)>,
    /// Accepted findings.
    pub accept: Vec<Accept>,
}

/// Accepts the findings of a rule at some targets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accept {
    /// The rule.
    pub rule: &'static Rule,
    /// The targets.
    pub target: Pattern,
    /// Why it is accepted.
    pub reason: String,
    /// Whom to ask.
    pub owner: String,
    /// The last day on which it is accepted.
    pub expires: Date,
}

impl Policy {
    /// The acceptance of a finding. If several match, the one that expires last.
    pub(super) fn acceptance(
        &self,
        rule: &Rule,
        names: &TargetNames,
        today: Date,
    ) -> Option<Acceptance> {
        let matching = self
            .accept
            .iter()
            .filter(|entry| entry.rule.id == rule.id && entry.target.matches(names));
        let entry = matching.max_by_key(|entry| entry.expires)?;
        Some(Acceptance {
            reason: entry.reason.clone(),
            owner: entry.owner.clone(),
            expires: entry.expires,
            in_force: today <= entry.expires,
        })
    }

    /// The severity of a finding that its rule reports with `severity`. The settings never raise a finding that
    /// is less severe than its rule.
    pub(super) fn severity(&self, rule: &Rule, severity: Severity) -> Severity {
        let configured = self
            .severities
            .iter()
            .rev()
            .find(|(of, _)| of.id == rule.id);
        match configured {
            Some((_, configured)) if severity > rule.severity => severity.max(*configured),
            Some((_, configured)) => *configured,
            None => severity,
        }
    }
}
