//! The findings, those of one rule with one fix together, and the changes since the baseline.

use maud::{Markup, html};

use super::super::folded::{Folded, folded};
use super::super::phrases;
use super::super::results::Results;
use super::parts::{MAX_ROWS, finding_state, shown};
use super::remediation::{command, remediation};
use crate::model::{Change, Finding, Severity};

/// Names in the line about several findings.
const MAX_NAMES: usize = 6;
/// A longer list is folded.
const MAX_OPEN: usize = 20;

pub(super) fn changes(results: &Results<'_>, changes: &[&Change]) -> Markup {
    html! {
        section aria-labelledby="changes" {
            h2 id="changes" { "Since the baseline" }
            @if let Some(outage) = results.outage_text() { p { strong { (outage) } "." } }
            @else if changes.is_empty() { p { "No changes." } }
            @if changes.len() > MAX_OPEN {
                details { summary { (changes.len()) " changes" } (list(changes)) }
            } @else if !changes.is_empty() { (list(changes)) }
        }
    }
}

fn list(changes: &[&Change]) -> Markup {
    html! {
        ul.changes {
            @for change in changes.iter().take(MAX_ROWS) {
                li {
                    @if change.opens { strong class="opens" { "opens" } " " }
                    (shown(&phrases::change_name(change))) ": " (shown(&phrases::change_text(change)))
                }
            }
        }
        (more(changes.len()))
    }
}

pub(super) fn section(listed: &[&Finding]) -> Markup {
    let (counting, others): (Vec<&Finding>, Vec<&Finding>) =
        listed.iter().copied().partition(|finding| finding.counts());
    html! {
        section aria-labelledby="findings" {
            h2 id="findings" { "Findings" }
            @if counting.is_empty() { p { "No findings that count." } } @else { (folds(&counting)) }
            @if !others.is_empty() {
                details.fold {
                    summary { "Accepted, or gone since the baseline (" (others.len()) ")" }
                    (folds(&others))
                }
            }
        }
    }
}

fn folds(findings: &[&Finding]) -> Markup {
    let folds = folded(findings.iter().copied());
    html! {
        @for fold in folds.iter().take(MAX_ROWS) { (self::fold(fold)) }
        (more(folds.len()))
    }
}

/// Findings of one rule with one fix. Severe ones are unfolded.
fn fold(fold: &Folded<'_>) -> Markup {
    let first = fold.first();
    html! {
        details.fold open[fold.severity() <= Severity::High] {
            summary {
                (severity(fold.severity())) " "
                @if let Some(state) = finding_state(first) { span.tag { (state) } " " }
                strong { (fold.title()) } ": " (names(fold))
            }
            @if fold.findings().len() > MAX_OPEN {
                details { summary { (fold.findings().len()) " targets" } (targets(fold)) }
            } @else { (targets(fold)) }
            @if let Some(acceptance) = &first.acceptance {
                p.quiet { (shown(&phrases::acceptance_text(acceptance))) ": " (shown(&acceptance.reason)) }
            }
            div.fix { p { strong { "How to fix it" } } (remediation(&first.remediation)) }
            @if let Some(curl) = first.curl() { details { summary { "See it yourself" } (command(&curl)) } }
        }
    }
}

fn names(fold: &Folded<'_>) -> Markup {
    let count = fold.findings().len();
    html! {
        @for (index, name) in fold.names().take(MAX_NAMES).enumerate() {
            @if index > 0 { ", " }
            (shown(&name))
        }
        @if count > MAX_NAMES { " and " (count - MAX_NAMES) " more" }
    }
}

fn targets(fold: &Folded<'_>) -> Markup {
    html! {
        ul {
            @for finding in fold.findings().iter().take(MAX_ROWS) {
                li { code { (shown(&phrases::finding_name(finding))) } ": " (shown(&finding.said())) }
            }
        }
        (more(fold.findings().len()))
    }
}

pub(super) fn severity(severity: Severity) -> Markup {
    html! { span class={ "badge s-" (severity.as_str()) } { (severity.as_str()) } }
}

fn more(rows: usize) -> Markup {
    html! { @if rows > MAX_ROWS { p { "… and " (rows - MAX_ROWS) " more; the json report has all of them." } } }
}
