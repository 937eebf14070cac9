//! What the user said would come out, and did not.

use super::{Context, Hit, requests};
use crate::advise::for_rule;
use crate::model::{Confidence, EndpointReport, Rule, Severity, SpecCoverage, Verdict};

pub(in crate::policy) static RULE: Rule = Rule {
    id: "expectation-unmet",
    title: "The verdict is not the expected one",
    meaning: "The target list or the settings say what must come out here (expect=), and something else did: \
        the cluster was changed, or the expectation is out of date.",
    proof: "The verdict of this scan, with its evidence, against the expectation as written.",
    advice: for_rule,
    severity: Severity::High,
    score: "7.0",
    cwe: None,
    controls: &[],
};

/// An endpoint whose verdict contradicts.
pub(in crate::policy) fn of_endpoint(report: &EndpointReport, _: Context) -> Option<Hit> {
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

/// A specification none of whose endpoints shows what is expected.
pub(in crate::policy) fn of_specification(spec: &SpecCoverage) -> Option<Hit> {
    let expected = spec.expect.filter(|_| spec.met == Some(false))?;
    let found =
        found(spec).map_or_else(|| "not asked".to_owned(), |found| format!("found {found}"));
    let message = format!("expected {expected}, {found}");
    // A verdict is what it is; silence may have other reasons than the target. Of what was not asked,
    // as in a scan that was stopped, nothing is known: it is not met, and no news about the target.
    let severity = spec.seen.is_empty().then_some(Severity::Low);
    Some(Hit {
        severity,
        ..Hit::proven(message, Vec::new()).sure(Confidence::Medium)
    })
}

/// The verdicts seen, in words; `None` where it was not asked.
pub(super) fn found(spec: &SpecCoverage) -> Option<String> {
    let seen = super::listed(spec.seen.iter().map(|verdict| Verdict::as_str(*verdict)));
    (!seen.is_empty()).then_some(seen)
}
