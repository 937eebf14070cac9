//! The endpoints: the list that the script draws, with its filter, and the worst ones for a browser without scripts.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use maud::{Markup, PreEscaped, html};

use super::super::findings_by_endpoint::FindingsByEndpoint;
use super::super::phrases::{target_and_address, who_answered};
use super::endpoint;
use super::findings::severity;
use super::parts::{badge, shown};
use crate::model::{EndpointReport, Verdict};

/// Endpoints that the page names without the script.
const MAX_WORST: usize = 10;
/// Labels that the list is grouped by.
const MAX_LABELS: usize = 20;

/// The worst endpoints, of those in the order of the list: the ones that matter, or the first ones if none does.
fn worst(reports: &[&EndpointReport], findings: &FindingsByEndpoint<'_>) -> Markup {
    let matter = reports
        .iter()
        .filter(|report| findings.matters(report))
        .count();
    let first = matter.clamp(1, MAX_WORST).min(reports.len());
    html! {
        p { "The list of all endpoints needs JavaScript. These are the worst:" }
        ul.rows {
            @for report in &reports[..first] {
                li.row.line {
                    span { (badge(report.verdict)) }
                    span.target {
                        @if let Some(label) = &report.target.label { strong { (shown(label)) } " " }
                        code { (shown(&target_and_address(report))) }
                    }
                    span.who { (shown(&who_answered(report))) }
                    span.may { (shown(&findings.anonymous_may(report))) }
                    span { @if let Some(worst) = findings.worst(report) { (severity(worst)) } }
                }
            }
        }
    }
}

/// The labels to group by: those that most endpoints have.
fn labels(reports: &[&EndpointReport]) -> Vec<String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (key, _) in reports.iter().flat_map(|report| endpoint::labels(report)) {
        *counts.entry(key).or_default() += 1;
    }
    let mut labels: Vec<(String, usize)> = counts.into_iter().collect();
    labels.sort_by_key(|(_, count)| Reverse(*count));
    let keys = labels.iter().map(|(key, _)| shown(key));
    keys.take(MAX_LABELS).collect()
}

/// The filter, and the place of the list.
pub(super) fn section(
    reports: &[&EndpointReport],
    findings: &FindingsByEndpoint<'_>,
    more: &Markup,
) -> Markup {
    let endpoints = reports.len();
    let choices = |id: &str, choices: &[(&str, &str)], labels: &[String]| {
        html! {
            select id=(id) {
                @for (value, text) in choices { option value=(value) { (text) } }
                @for label in labels { option value={ "label:" (label) } { (label) } }
            }
        }
    };
    let groups = [
        ("", "nothing"),
        ("provider", "provider"),
        ("verdict", "verdict"),
        ("name", "name"),
        ("start", "start of the name"),
        ("finding", "worst finding"),
    ];
    let orders = [
        ("", "worst first"),
        ("target", "name"),
        ("who", "who answered"),
        ("findings", "findings"),
        ("verdict", "verdict"),
    ];
    html! {
        section aria-labelledby="endpoints" {
            h2 id="endpoints" tabindex="-1" { "Endpoints" }
            div.controls role="search" aria-label="Filter the endpoints" hidden {
                label.filter { "Filter " input type="search" id="filter" autocomplete="off" placeholder="name, address, version …"; }
                label { "Verdict " select id="verdict" {
                    option value="" { "all" }
                    @for verdict in Verdict::ALL { option value=(verdict.as_str()) { (verdict.as_str()) } }
                } }
                label { "Group by " (choices("group", &groups, &labels(reports))) }
                label { "Sort by " (choices("sort", &orders, &[])) }
                label { input type="checkbox" id="found"; " with findings only" }
                button type="button" id="fold" aria-pressed="false" { "Unfold all" }
                output id="count" aria-live="polite" { (endpoints) " of " (endpoints) " endpoints" }
            }
            div.heads.line aria-hidden="true" {
                span { "verdict" } span { "target" } span { "who answered" } span { "anonymous may" } span { "findings" }
            }
            div id="list" {}
            (more)
            @if !reports.is_empty() { noscript { (worst(reports, findings)) } }
        }
    }
}

/// The script, after the data that it reads.
pub(super) fn script(text: &str) -> Markup {
    html! { script { (PreEscaped(text)) } }
}
