//! Folds findings: those of one rule with one fix become one line.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::Hash;

use super::phrases;
use crate::model::{Finding, Rule, Severity};
use crate::natural_order::natural_order;

/// Findings of one rule with one fix, which people read as one; at least one finding. Their targets are in natural
/// order.
pub(super) struct Folded<'a> {
    findings: Vec<&'a Finding>,
}

impl<'a> Folded<'a> {
    /// One finding by itself.
    pub(super) fn one(finding: &'a Finding) -> Self {
        Self {
            findings: vec![finding],
        }
    }

    /// The first of the findings; what they have in common is read from it.
    pub(super) fn first(&self) -> &'a Finding {
        self.findings[0]
    }

    pub(super) fn rule(&self) -> &'static Rule {
        self.first().rule
    }

    pub(super) fn severity(&self) -> Severity {
        self.first().severity
    }

    /// All of them.
    pub(super) fn findings(&self) -> &[&'a Finding] {
        &self.findings
    }

    /// The finding, if it is the only one.
    pub(super) fn only(&self) -> Option<&'a Finding> {
        (self.findings.len() == 1).then(|| self.first())
    }

    /// The rule, and how many findings it has here: `anonymous-auth-enabled × 10`.
    pub(super) fn title(&self) -> String {
        match self.findings.len() {
            1 => self.rule().id.to_owned(),
            several => format!("{} × {several}", self.rule().id),
        }
    }

    /// The names of the targets.
    pub(super) fn names(&self) -> impl Iterator<Item = Cow<'a, str>> {
        (self.findings.iter()).map(|finding| phrases::listed_name(finding))
    }
}

/// Folds findings, the worst first, then in the order of their first finding.
pub(super) fn folded<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Vec<Folded<'a>> {
    folded_by(findings, |finding| &finding.remediation)
}

/// The same where only the summary of a fix is shown: fixes that differ in their steps look alike there.
pub(super) fn folded_by_summary<'a>(
    findings: impl IntoIterator<Item = &'a Finding>,
) -> Vec<Folded<'a>> {
    folded_by(findings, |finding| &finding.remediation.summary)
}

fn folded_by<'a, Fix: Eq + Hash + ?Sized + 'a>(
    findings: impl IntoIterator<Item = &'a Finding>,
    fix: impl Fn(&'a Finding) -> &'a Fix,
) -> Vec<Folded<'a>> {
    let in_common = |finding: &&'a Finding| {
        (
            finding.rule.id,
            finding.severity,
            fix(finding),
            finding.baseline,
            finding.acceptance.as_ref().map(phrases::acceptance_text),
        )
    };
    let groups = grouped(findings, in_common).into_iter();
    let mut folds: Vec<Folded<'a>> = groups.map(|findings| Folded { findings }).collect();
    folds.sort_by_key(Folded::severity);
    for fold in &mut folds {
        fold.findings
            .sort_by(|one, other| natural_order(phrases::name(one), phrases::name(other)));
    }
    folds
}

/// Each different fix once, with its folds, in the order of the worst fold.
pub(super) fn by_fix<'f, 'a>(folds: &'f [Folded<'a>]) -> Vec<Vec<&'f Folded<'a>>> {
    grouped(folds, |fold| &fold.first().remediation)
}

/// The same where only the summary of a fix is shown.
pub(super) fn by_fix_summary<'f, 'a>(folds: &'f [Folded<'a>]) -> Vec<Vec<&'f Folded<'a>>> {
    grouped(folds, |fold| &fold.first().remediation.summary)
}

/// The items with the same key together, in the order of the first item of each group.
fn grouped<T, K: Eq + Hash>(
    items: impl IntoIterator<Item = T>,
    key: impl Fn(&T) -> K,
) -> Vec<Vec<T>> {
    let mut groups: Vec<Vec<T>> = Vec::new();
    let mut numbers: HashMap<K, usize> = HashMap::new();
    for item in items {
        let number = *numbers.entry(key(&item)).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[number].push(item);
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::model::BaselineState;

    #[test]
    fn findings_of_one_rule_with_one_fix_are_one_line() {
        let sample = sample::estate(276);
        let folds = folded(&sample.findings);
        let count: usize = folds.iter().map(|fold| fold.findings().len()).sum();
        assert_eq!(count, sample.findings.len(), "none is lost");
        assert!(folds.len() < 12, "{}", folds.len());
        assert!(folds.iter().map(Folded::severity).is_sorted());
        let fold = folds
            .iter()
            .find(|fold| fold.title() == "anonymous-auth-enabled × 96")
            .unwrap();
        let names: Vec<Cow<'_, str>> = fold.names().collect();
        let place = |name: &str| names.iter().position(|known| *known == name);
        let (six, twenty_one) = (place("onprem-fra-6"), place("onprem-fra-21"));
        assert!(six.is_some() && six < twenty_one, "{names:?}");
    }

    #[test]
    fn another_fix_state_or_acceptance_is_another_line() {
        let sample = sample::mixed();
        let one = sample.findings[3].clone();
        let mut other_fix = one.clone();
        other_fix.remediation.summary = "Do another thing.".into();
        let mut new = one.clone();
        new.baseline = Some(BaselineState::New);
        let accepted = Finding {
            acceptance: sample.findings[5].acceptance.clone(),
            ..one.clone()
        };
        let all = [one.clone(), other_fix, new, accepted, one];
        let folds = folded(&all);
        assert_eq!(folds.len(), 4);
        assert_eq!(folds[0].title(), "anonymous-enabled × 2");
        assert_eq!(by_fix(&folds).len(), 2);
        let mut other_steps = all[0].clone();
        other_steps.remediation.breaks = Some("Other things.".into());
        assert_ne!(other_steps.remediation, all[0].remediation);
        let pair = [&all[0], &other_steps];
        assert_eq!(folded(pair).len(), 2);
        assert_eq!(folded_by_summary(pair).len(), 1);
    }
}
