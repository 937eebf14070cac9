//! The verdict is not the expected one, and no finding about anonymous access says so.

use std::collections::BTreeSet;

use super::anonymous_access;
use super::hit::{DEFAULTS, Hit, ScanTime, answered, contradicted, listed};
use crate::model::{Confidence, EndpointReport, FailureKind, Rule, Severity, SpecCoverage};

pub(in crate::policy) static RULE: Rule = Rule {
    id: "expectation-unmet",
    title: "The verdict is not the expected one",
    meaning: "The target list or the settings expect another verdict (expect=). Either the cluster was changed, \
        or the expectation is out of date. Where there is a finding about anonymous access, that finding says so, and \
        this one is not made.",
    proof: "The verdict of this scan with its evidence, compared with the expectation.",
    severity: Severity::High,
    score: "7.0",
    ..DEFAULTS
};

pub(in crate::policy) static NOT_CHECKED: Rule = Rule {
    id: "expectation-not-checked",
    title: "The expected verdict was not checked",
    meaning: "The target list or the settings expect a verdict (expect=), and the target was not asked, because the \
        scan was stopped or nothing could be asked. Nothing is known about it.",
    proof: "No endpoint of the target was asked.",
    severity: Severity::Low,
    score: "2.0",
    about_coverage: true,
    ..DEFAULTS
};

/// An endpoint whose verdict contradicts the expectation.
pub(in crate::policy) fn of_endpoint(report: &EndpointReport, _: ScanTime) -> Option<Hit> {
    let expected = contradicted(report).filter(|_| !anonymous_access::is_found(report))?;
    let EndpointReport {
        verdict, reason, ..
    } = report;
    let message = format!("expected {expected}, found {verdict}: {reason}");
    Some(Hit {
        expected: Some(expected),
        ..Hit::proven(message, answered(report))
    })
}

/// A specification whose endpoints do not show the expected verdict.
pub(in crate::policy) fn of_specification(
    spec: &SpecCoverage,
    _: &BTreeSet<FailureKind>,
) -> Option<Hit> {
    let found = found(spec)?;
    unmet(spec, &format!("found {found}"))
}

/// A specification that was not asked.
pub(in crate::policy) fn not_checked(
    spec: &SpecCoverage,
    _: &BTreeSet<FailureKind>,
) -> Option<Hit> {
    unmet(spec, "not asked").filter(|_| spec.seen.is_empty())
}

/// The confidence is medium: a target can be silent for other reasons than its configuration.
fn unmet(spec: &SpecCoverage, result: &str) -> Option<Hit> {
    let expected = spec.expect.filter(|_| spec.met == Some(false))?;
    let hit = Hit::proven(format!("expected {expected}, {result}"), Vec::new());
    Some(Hit {
        expected: Some(expected),
        ..hit.at_most(Confidence::Medium)
    })
}

/// The verdicts of its endpoints; `None` if it was not asked.
pub(super) fn found(spec: &SpecCoverage) -> Option<String> {
    let seen = listed(spec.seen.iter().map(|verdict| verdict.as_str()));
    (!seen.is_empty()).then_some(seen)
}
