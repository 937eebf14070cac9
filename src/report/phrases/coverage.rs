//! Coverage: what was not attempted, and the results of specifications.

use std::collections::BTreeMap;
use std::time::Duration;

use super::counts::counts;
use crate::model::{Coverage, FailureKind, SpecCoverage, Verdict};

/// `16 not attempted (16 proxy failure)`. Without reasons if the scan was stopped before it reached them.
pub(in crate::report) fn not_attempted(coverage: &Coverage) -> String {
    let mut text = format!("{} not attempted", coverage.not_attempted);
    let kinds = counts_by_kind(&coverage.own_side_failures);
    if !kinds.is_empty() {
        text = format!("{text} ({kinds})");
    }
    text
}

/// `440 refused, 6 timed out`.
pub(in crate::report) fn counts_by_kind(by_kind: &BTreeMap<FailureKind, u64>) -> String {
    counts(by_kind.iter().map(|(kind, count)| (*count, kind.phrase())))
}

/// `seen inconclusive, unreachable; not asked: …`.
pub(in crate::report) fn specification_result(spec: &SpecCoverage) -> String {
    let seen = verdict_names(&spec.seen);
    match (seen.is_empty(), spec.left_out_text()) {
        (true, None) => "not asked".to_owned(),
        (true, Some(unasked)) => format!("not asked: {unasked}"),
        (false, None) => format!("seen {seen}"),
        (false, Some(unasked)) => format!("seen {seen}; not asked: {unasked}"),
    }
}

/// `inconclusive, unreachable`.
pub(in crate::report) fn verdict_names(verdicts: &[Verdict]) -> String {
    let names: Vec<&str> = verdicts.iter().map(|verdict| verdict.as_str()).collect();
    names.join(", ")
}

/// `4.2 s`, `3 min 12 s`.
pub(in crate::report) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds}.{} s", duration.subsec_millis() / 100),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_readable_unit() {
        for (ms, text) in [
            (4_249, "4.2 s"),
            (59_999, "59.9 s"),
            (192_000, "3 min 12 s"),
            (7_560_000, "2 h 6 min"),
        ] {
            assert_eq!(duration(Duration::from_millis(ms)), text);
        }
    }
}
