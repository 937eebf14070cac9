//! The verdict is not the expected one.

use super::{Hit, ScanTime, requests};
use crate::advise::for_rule;
use crate::model::{Confidence, EndpointReport, Rule, Severity, SpecCoverage, Verdict};

pub(in crate::policy) static RULE: Rule = Rule {
    id: "expectation-unmet",
    title: "The verdict is not the expected one",
    meaning: "The target list or the settings expect another verdict (expect=). Either the cluster was changed, \
        or the expectation is out of date.",
    proof: "The verdict of this scan with its evidence, compared with the expectation.",
    advice: for_rule,
    severity: Severity::High,
    score: "7.0",
    cwe: None,
    controls: &[],
};

/// An endpoint whose verdict contradicts the expectation.
pub(in crate::policy) fn of_endpoint(report: &EndpointReport, _: ScanTime) -> Option<Hit> {
    let expected = report
        .target
        .expect
        .filter(|expected| report.verdict.contradicts(*expected))?;
    let answered = requests(report, |request| request.exchange.outcome.is_ok());
    Some(Hit::proven(
        format!(
            "expected {expected}, found {}: {}",
            report.verdict, report.reason
        ),
        answered,
    ))
}

/// A specification whose endpoints do not show the expected verdict.
pub(in crate::policy) fn of_specification(spec: &SpecCoverage) -> Option<Hit> {
    let expected = spec.expect.filter(|_| spec.met == Some(false))?;
    let found =
        found(spec).map_or_else(|| "not asked".to_owned(), |found| format!("found {found}"));
    let message = format!("expected {expected}, {found}");
    // Silence can have other reasons than the target, so the confidence is medium. If the target was not asked,
    // for example because the scan was stopped, nothing is known about it, so the severity is low.
    let severity = spec.seen.is_empty().then_some(Severity::Low);
    Some(Hit {
        severity,
        ..Hit::proven(message, Vec::new()).at_most(Confidence::Medium)
    })
}

/// The verdicts of its endpoints; `None` if it was not asked.
pub(super) fn found(spec: &SpecCoverage) -> Option<String> {
    let seen = super::listed(spec.seen.iter().map(|verdict| Verdict::as_str(*verdict)));
    (!seen.is_empty()).then_some(seen)
}
