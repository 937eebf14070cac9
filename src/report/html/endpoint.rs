//! The table of endpoints: a row for each, with its evidence and remedy to unfold.

use maud::{Markup, PreEscaped, html};

use super::super::phrases::{self, anonymous_may, target_and_address, who_answered};
use super::findings::{finding_and_remedy, severity};
use super::parts::{badge, label, link, shown};
use super::remediation::remediation;
use crate::model::{
    Certificate, EndpointReport, Finding, Handshake, JudgedRequest, NameList, Remedy, Verdict,
};

/// Requests shown for one endpoint.
const MAX_REQUESTS: usize = 100;
/// Names shown of one list.
const MAX_NAMES: usize = 12;

/// The start of the section, up to the first row. [`write`](super::write) writes the end of the section, after the rows.
pub(super) fn controls(endpoints: usize) -> Markup {
    let column = |key: &str, name: &str| {
        html! { th scope="col" { button type="button" data-sort=(key) { (name) } } }
    };
    html! {
        (PreEscaped("<section aria-labelledby=\"endpoints\">"))
        h2 id="endpoints" tabindex="-1" { "Endpoints" }
        div.controls role="search" aria-label="Filter the endpoints" hidden {
            label { "Filter " input type="search" id="filter" autocomplete="off" placeholder="name, address, version, finding …"; }
            label { "Verdict " select id="verdict" {
                option value="" { "all" }
                @for verdict in Verdict::ALL { option value=(verdict.as_str()) { (verdict.as_str()) } }
            } }
            label { input type="checkbox" id="found"; " with findings only" }
            button type="button" id="fold" aria-pressed="false" { "Unfold all" }
            output id="count" aria-live="polite" { (endpoints) " of " (endpoints) " endpoints" }
        }
        (PreEscaped("<div class=\"scroll\"><table id=\"list\">"))
        thead { tr {
            (column("verdict", "verdict")) (column("target", "target")) (column("who", "who"))
            (column("may", "anonymous may")) (column("findings", "findings"))
        } }
    }
}

/// One endpoint. The script sorts and filters by the attributes and reads no text.
pub(super) fn row(report: &EndpointReport, findings: &[&Finding]) -> Markup {
    let target = target_and_address(report);
    let counting: Vec<&&Finding> = findings.iter().filter(|finding| finding.counts()).collect();
    let worst = counting.iter().map(|finding| finding.severity).min();
    html! {
        tbody data-verdict=(report.verdict.as_str()) data-rank=(report.verdict as u8)
            data-severity=(worst.map_or(9, |severity| severity as u8)) {
            tr.endpoint {
                td { (badge(report.verdict)) }
                td.target { code { (shown(&target)) } (label(report.target.label.as_deref())) }
                td { (shown(&who_answered(report))) }
                td { (shown(&anonymous_may(report))) }
                td {
                    @if let Some(worst) = worst {
                        span class={ "badge s-" (worst.as_str()) } { (worst.as_str()) }
                        @if counting.len() > 1 { " +" (counting.len() - 1) }
                    }
                }
            }
            tr.more { td colspan="5" { details {
                summary { "Evidence" @if report.remedy.is_some() { " and how to fix it" } span.for { " of " (shown(&target)) } }
                (detail(report, findings))
            } } }
        }
    }
}

