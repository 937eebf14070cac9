//! Counts with what they count.

use std::collections::BTreeMap;
use std::fmt::Display;

use crate::model::{Finding, Severity};
pub(in crate::report) use crate::wording::plural;

/// `3 exposed, 2 forbidden`: the counts above zero.
pub(in crate::report) fn counts<C: Display + Default + PartialEq, W: Display>(
    counts: impl IntoIterator<Item = (C, W)>,
) -> String {
    let present = counts
        .into_iter()
        .filter(|(count, _)| *count != C::default());
    let texts: Vec<String> = present
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    texts.join(", ")
}

/// `1 critical, 2 high`.
pub(in crate::report) fn counts_by_severity<'a>(
    findings: impl Iterator<Item = &'a Finding>,
) -> String {
    let mut by_severity: BTreeMap<Severity, usize> = BTreeMap::new();
    for finding in findings {
        *by_severity.entry(finding.severity).or_default() += 1;
    }
    counts(
        by_severity
            .into_iter()
            .map(|(severity, count)| (count, severity)),
    )
}
