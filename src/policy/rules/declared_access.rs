//! Anonymous requests reach less than the inventory declares, and no finding about anonymous access says so. What is more
//! open than declared is open, so that it always has such a finding.

use super::anonymous_access;
use super::hit::{DEFAULTS, Hit, ScanTime, answered, clear_paths};
use crate::model::{ComparisonResult, DeclaredFact, EndpointReport, Learned, Rule, Severity};

pub(in crate::policy) static STRICTER: Rule = Rule {
    id: "stricter-than-declared",
    title: "Less is open than the inventory declares",
    meaning: "The inventory declares how the cluster treats requests without credentials, and what answers is \
        stricter. Another cluster or a proxy may answer at this address, a change may not be rolled out yet, or the \
        inventory may be old. Where there is a finding about anonymous access, that finding says so, and this one \
        is not made.",
    proof: "The answers of this scan, compared with the setting that the inventory declares.",
    severity: Severity::Note,
    score: "0.0",
    ..DEFAULTS
};

pub(in crate::policy) fn stricter(report: &EndpointReport, _: ScanTime) -> Option<Hit> {
    let compared = report
        .compares(DeclaredFact::AnonymousRequests, ComparisonResult::Stricter)
        .filter(|_| !anonymous_access::is_found(report))?;
    let hit = Hit::proven(compared.sentence.as_str(), answered(report))
        .resting_on(clear_paths(report))
        .needing([Learned::Compared(DeclaredFact::AnonymousRequests)]);
    let remedy = report.remedy.as_ref();
    Some(hit.fixed_by(remedy.map(|remedy| remedy.remediation.clone())))
}
