//! The verdict is not the expected one.

use super::hit::{DEFAULTS, Hit, ScanTime, answered, listed};
use crate::model::{Confidence, EndpointReport, Rule, Severity, SpecCoverage, Verdict};

pub(in crate::policy) static RULE: Rule = Rule {
    id: "expectation-unmet",
    title: "The verdict is not the expected one",
    meaning: "The target list or the settings expect another verdict (expect=). Either the cluster was changed, \
        or the expectation is out of date.",
    proof: "The verdict of this scan with its evidence, compared with the expectation.",
    severity: Severity::High,
    score: "7.0",
    ..DEFAULTS
};

/// An endpoint whose verdict contradicts the expectation.
pub(in crate::policy) fn of_endpoint(report: &EndpointReport, _: ScanTime) -> Option<Hit> {
    let EndpointReport {
        verdict, reason, ..
    } = report;
    let contradicted = |expected: &Verdict| verdict.contradicts(*expected);
    let expected = report.target.expect.filter(contradicted)?;
    let message = format!("expected {expected}, found {verdict}: {reason}");
    Some(Hit::proven(message, answered(report)))
}

/// A specification whose endpoints do not show the expected verdict.
pub(in crate::policy) fn of_specification(spec: &SpecCoverage) -> Option<Hit> {
    let expected = spec.expect.filter(|_| spec.met == Some(false))?;
    let result =
        found(spec).map_or_else(|| "not asked".to_owned(), |found| format!("found {found}"));
    let message = format!("expected {expected}, {result}");
    // A target can be silent for other reasons than its configuration, so the confidence is medium. If the target
    // was not asked, for example because the scan was stopped, nothing is known about it, so the severity is low.
    let severity = spec.seen.is_empty().then_some(Severity::Low);
    let hit = Hit::proven(message, Vec::new()).at_most(Confidence::Medium);
    Some(hit.with_severity(severity))
}

/// The verdicts of its endpoints; `None` if it was not asked.
pub(super) fn found(spec: &SpecCoverage) -> Option<String> {
    let seen = listed(spec.seen.iter().map(|verdict| verdict.as_str()));
    (!seen.is_empty()).then_some(seen)
}
