//! Targets and requests without a result: a scan that saw nothing must not look like a good result.

use std::collections::BTreeSet;

use super::expectation::found;
use super::hit::{DEFAULTS, Hit, ScanTime, requests};
use crate::advise::for_missing;
use crate::model::{
    EndpointReport, FailureKind, Rule, Severity, SpecCoverage, Verdict, unanswered_paths,
    unanswered_text,
};

pub(in crate::policy) static INCONCLUSIVE: Rule = Rule {
    id: "verdict-inconclusive",
    title: "The scan cannot tell what an anonymous caller may do",
    meaning: "Something answered, but the answers prove nothing: a front end's own pages, rate limiting, \
        contradictions, or a missing answer. The server behind it may be open.",
    proof: "The answers, each with the reason why it proves nothing.",
    severity: Severity::Low,
    score: "2.0",
    about_coverage: true,
    ..DEFAULTS
};

pub(in crate::policy) static NOT_FULLY_ASKED: Rule = Rule {
    id: "not-fully-asked",
    title: "Not every request was answered",
    meaning: "The verdict holds for the paths that were answered. Nothing is known about the others, which may \
        include lists of resources. The report does not show that they are closed.",
    proof: "The requests without an answer. The report also lists the requests that were not made.",
    severity: Severity::Low,
    score: "2.0",
    about_coverage: true,
    ..DEFAULTS
};

pub(in crate::policy) static NOT_COVERED: Rule = Rule {
    id: "target-not-covered",
    title: "A named target got no verdict",
    meaning: "The list names this target by itself, not as part of a CIDR or range, but none of its endpoints \
        showed what an anonymous caller may do. The report does not show that it is closed. Where the target has an \
        expectation (expect=), expectation-unmet or expectation-not-checked says so, and this finding is not made.",
    proof: "The results of all its ports and addresses.",
    severity: Severity::Low,
    score: "2.0",
    about_coverage: true,
    ..DEFAULTS
};

pub(in crate::policy) fn inconclusive(report: &EndpointReport, _: ScanTime) -> Option<Hit> {
    let is_expected = report.target.expect == Some(Verdict::Inconclusive);
    let is_hit = report.verdict == Verdict::Inconclusive && !is_expected;
    is_hit.then(|| {
        let message = format!("no verdict: {}", report.reason);
        Hit::proven(message, requests(report, |_| true))
    })
}

pub(in crate::policy) fn not_fully_asked(report: &EndpointReport, _: ScanTime) -> Option<Hit> {
    let missing = unanswered_text(&report.requests, &report.not_asked)
        .filter(|_| report.verdict.is_conclusive())?;
    let unclear = requests(report, |request| !request.access.is_clear());
    let paths = unanswered_paths(&report.requests, &report.not_asked);
    Some(Hit::proven(missing, unclear).resting_on(paths))
}

pub(in crate::policy) fn not_covered(
    spec: &SpecCoverage,
    failures: &BTreeSet<FailureKind>,
) -> Option<Hit> {
    let reason = spec.missing_reason()?;
    let message = match (found(spec), spec.left_out_text()) {
        (None, None) => "not asked".to_owned(),
        (None, Some(unasked)) => format!("not asked: {unasked}"),
        (Some(found), None) => format!("no verdict, only {found}"),
        (Some(found), Some(unasked)) => format!("no verdict, only {found}; not asked: {unasked}"),
    };
    let remediation = for_missing(reason, failures);
    Some(Hit::proven(message, Vec::new()).fixed_by(Some(remediation)))
}
