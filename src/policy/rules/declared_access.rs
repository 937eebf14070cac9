//! Anonymous requests reach more or less than the inventory declares, and no finding about anonymous access says so.

use super::anonymous_access;
use super::hit::{DEFAULTS, Hit, ScanTime, answered};
use crate::model::{ComparisonResult, DeclaredFact, EndpointReport, Rule, Severity};
use crate::policy::controls;

pub(in crate::policy) static MORE_OPEN: Rule = Rule {
    id: "more-open-than-declared",
    title: "More is open than the inventory declares",
    meaning: "The inventory declares how the cluster treats requests without credentials, and what answers is more \
        open. Another cluster or a proxy may answer at this address, a change may not be rolled out yet, or the \
        control plane may have another version. Where there is a finding about anonymous access, that finding says \
        so, and this one is not made.",
    proof: "The answers of this scan, compared with the setting that the inventory declares.",
    severity: Severity::High,
    score: "7.3",
    cwe: Some(1188),
    controls: &[
        controls::CIS_RESTRICTED,
        controls::OWASP_2022_MISCONFIGURED,
        controls::OWASP_2025_MISCONFIGURED,
    ],
    ..DEFAULTS
};

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

pub(in crate::policy) fn more_open(report: &EndpointReport, _: ScanTime) -> Option<Hit> {
    found(report, ComparisonResult::MoreOpen)
}

pub(in crate::policy) fn stricter(report: &EndpointReport, _: ScanTime) -> Option<Hit> {
    found(report, ComparisonResult::Stricter)
}

fn found(report: &EndpointReport, result: ComparisonResult) -> Option<Hit> {
    let compared = report
        .compares(DeclaredFact::AnonymousRequests, result)
        .filter(|_| !anonymous_access::is_found(report))?;
    let hit = Hit::proven(compared.sentence.as_str(), answered(report));
    let remedy = report.remedy.as_ref();
    Some(hit.fixed_by(remedy.map(|remedy| remedy.remediation.clone())))
}
