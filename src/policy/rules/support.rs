//! The version is past its end of life.

use super::hit::{DEFAULTS, Hit, ScanTime, replies};
use crate::advise::for_upgrade;
use crate::kubernetes::{Answer, Support};
use crate::model::{Confidence, EndpointReport, Learned, Rule, Severity};
use crate::policy::controls;

pub(in crate::policy) static RULE: Rule = Rule {
    id: "unsupported-version",
    title: "The version is past its end of life",
    meaning: "The Kubernetes project no longer fixes this minor release, so new vulnerabilities stay open. A \
        vendor may maintain it longer under the same number. If the version is a vendor's build, the finding \
        says so and its confidence is low.",
    proof: "The version from /version, compared with the end-of-life dates of the Kubernetes project on the day \
        of the scan.",
    severity: Severity::Medium,
    score: "5.0",
    page: "https://kubernetes.io/releases/",
    controls: &[
        controls::OWASP_2022_OUTDATED,
        controls::OWASP_2025_MISCONFIGURED,
    ],
    ..DEFAULTS
};

pub(in crate::policy) fn check(report: &EndpointReport, time: ScanTime) -> Option<Hit> {
    let identification = report
        .identification
        .as_ref()
        .filter(|_| report.verdict.is_conclusive())?;
    let version = identification.version.as_deref()?;
    let minor = identification.minor()?;
    let Support::Ended(day) = identification.support(Some(time.day())) else {
        return None;
    };
    let ended = day.map_or_else(|| "before 2016-10-23".to_owned(), |day| format!("on {day}"));
    let mut message = format!("{version}: upstream maintenance of {minor} ended {ended}");
    let mut confidence = Confidence::High;
    // A vendor's build has a suffix (`v1.33.5-eks-1`, `v1.30.4+k3s1`), but a managed service may leave it out.
    let is_managed = identification
        .product()
        .is_some_and(|product| product.managed);
    if is_managed || version.contains(['-', '+']) {
        message.push_str("; this is a vendor's build, which may be maintained longer");
        confidence = Confidence::Low;
    }
    let answers = replies(report, |reply| matches!(reply.answer, Answer::Version(_)));
    let hit = Hit::proven(message, answers)
        .needing([Learned::Version])
        .at_most(confidence);
    Some(hit.fixed_by(Some(for_upgrade(RULE.id, identification))))
}
