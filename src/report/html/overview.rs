//! The top of the page: the result, the verdicts and the coverage.

use maud::{Markup, html};

use super::super::phrases::{
    counts, counts_by_kind, duration, name_and_place, not_attempted, plural,
};
use super::super::results::Results;
use super::parts::{MAX_ROWS, badge, shown};
use crate::model::{ClusterNotAsked, SpecCoverage, Verdict};

/// `kubeknock: 1 exposed, 2 forbidden`.
pub(super) fn title(results: &Results<'_>) -> String {
    let coverage = &results.summary.coverage;
    let conclusive = (Verdict::ALL.into_iter()).filter(|verdict| verdict.is_conclusive());
    let counts = counts(conclusive.map(|verdict| (coverage.count(verdict), verdict)));
    if counts.is_empty() {
        return "kubeknock: no verdict".to_owned();
    }
    format!("kubeknock: {counts}")
}

pub(super) fn header(results: &Results<'_>) -> Markup {
    let passed = results.outcome.code == 0;
    let (first, others) = first_and_others(results.outcome.reasons());
    html! {
        header {
            h1 { "Anonymous access to Kubernetes API servers" }
            div.outcome.passed[passed].failed[!passed] {
                strong { @if passed { "Passed" } @else { "Failed" } } ": " (shown(first))
                @if !others.is_empty() { ul { @for reason in others { li { (shown(reason)) } } } }
            }
            @if let Some(stopped) = &results.summary.stopped {
                p.outcome.failed { strong { "Stopped early" } ": " (shown(stopped)) "; this report is partial." }
            }
            @for part in results.partial_notices() { p.outcome.failed { (shown(&part)) "." } }
            @if let Some(notice) = results.reported_notice() { p { (notice) "." } }
            @if let Some(notice) = results.carried_notice() { p { (notice) "." } }
            @if let Some(notice) = results.not_shown_notice() { p { (notice) "." } }
        }
    }
}

fn first_and_others<'a>(mut texts: impl Iterator<Item = &'a str>) -> (&'a str, Vec<&'a str>) {
    (texts.next().unwrap_or_default(), texts.collect())
}

