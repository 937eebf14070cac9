//! The settings for findings: severities, and findings that somebody has accepted until some day.

use std::fmt;

use jiff::civil::Date;

use crate::model::{Acceptance, Pattern, Rule, Severity, TargetNames, UnusedAcceptance};

/// The settings for findings.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Severities that replace a rule's own.
    pub severities: Vec<(&'static Rule, Severity)>,
    /// Accepted findings.
    pub accept: Vec<Accept>,
}

/// Accepts findings at some targets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accept {
    /// The rules.
    pub rules: AcceptedRules,
    /// The most severe findings that it covers. `None` means the severity that each named rule has by default, so that
    /// a rule that the settings make more severe is accepted only by an entry that says so.
    pub at_most: Option<Severity>,
    /// The targets.
    pub target: Pattern,
    /// Why it is accepted.
    pub reason: String,
    /// Whom to ask.
    pub owner: String,
    /// The last day on which it is accepted.
    pub expires: Date,
    /// Where it is written: `kubeknock.toml:12:1`.
    pub place: String,
}

/// The rules whose findings are accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AcceptedRules {
    /// These.
    Named(Vec<&'static Rule>),
    /// All; then a severity limits what is accepted.
    All,
}

impl fmt::Display for AcceptedRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(rules) => {
                let ids: Vec<&str> = rules.iter().map(|rule| rule.id).collect();
                f.write_str(&ids.join(", "))
            }
            Self::All => f.write_str("*"),
        }
    }
}

impl Accept {
    fn matches(&self, rule: &Rule, severity: Severity, names: &TargetNames) -> bool {
        let of_rule = match &self.rules {
            AcceptedRules::Named(rules) => rules.iter().any(|named| named.id == rule.id),
            AcceptedRules::All => true,
        };
        // Severities are ordered worst first.
        let is_covered = severity >= self.at_most.unwrap_or(rule.severity);
        of_rule && is_covered && self.target.matches(names)
    }

    /// The report of an acceptance that matches no finding.
    pub(super) fn unused(&self) -> UnusedAcceptance {
        UnusedAcceptance {
            place: self.place.clone(),
            rule: self.rules.to_string(),
            target: self.target.to_string(),
        }
    }
}

impl Policy {
    /// The indexes of the acceptances that match a finding of this severity.
    pub(super) fn matching(
        &self,
        rule: &Rule,
        severity: Severity,
        names: &TargetNames,
    ) -> Vec<usize> {
        let entries = self.accept.iter().enumerate();
        entries
            .filter(|(_, entry)| entry.matches(rule, severity, names))
            .map(|(index, _)| index)
            .collect()
    }

    /// The acceptance of a finding that these acceptances match: the one that expires last.
    pub(super) fn acceptance(&self, matching: &[usize], today: Date) -> Option<Acceptance> {
        let matching = matching.iter().filter_map(|index| self.accept.get(*index));
        let entry = matching.max_by_key(|entry| entry.expires)?;
        Some(Acceptance {
            reason: entry.reason.clone(),
            owner: entry.owner.clone(),
            expires: entry.expires,
            in_force: today <= entry.expires,
        })
    }

    /// The severity of a rule's findings.
    pub(super) fn severity(&self, rule: &Rule) -> Severity {
        let configured = self
            .severities
            .iter()
            .rev()
            .find(|(of, _)| of.id == rule.id);
        configured.map_or(rule.severity, |(_, configured)| *configured)
    }
}
