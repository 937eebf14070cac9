//! The posture differs from what the product documents.

use super::hit::{DEFAULTS, Hit, ScanTime, answered};
use crate::model::{Confidence, EndpointReport, PostureStatus, Provenance, Rule, Severity};
use crate::policy::controls;

pub(in crate::policy) static RULE: Rule = Rule {
    id: "posture-deviation",
    title: "The posture is not what the product documents",
    meaning: "Distributions and managed services document how their API servers answer requests without \
        credentials. This one is more open: a setting was changed, an upgrade kept an old one, or a binding was \
        added. If it is less open, the finding is a note.",
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

pub(in crate::policy) fn check(report: &EndpointReport, _: ScanTime) -> Option<Hit> {
    let posture = report.posture.as_ref()?;
    let severity = match posture.standing {
        PostureStatus::MoreOpen => None,
        PostureStatus::Stricter => Some(Severity::Note),
        PostureStatus::Either | PostureStatus::AsDocumented | PostureStatus::Unknown => {
            return None;
        }
    };
    let documented = match posture.known {
        Provenance::Documented => Confidence::High,
        Provenance::Observed => Confidence::Medium,
        Provenance::Inferred | Provenance::Unknown => Confidence::Low,
    };
    // The finding is no more certain than the identification of the product.
    let product = report
        .identification
        .as_ref()
        .and_then(|identification| identification.attribution.confidence);
    let hit = Hit::proven(posture.sentence.as_str(), answered(report))
        .at_most(documented.min(product.unwrap_or(Confidence::Low)));
    Some(
        hit.with_severity(severity)
            .with_remedy(report.remedy.as_ref()),
    )
}