fn detail(report: &EndpointReport, findings: &[&Finding]) -> Markup {
    html! {
        p { (badge(report.verdict)) " " (shown(&report.reason)) ". Written at " (shown(&report.target.origin.to_string())) "."
            @if let Some(expected) = report.target.expect { " Expected: " (badge(expected)) "." }
        }
        @if !findings.is_empty() {
            h3 { "Findings" }
            ul { @for finding in findings { li { (severity(finding)) " " (finding.rule.id) ": " (finding_and_remedy(finding)) } } }
        }
        @if let Some(remedy) = &report.remedy { h3 { "How to fix it" } (self::remedy(remedy)) }
        @if let Some(posture) = &report.posture { h3 { "Posture" } p { (shown(&posture.sentence)) } }
        @if let Some(identification) = &report.identification {
            h3 { "What answered" }
            p {
                (identification.component.as_str()) " (confidence " (identification.confidence.as_str()) ")"
                @if let Some(version) = &identification.version { ", " (shown(version)) }
                @if let Some(product) = &identification.attribution.product {
                    "; " (shown(&product.name))
                    @if let Some(confidence) = identification.attribution.confidence { " (confidence " (confidence.as_str()) ")" }
                }
            }
            @if !identification.clues.is_empty() {
                ul.facts { @for clue in &identification.clues { li { (clue.kind.as_str()) ": " (shown(&clue.seen)) } } }
            }
        }
        @if !report.requests.is_empty() { h3 { "Asked" } (requests(&report.requests)) }
        @if !report.not_asked.is_empty() {
            h3 { "Not asked" }
            ul.facts { @for request in &report.not_asked { li { code { (shown(&request.path)) } } } }
        }
        @if let Some(tls) = &report.tls { h3 { "TLS" } (handshake(tls)) }
    }
}

fn remedy(remedy: &Remedy) -> Markup {
    html! {
        (remediation(&remedy.remediation))
        @if let Some(url) = &remedy.network_url { p { "Who can reach it: " (link(url)) } }
    }
}

fn requests(requests: &[JudgedRequest]) -> Markup {
    html! {
        div.scroll { table.requests {
            thead { tr {
                th scope="col" { "request" } th scope="col" { "status" } th scope="col" { "shows" }
                th scope="col" { "audit id" } th scope="col" { "at (UTC)" }
            } }
            tbody { @for JudgedRequest { exchange, access } in requests.iter().take(MAX_REQUESTS) {
                @let reply = exchange.outcome.as_ref().ok();
                tr {
                    td { code { (exchange.request.method.as_str()) " " (shown(&exchange.request.path)) } }
                    td { (reply.map(|reply| reply.status.to_string()).unwrap_or_default()) }
                    td {
                        (access.as_str())
                        @if let Some(reason) = phrases::access_reason(access) { ": " (shown(&reason)) }
                        @if let Some(status) = reply.and_then(|reply| reply.answer.status()) {
                            div.quiet { (shown(&status.message)) }
                        }
                    }
                    td { code { (reply.and_then(|reply| reply.header("audit-id")).map(|id| shown(&id)).unwrap_or_default()) } }
                    td { (exchange.at.strftime("%H:%M:%S%.3f")) }
                }
            } }
        } }
        @if requests.len() > MAX_REQUESTS { p { "… and " (requests.len() - MAX_REQUESTS) " more" } }
    }
}

fn handshake(tls: &Handshake) -> Markup {
    html! {
        dl {
            dt { "protocol" } dd { (shown(&tls.version)) ", " (shown(&tls.cipher)) }
            @if let Some(certificate) = &tls.certificate { (self::certificate(certificate)) }
            @if tls.client_ca_names.total > 0 {
                dt { "client CAs it asks for" } dd { (names(&tls.client_ca_names)) }
            }
        }
    }
}

fn certificate(certificate: &Certificate) -> Markup {
    html! {
        dt { "certificate" } dd { (shown(&certificate.subject)) }
        dt { "issued by" } dd { (shown(&certificate.issuer)) }
        dt { "valid" } dd { (phrases::day(certificate.not_before)) " to " (phrases::day(certificate.not_after)) }
        dt { "names" } dd { (names(&certificate.sans)) }
        dt { "key" } dd { (shown(&certificate.key)) }
        dt { "SHA-256" } dd { code { (shown(&certificate.sha256)) } }
    }
}

fn names(names: &NameList) -> Markup {
    html! {
        @for (index, name) in names.kept.iter().take(MAX_NAMES).enumerate() {
            @if index > 0 { ", " }
            code { (shown(name)) }
        }
        @let more = names.total - MAX_NAMES.min(names.kept.len());
        @if more > 0 { " and " (more) " more" }
    }
}
