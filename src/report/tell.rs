//! What formats say in the same words, above all of a finding. The text is not yet escaped: each format has
//! its own way.

use std::borrow::Cow;

use super::escape::sentences;
use crate::model::{Acceptance, Finding};

/// What it is about, with the name that its target was given: `https://192.0.2.1:6443 (prod-eu-1)`.
pub(super) fn about(finding: &Finding) -> Cow<'_, str> {
    named(finding.about.as_str(), finding.label.as_deref())
}

/// A place, with the name that its target was given.
pub(super) fn named<'a>(place: &'a str, label: Option<&str>) -> Cow<'a, str> {
    label.map_or(Cow::Borrowed(place), |label| {
        Cow::Owned(format!("{place} ({label})"))
    })
}

/// `1 target`, `2 targets`.
pub(super) fn plural(count: u64, one: &str, several: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { several })
}

/// What was found, and whose acceptance of it is over.
pub(super) fn found(finding: &Finding) -> Cow<'_, str> {
    match lapsed(finding) {
        Some(lapsed) => Cow::Owned(format!("{}; {lapsed}", finding.said())),
        None => finding.said(),
    }
}

/// Characters of a remedy: what stays whole in every format that cuts text.
const REMEDY: usize = 960;

/// How to mend it, as whole sentences.
pub(super) fn remedy(text: &str) -> Cow<'_, str> {
    sentences(text, REMEDY)
}

/// How to mend it, with the page that tells more.
pub(super) fn remedy_and_page(finding: &Finding) -> String {
    let page = finding
        .remedy_url
        .as_deref()
        .map(|url| format!(" See {url}."))
        .unwrap_or_default();
    let text = sentences(&finding.remedy, REMEDY.saturating_sub(page.chars().count()));
    format!("{text}{page}")
}

/// Whose acceptance is over: `accepted by platform@example.com until 2026-09-30, which is over`.
pub(super) fn lapsed(finding: &Finding) -> Option<String> {
    finding
        .acceptance
        .as_ref()
        .filter(|acceptance| !acceptance.in_force)
        .map(accepted)
}

/// Who accepted it until when, and whether that is over.
pub(super) fn accepted(acceptance: &Acceptance) -> String {
    let Acceptance {
        owner,
        expires,
        in_force,
        ..
    } = acceptance;
    let over = if *in_force { "" } else { ", which is over" };
    format!("accepted by {owner} until {expires}{over}")
}

#[cfg(test)]
mod tests {
    use super::super::Format;
    use super::super::sample::{self, Sample};

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
    fn whose_acceptance_is_over_is_said_in_every_format() {
        for (format, text) in everywhere(&sample::mixed()) {
            let text = text.replace("&#64;", "@");
            let said = "accepted by platform@example.com until 2026-09-30, which is over";
            assert!(text.contains(said), "{format}:\n{text}");
        }
    }

    #[test]
    fn the_name_that_a_target_was_given_is_said_in_every_format() {
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