/// When and from where the scan was made, and with what.
pub(super) fn about(results: &Results<'_>) -> Markup {
    let summary = results.summary;
    html! {
        p {
            "Scanned " time datetime=(format!("{:.0}", summary.started)) {
                (summary.started.strftime("%Y-%m-%d %H:%M UTC"))
            }
            " in " (duration(summary.elapsed))
            @if !summary.sources.is_empty() {
                " from " (summary.sources.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
            }
            " with kubeknock " (shown(results.info.tool_version)) "."
        }
    }
}

/// Links to the sections.
pub(super) fn navigation(with_changes: bool, without_providers: bool) -> Markup {
    let sections = [
        ("endpoints", "Endpoints", true),
        ("findings", "Findings and fixes", true),
        ("changes", "Changes", with_changes),
        ("coverage", "Coverage", true),
        ("providers", "Providers", !without_providers),
    ];
    html! {
        nav aria-label="Sections" {
            @for (id, title, is_there) in sections {
                @if is_there { a href={ "#" (id) } { (title) } " " }
            }
        }
    }
}

/// The endpoints by verdict: a ring of those that answered, and a table.
pub(super) fn verdicts(results: &Results<'_>) -> Markup {
    let coverage = &results.summary.coverage;
    let answered: Vec<(Verdict, u64)> = (Verdict::ALL.into_iter())
        .filter(|verdict| *verdict != Verdict::Unreachable)
        .map(|verdict| (verdict, coverage.count(verdict)))
        .filter(|(_, count)| *count > 0)
        .collect();
    let total: u64 = answered.iter().map(|(_, count)| count).sum();
    html! {
        section.card aria-labelledby="verdicts" {
            h2 id="verdicts" { "Verdicts" }
            div.ring {
                (ring(&answered, total))
                table {
                    thead { tr { th scope="col" { "verdict" } th.number scope="col" { "endpoints" } } }
                    tbody {
                        @for (verdict, count) in &answered {
                            tr { td { (badge(*verdict)) (accepted(results, *verdict)) } td.number { (count) } }
                        }
                        @if coverage.unreachable_total() > 0 {
                            tr {
                                td { (badge(Verdict::Unreachable)) span.quiet { " " (counts_by_kind(&coverage.unreachable)) } }
                                td.number { (coverage.unreachable_total()) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// How many of the endpoints with this verdict somebody accepted.
fn accepted(results: &Results<'_>, verdict: Verdict) -> Markup {
    html! {
        @if let Some(count) = results.accepted_verdicts.get(&verdict) { span.quiet { " " (count) " accepted" } }
    }
}

/// A ring with a share for each verdict. Its circumference has the length `total`.
fn ring(shares: &[(Verdict, u64)], total: u64) -> Markup {
    let texts = counts(shares.iter().map(|(verdict, count)| (*count, verdict)));
    let label = if shares.is_empty() {
        "nothing answered"
    } else {
        &texts
    };
    let before = |at: usize| shares[..at].iter().map(|(_, count)| count).sum::<u64>();
    html! {
        svg.donut viewBox="0 0 42 42" role="img" aria-label=(format!("Endpoints that answered: {label}")) {
            circle.track cx="21" cy="21" r="16" {}
            @for (at, (verdict, count)) in shares.iter().enumerate() {
                // An angle of 0 points to the right. The first share begins at the top.
                circle class={ "v-" (verdict.as_str()) } cx="21" cy="21" r="16" pathLength=(total)
                    stroke-dasharray={ (count) " " (total - count) } stroke-dashoffset={ "-" (before(at)) }
                    transform="rotate(-90 21 21)" {}
            }
            text.sum x="21" y="21.5" { (total) }
            text.unit x="21" y="26.5" { "answered" }
        }
    }
}

pub(super) fn coverage(results: &Results<'_>) -> Markup {
    let coverage = &results.summary.coverage;
    let partly_asked: Vec<&SpecCoverage> = (coverage.specs.iter())
        .filter(|spec| spec.is_partly_asked())
        .collect();
    html! {
        section.card aria-labelledby="coverage" {
            h2 id="coverage" { "Coverage" }
            @if coverage.named() > 0 {
                p {
                    label for="covered" { "Named targets with a verdict: " strong { (coverage.covered()) " of " (coverage.named()) } }
                    progress id="covered" value=(coverage.covered()) max=(coverage.named()) {}
                }
                p.quiet { "A named target is given by itself, not as part of a CIDR or range. It is covered if it has a verdict." }
            }
            ul {
                li { (plural(coverage.targets, "target", "targets")) " (host and port) in scope" }
                @if coverage.further_addresses > 0 {
                    li { (plural(coverage.further_addresses, "further address", "further addresses")) " behind names" }
                }
                @if coverage.not_attempted > 0 { li { strong { (not_attempted(coverage)) } } }
                @if coverage.excluded > 0 { li { (coverage.excluded) " excluded" } }
                @for (why, count) in &coverage.left_out { li { (why.counted(*count)) } }
            }
            (specs("Without a verdict", &results.listed_specs(SpecCoverage::is_missing)))
            (specs("Not all asked", &partly_asked))
            (clusters_not_asked(&coverage.clusters_not_asked))
        }
    }
}

/// The clusters of inventories that were not asked.
fn clusters_not_asked(clusters: &[ClusterNotAsked]) -> Markup {
    html! {
        @if !clusters.is_empty() {
            details {
                summary { "Clusters not asked (" (clusters.len()) ")" }
                ul {
                @for cluster in clusters.iter().take(MAX_ROWS) {
                    li {
                        code { (shown(cluster.name())) } " "
                        span.quiet { "(" (shown(&cluster.origin.to_string())) ")" } " " (shown(&cluster.text()))
                    }
                }
                @if clusters.len() > MAX_ROWS { li { "… and " (clusters.len() - MAX_ROWS) " more" } }
            } }
        }
    }
}

/// A list of specifications with their results.
fn specs(title: &str, specs: &[&SpecCoverage]) -> Markup {
    html! {
        @if !specs.is_empty() {
            details {
                summary { (title) " (" (specs.len()) ")" }
                ul {
                @for spec in specs.iter().take(MAX_ROWS) {
                    li {
                        code { (shown(&name_and_place(spec.label.as_deref(), &spec.origin.text))) } " "
                        span.quiet { "(" (shown(&spec.origin.to_string())) ")" }
                        @for verdict in &spec.seen { " " (badge(*verdict)) }
                        @if let Some(unasked) = spec.left_out_text() { " not asked: " (shown(&unasked)) }
                    }
                }
                @if specs.len() > MAX_ROWS { li { "… and " (specs.len() - MAX_ROWS) " more" } }
            } }
        }
    }
}
