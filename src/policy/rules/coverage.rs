//! What could not be told: never silently green.

use super::expectation::found;
use super::{Context, Hit, requests};
use crate::advise::for_rule;
use crate::model::{EndpointReport, Rule, Severity, SpecCoverage, Verdict, left_out};

pub(in crate::policy) static INCONCLUSIVE: Rule = Rule {
    id: "verdict-inconclusive",
    title: "It cannot be told what an anonymous caller may do",
    meaning: "Something answered, and its answers settle nothing: a front end's own pages, rate limiting, \
        contradictions, an answer that never came. The server behind it may be open.",
    proof: "The answers, each with why it proves nothing.",
    advice: for_rule,
    severity: Severity::Low,
    score: "2.0",
    cwe: None,
    controls: &[],
};

pub(in crate::policy) static NOT_FULLY_ASKED: Rule = Rule {
    id: "not-fully-asked",
    title: "Not everything that was to be asked was answered",
    meaning: "The verdict holds for the paths that were answered. Of the others, lists of resources among them, \
        nothing is known: that none was found open there is not a result.",
    proof: "The requests that came to no answer. What was not asked at all stands beside them in the report.",
    advice: for_rule,
    severity: Severity::Low,
    score: "2.0",
    cwe: None,
    controls: &[],
};

pub(in crate::policy) static NOT_COVERED: Rule = Rule {
    id: "target-not-covered",
    title: "A named target got no verdict",
    meaning: "Somebody wrote this target down, and no endpoint of it said what an anonymous caller may do. That \
        nothing was found here is not a result.",
    proof: "The outcomes of all its ports and addresses.",
    advice: for_rule,
    severity: Severity::Low,
    score: "2.0",
    cwe: None,
    controls: &[],
};

pub(in crate::policy) fn inconclusive(report: &EndpointReport, _: Context) -> Option<Hit> {
    let expected = report.target.expect == Some(Verdict::Inconclusive);
    if report.verdict != Verdict::Inconclusive || expected {
        return None;
    }
    Some(Hit::proven(
        format!("no verdict: {}", report.reason),
        requests(report, |_| true),
    ))
}

pub(in crate::policy) fn not_fully_asked(report: &EndpointReport, _: Context) -> Option<Hit> {
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
