//! The posture differs from what the product documents, and no finding about anonymous access says so.

use super::anonymous_access;
use super::hit::{DEFAULTS, Hit, ScanTime, answered, clear_paths, posture_confidence};
use crate::model::{EndpointReport, Learned, PostureStatus, Rule, Severity};
use crate::policy::controls;

pub(in crate::policy) static MORE_OPEN: Rule = Rule {
    id: "more-open-than-documented",
    title: "More is open than the product documents",
    meaning: "Distributions and managed services document how their API servers answer requests without \
        credentials. This one is more open: a setting was changed, an upgrade kept an old one, or a binding was \
        added. Where there is a finding about anonymous access, that finding says so, and this one is not made.",
    proof: "The verdict of this scan, compared with the expected posture of the identified product and version. \
        If the product, the version or the expectation is unknown, there is no finding.",
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
    id: "stricter-than-documented",
    title: "Less is open than the product documents",
    meaning: "Distributions and managed services document how their API servers answer requests without \
        credentials. This one is stricter: somebody closed it, or a front end does. Where there is a finding about \
        anonymous access, that finding says so, and this one is not made.",
    proof: "The verdict of this scan, compared with the expected posture of the identified product and version. \
        If the product, the version or the expectation is unknown, there is no finding.",
    severity: Severity::Note,
    score: "0.0",
    ..DEFAULTS
};

pub(in crate::policy) fn more_open(report: &EndpointReport, _: ScanTime) -> Option<Hit> {
    status(report, PostureStatus::MoreOpen)
}

pub(in crate::policy) fn stricter(report: &EndpointReport, _: ScanTime) -> Option<Hit> {
    status(report, PostureStatus::Stricter)
}

fn status(report: &EndpointReport, status: PostureStatus) -> Option<Hit> {
    let posture = report.posture.as_ref()?;
    if posture.status != status || anonymous_access::is_found(report) {
        return None;
    }
    let hit = Hit::proven(posture.sentence.as_str(), answered(report))
        .resting_on(clear_paths(report))
        .needing([Learned::Product])
        .at_most(posture_confidence(report));
    let remedy = report.remedy.as_ref();
    Some(hit.fixed_by(remedy.map(|remedy| remedy.remediation.clone())))
}
