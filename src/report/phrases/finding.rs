//! Findings, their remedies and acceptances.

use std::borrow::Cow;

use super::super::escape::sentences;
use crate::model::{Acceptance, Finding};

/// Characters of a remedy in every format.
const MAX_REMEDY: usize = 960;

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

/// The target and the message of a finding.
pub(in crate::report) fn finding_and_target(finding: &Finding) -> String {
    format!("{}: {}", about(finding), finding_text(finding))
}

/// What to do about a finding, in one sentence.
pub(in crate::report) fn fix_summary(finding: &Finding) -> &str {
    let end = finding.remedy.find(". ").map(|dot| dot + 1);
    &finding.remedy[..end.unwrap_or(finding.remedy.len())]
}

/// A remedy. A long one is cut at the end of a sentence.
pub(in crate::report) fn remedy_text(remedy: &str) -> Cow<'_, str> {
    sentences(remedy, MAX_REMEDY)
}

/// The remedy of a finding, and the page that explains more.
pub(in crate::report) fn remedy_with_link(finding: &Finding) -> String {
    let link = finding.remedy_url.as_deref();
    let link = link.map(|url| format!(" See {url}.")).unwrap_or_default();
    let room = MAX_REMEDY.saturating_sub(link.chars().count());
    format!("{}{link}", sentences(&finding.remedy, room))
}

/// `accepted by platform@example.com until 2026-09-30, expired`; `None` unless the finding has an expired acceptance.
pub(in crate::report) fn expired_acceptance(finding: &Finding) -> Option<String> {
    let acceptance = finding.acceptance.as_ref()?;
    (!acceptance.in_force).then(|| acceptance_text(acceptance))
}

/// `accepted by platform@example.com until 2026-12-31`.
pub(in crate::report) fn acceptance_text(acceptance: &Acceptance) -> String {
    let Acceptance { owner, expires, .. } = acceptance;
    let expired = if acceptance.in_force { "" } else { ", expired" };
    format!("accepted by {owner} until {expires}{expired}")
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
