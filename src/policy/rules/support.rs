//! The version is past its end of life.

use super::super::controls::{OWASP_2022_OUTDATED, OWASP_2025_MISCONFIGURED};
use super::{Hit, ScanTime, requests};
use crate::advise::for_rule;
use crate::kubernetes::{Answer, Support};
use crate::model::{Confidence, EndpointReport, Rule, Severity};

pub(in crate::policy) static RULE: Rule = Rule {
    id: "unsupported-version",
    title: "The version is past its end of life",
    meaning: "The Kubernetes project no longer fixes this minor release, so new vulnerabilities stay open. A \
        vendor may maintain it longer under the same number. If the version is a vendor's build, the finding \
        says so and its confidence is low.",
    proof: "The version from /version, compared with the end-of-life dates of the Kubernetes project on the day \
        of the scan.",
    advice: for_rule,
    severity: Severity::Medium,
    score: "5.0",
    cwe: None,
    controls: &[OWASP_2022_OUTDATED, OWASP_2025_MISCONFIGURED],
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
    let answers = requests(report, |request| {
        (request.exchange.outcome.as_ref())
            .is_ok_and(|reply| matches!(reply.answer, Answer::Version(_)))
    });
    let upstream = format!("upstream maintenance of {minor} ended {ended}");
    // `v1.33.5-eks-1`, `v1.30.4+k3s1`: not upstream's own; and a service may say no suffix.
    let managed = identification
        .product()
        .is_some_and(|product| product.managed);
    if managed || version.contains(['-', '+']) {
        let message = format!(
            "{version}: {upstream}; this is a vendor's build, which may be maintained longer"
        );
        return Some(Hit::proven(message, answers).at_most(Confidence::Low));
    }
    Some(Hit::proven(format!("{version}: {upstream}"), answers))
}
