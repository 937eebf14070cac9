//! Findings, how to fix them, and acceptances.

use std::borrow::Cow;

use super::name::configuration_place;
use crate::model::{Acceptance, Finding, Remediation};

/// Characters of a remediation in a message.
pub(in crate::report) const MAX_REMEDIATION: usize = 2000;

/// The target or specification of a finding, with its label: `https://192.0.2.1:6443 (prod-eu-1)`.
pub(in crate::report) fn about(finding: &Finding) -> Cow<'_, str> {
    with_label(finding.about.as_str(), finding.label.as_deref())
}

/// A target with its label, if it has one.
pub(in crate::report) fn with_label<'a>(target: &'a str, label: Option<&str>) -> Cow<'a, str> {
    match label {
        Some(label) => format!("{target} ({label})").into(),
        None => target.into(),
    }
}

/// The message of a finding, and its acceptance if that has expired.
pub(in crate::report) fn finding_text(finding: &Finding) -> Cow<'_, str> {
    match expired_acceptance(finding) {
        Some(expired) => format!("{}; {expired}", finding.said()).into(),
        None => finding.said(),
    }
}

/// The target, or the place in a configuration, and the message of a finding.
pub(in crate::report) fn finding_and_target(finding: &Finding) -> String {
    let about = match configuration_place(finding) {
        Some(place) => with_label(&place, finding.label.as_deref()).into_owned(),
        None => about(finding).into_owned(),
    };
    format!("{about}: {}", finding_text(finding))
}

/// The command that shows the proof, in a sentence.
pub(in crate::report) fn proof_text(finding: &Finding) -> Option<String> {
    let curl = finding.curl()?;
    Some(format!("See it yourself: {curl}"))
}

/// The lines of a remediation, at most `max` characters, with the page that explains more.
pub(in crate::report) fn remediation_lines(remediation: &Remediation, max: usize) -> Vec<String> {
    let link = remediation.reference.as_deref();
    let link = link.map(|url| format!("See {url}")).unwrap_or_default();
    let text = remediation.text(max.saturating_sub(link.chars().count()));
    let lines = text.lines().map(str::to_owned);
    lines.chain((!link.is_empty()).then_some(link)).collect()
}

/// `accepted by platform@example.com until 2026-09-30, expired`; `None` unless the finding has an expired acceptance.
pub(in crate::report) fn expired_acceptance(finding: &Finding) -> Option<String> {
    let acceptance = finding.acceptance.as_ref()?;
    (!acceptance.in_force).then(|| acceptance_text(acceptance))
}

/// `carried anonymous-auth-enabled (accepted by platform@example.com until 2026-09-30, expired) prod-eu-1`; `None` unless
/// the acceptance of a carried finding has expired.
pub(in crate::report) fn lapsed_carried(finding: &Finding) -> Option<String> {
    let expired = expired_acceptance(finding)?;
    Some(format!(
        "carried {} ({expired}) {}",
        finding.rule.id,
        finding.name()
    ))
}

/// `accepted by platform@example.com until 2026-12-31`.
pub(in crate::report) fn acceptance_text(acceptance: &Acceptance) -> String {
    let Acceptance { owner, expires, .. } = acceptance;
    let expired = if acceptance.in_force { "" } else { ", expired" };
    format!("accepted by {owner} until {expires}{expired}")
}

/// `prod-eu-1: anonymous-auth-enabled, accepted by platform@example.com until 2026-12-31: a lab`.
pub(in crate::report) fn accepted_finding(finding: &Finding) -> String {
    let accepted = (finding.acceptance.iter())
        .map(|acceptance| format!(", {}: {}", acceptance_text(acceptance), acceptance.reason));
    let accepted: String = accepted.collect();
    format!("{}: {}{accepted}", about(finding), finding.rule.id)
}

#[cfg(test)]
mod tests {
    use super::super::super::Format;
    use super::super::super::sample::{self, Sample};

    /// The mixed scan in every format that shows findings.
    fn everywhere(sample: &Sample) -> [(Format, String); 8] {
        [
            Format::Table,
            Format::Markdown,
            Format::Html,
            Format::Sarif,
            Format::Github,
            Format::Gitlab,
            Format::Junit,
            Format::Csv,
        ]
        .map(|format| (format, sample::rendered(format, sample)))
    }

    #[test]
    fn every_format_shows_an_expired_acceptance() {
        for (format, text) in everywhere(&sample::mixed()) {
            let text = text.replace("&#64;", "@");
            let expired = "accepted by platform@example.com until 2026-09-30, expired";
            assert!(text.contains(expired), "{format}:\n{text}");
        }
    }

    #[test]
    fn every_format_shows_labels() {
        let mut sample = sample::mixed();
        for finding in &mut sample.findings {
            finding.label = Some("given".into());
        }
        for report in &mut sample.reports {
            report.target.label = Some("given".into());
        }
        for (format, text) in everywhere(&sample) {
            assert!(text.contains("given"), "{format}:\n{text}");
        }
    }
}
