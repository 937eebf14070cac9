//! The findings, and the changes since the baseline.

use maud::{Markup, html};

use super::super::phrases;
use super::parts::{MAX_ROWS, label, shown};
use super::remediation::{command, remediation};
use crate::model::{BaselineState, Change, Finding};

pub(super) fn changes(changes: &[Change]) -> Markup {
    html! {
        section aria-labelledby="changes" {
            h2 id="changes" { "Since the baseline" }
            @if changes.is_empty() { p { "No changes." } } @else {
                ul.changes {
                    @for change in changes.iter().take(MAX_ROWS) {
                        li {
                            @if change.opens { strong class="opens" { "opens" } " " }
                            (shown(change.about.as_str())) ": " (shown(&phrases::change_text(change)))
                            (label(change.label.as_deref()))
                        }
                    }
                }
                (more(changes.len()))
            }
        }
    }
}

pub(super) fn table(findings: &[Finding]) -> Markup {
    let (counting, others): (Vec<&Finding>, Vec<&Finding>) =
        findings.iter().partition(|finding| finding.counts());
    html! {
        section aria-labelledby="findings" {
            h2 id="findings" { "Findings" }
            @if counting.is_empty() { p { "No findings that count." } } @else { (rows(&counting)) }
            @if !others.is_empty() {
                details { summary { "Accepted, or gone since the baseline (" (others.len()) ")" } (rows(&others)) }
            }
        }
    }
}

fn rows(findings: &[&Finding]) -> Markup {
    html! {
        div.scroll { table {
            thead { tr {
                th scope="col" { "severity" } th scope="col" { "rule" } th scope="col" { "target" } th scope="col" { "found" }
            } }
            tbody {
                @for finding in findings.iter().take(MAX_ROWS) {
                    tr {
                        td { (severity(finding)) }
                        td.rule { (finding.rule.id) }
                        td.target { code { (shown(finding.about.as_str())) } (label(finding.label.as_deref())) }
                        td { (finding_and_remedy(finding)) }
                    }
                }
            }
        } }
        (more(findings.len()))
    }
}

/// The severity, and whether the finding is new or gone.
pub(super) fn severity(finding: &Finding) -> Markup {
    html! {
        span class={ "badge s-" (finding.severity.as_str()) } { (finding.severity.as_str()) }
        @if let Some(state @ (BaselineState::New | BaselineState::Absent)) = finding.baseline {
            " " span.tag { @if state == BaselineState::New { "new" } @else { "gone" } }
        }
    }
}

/// The message of a finding, its remedy and its acceptance.
pub(super) fn finding_and_remedy(finding: &Finding) -> Markup {
    html! {
        (shown(&finding.said()))
        @if let Some(curl) = finding.curl() { details { summary { "See it yourself" } (command(&curl)) } }
        details { summary { "How to fix it" } (remediation(&finding.remediation)) }
        @if let Some(acceptance) = &finding.acceptance {
            div.quiet {
                (shown(&phrases::acceptance_text(acceptance))) ": " (shown(&acceptance.reason))
            }
        }
    }
}

fn more(rows: usize) -> Markup {
    html! { @if rows > MAX_ROWS { p { "… and " (rows - MAX_ROWS) " more; the json report has all of them." } } }
}
