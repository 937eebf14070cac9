//! Findings that somebody has accepted until some day.

use jiff::civil::Date;

use crate::model::{Acceptance, Pattern, Rule, TargetNames};

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
    /// The last day on which it holds.
    pub expires: Date,
}

/// The acceptance of a finding. If several match, the one that expires last.
pub(super) fn of(
    entries: &[Accept],
    rule: &Rule,
    names: &TargetNames,
    today: Date,
) -> Option<Acceptance> {
    let matching = entries
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
