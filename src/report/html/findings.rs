//! What to look at, and what is not as it was.

use maud::{Markup, html};

use super::super::table::{TableOptions, change_sentence};
use super::super::tell;
use super::{ROWS, link, shown};
use crate::model::{BaselineState, Change, Finding};

pub(super) fn changes(changes: &[Change]) -> Markup {
    html! {
        section aria-labelledby="changes" {
            h2 id="changes" { "Since the baseline" }
            @if changes.is_empty() { p { "No change." } } @else {
                ul.changes {
                    @for change in changes.iter().take(ROWS) {
                        li {
                            @if change.opens { strong class="opens" { "opens" } " " }
                            (shown(change.about.as_str())) ": " (change_sentence(change, &TableOptions::default()))
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
    let (counting, beside): (Vec<&Finding>, Vec<&Finding>) =
        findings.iter().partition(|finding| finding.counts());
    html! {
        section aria-labelledby="findings" {
            h2 id="findings" { "Findings" }
            @if counting.is_empty() { p { "None that counts." } } @else { (rows(&counting)) }
            @if !beside.is_empty() {
                details { summary { "Accepted, or gone since the baseline (" (beside.len()) ")" } (rows(&beside)) }
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
                @for finding in findings.iter().take(ROWS) {
                    tr {
                        td { (severity(finding)) }
                        td.rule { (finding.rule.id) }
                        td.target { code { (shown(finding.about.as_str())) } (label(finding.label.as_deref())) }
                        td { (told(finding)) }
                    }
                }
            }
        } }
        (more(findings.len()))
    }
}

/// The severity, and how the finding stands to the baseline.
pub(super) fn severity(finding: &Finding) -> Markup {
    html! {
        span class={ "badge s-" (finding.severity.as_str()) } { (finding.severity.as_str()) }
        @if let Some(state @ (BaselineState::New | BaselineState::Absent)) = finding.baseline {
            " " span.tag { @if state == BaselineState::New { "new" } @else { "gone" } }
        }
    }
}

/// What was found, how to mend it, who accepted it.
pub(super) fn told(finding: &Finding) -> Markup {
    html! {
        (shown(&finding.said()))
        details {
            summary { "Remedy" } (shown(&tell::remedy(&finding.remedy)))
            @if let Some(url) = &finding.remedy_url { " " (link(url)) }
        }
        @if let Some(acceptance) = &finding.acceptance {
            div.quiet {
                (shown(&tell::accepted(acceptance))) ": " (shown(&acceptance.reason))
            }
        }
    }
}

pub(super) fn label(label: Option<&str>) -> Markup {
    html! { @if let Some(label) = label { " " span.tag { (shown(label)) } } }
}

fn more(rows: usize) -> Markup {
    html! { @if rows > ROWS { p { "… and " (rows - ROWS) " more: the json report has all." } } }
}
