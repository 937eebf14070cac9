//! Counts with what they count.

use std::collections::BTreeMap;

use crate::model::{Finding, Severity};
pub(in crate::report) use crate::wording::{counts, plural};

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
