//! Targets and requests without a result: a scan that saw nothing must not look like a good result.

use super::expectation::found;
use super::{Hit, ScanTime, requests};
use crate::advise::for_rule;
use crate::model::{EndpointReport, Rule, Severity, SpecCoverage, Verdict, left_out};

pub(in crate::policy) static INCONCLUSIVE: Rule = Rule {
    id: "verdict-inconclusive",
    title: "The scan cannot tell what an anonymous caller may do",
    meaning: "Something answered, but the answers prove nothing: a front end's own pages, rate limiting, \
        contradictions, or a missing answer. The server behind it may be open.",
    proof: "The answers, each with the reason why it proves nothing.",
    advice: for_rule,
    severity: Severity::Low,
    score: "2.0",
    cwe: None,
    controls: &[],
};

pub(in crate::policy) static NOT_FULLY_ASKED: Rule = Rule {
    id: "not-fully-asked",
    title: "Not every request was answered",
    meaning: "The verdict holds for the paths that were answered. Nothing is known about the others, which may \
        include lists of resources. The report does not show that they are closed.",
    proof: "The requests without an answer. The report also lists the requests that were not made.",
    advice: for_rule,
    severity: Severity::Low,
    score: "2.0",
    cwe: None,
    controls: &[],
};

pub(in crate::policy) static NOT_COVERED: Rule = Rule {
    id: "target-not-covered",
    title: "A named target got no verdict",
    meaning: "This target was named, but none of its endpoints showed what an anonymous caller may do. The \
        report does not show that it is closed.",
    proof: "The results of all its ports and addresses.",
    advice: for_rule,
    severity: Severity::Low,
    score: "2.0",
    cwe: None,
    controls: &[],
};

pub(in crate::policy) fn inconclusive(report: &EndpointReport, _: ScanTime) -> Option<Hit> {
    let expected = report.target.expect == Some(Verdict::Inconclusive);
    if report.verdict != Verdict::Inconclusive || expected {
        return None;
    }
    Some(Hit::proven(
        format!("no verdict: {}", report.reason),
        requests(report, |_| true),
    ))
}

pub(in crate::policy) fn not_fully_asked(report: &EndpointReport, _: ScanTime) -> Option<Hit> {
    let said =
        left_out(&report.requests, &report.not_asked).filter(|_| report.verdict.is_conclusive())?;
    let without = requests(report, |request| !request.access.is_clear());
    Some(Hit::proven(said, without))
}

pub(in crate::policy) fn not_covered(spec: &SpecCoverage) -> Option<Hit> {
    let mut said = found(spec).map_or_else(
        || "not asked".to_owned(),
        |found| format!("no verdict, only {found}"),
    );
    if let Some(unasked) = spec.unasked_said() {
        said = if spec.seen.is_empty() {
            format!("{said}: {unasked}")
        } else {
            format!("{said}; not asked: {unasked}")
        };
    }
    spec.is_missing().then(|| Hit::proven(said, Vec::new()))
}
