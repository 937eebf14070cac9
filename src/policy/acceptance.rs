//! Findings that somebody knows and has reasons for, until a day.

use jiff::civil::Date;

use crate::model::{Acceptance, Pattern, Rule, TargetNames};

/// One entry: this rule, at these targets, until this day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accept {
    /// Which rule.
    pub rule: &'static Rule,
    /// At which targets.
    pub target: Pattern,
    /// Why it may stay.
    pub reason: String,
    /// Whom to ask.
    pub owner: String,
    /// The last day on which it holds.
    pub expires: Date,
}

/// The acceptance of a finding on a day: one in force before one that has lapsed.
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
