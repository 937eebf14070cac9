//! `/`: what is probed, and the last verdicts, for people.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use maud::{DOCTYPE, Markup, html};
use sha2::{Digest as _, Sha256};

use super::target_list::{ListedTarget, TargetList};
use crate::escape::escape;

/// Targets on the page.
const MAX_TARGETS: usize = 2_000;
/// Characters of a name or a reason.
const MAX_TEXT: usize = 300;

const STYLE: &str = "body{font:15px/1.5 sans-serif;margin:2em auto;max-width:75em;padding:0 1em}\
    table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3em .8em .3em 0;vertical-align:top;\
    border-bottom:1px solid #8884;overflow-wrap:anywhere}.exposed{color:#b00020;font-weight:bold}";

/// The `Content-Security-Policy` of the page: it loads nothing and runs nothing.
pub(super) fn content_security_policy() -> String {
    let digest = BASE64_STANDARD.encode(Sha256::digest(STYLE));
    format!("default-src 'none'; style-src 'sha256-{digest}'; frame-ancestors 'none'")
}

/// The page. The worst verdicts come first, targets without a verdict last.
pub(super) fn html(list: &TargetList) -> String {
    let mut rows: Vec<_> = list
        .targets()
        .map(|listed| (listed.known.last(), listed))
        .collect();
    rows.sort_by_key(|(last, _)| {
        let verdict = last.as_ref().and_then(|last| last.verdict);
        (verdict.is_none(), verdict)
    });
    let more = rows.len().saturating_sub(MAX_TARGETS);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { "kubeknock exporter" }
                style { (maud::PreEscaped(STYLE)) }
            }
            body {
                h1 { "kubeknock exporter" }
                p {
                    "What anonymous callers may do on " (list.len()) " targets, as their last probes found. "
                    a href="metrics" { "metrics of the exporter" } " · "
                    a href="sd" { "service discovery" }
                }
                table {
                    thead { tr { th { "Target" } th { "Verdict" } th { "Reason" } th { "Probed" } } }
                    tbody {
                        @for (last, listed) in rows.iter().take(MAX_TARGETS) {
                            (row(listed, last.as_deref()))
                        }
                    }
                }
                @if more > 0 { p { (more) " more targets are not shown." } }
            }
        }
    };
    page.into_string()
}

fn row(listed: &ListedTarget, last: Option<&super::probe_result::ProbeResult>) -> Markup {
    let query: String = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("target", &listed.name)
        .finish();
    let verdict = last.and_then(|last| last.verdict);
    let verdict = verdict.map_or("none", |verdict| verdict.as_str());
    // A later answer makes up for it.
    let timed_out = (listed.known.timed_out())
        .filter(|timed_out| last.is_none_or(|last| *timed_out > last.finished));
    html! {
        tr {
            td { a href={ "probe?" (query) } { (escape(&listed.name, MAX_TEXT)) } }
            @if let Some(last) = last {
                td class=(verdict) { (verdict) }
                td {
                    (escape(&last.reason, MAX_TEXT))
                    @if !last.lost.is_empty() { "; no verdict any more: " (last.lost) }
                }
                td {
                    (ago(last.finished.elapsed()))
                    @if let Some(timed_out) = timed_out { "; timed out " (ago(timed_out.elapsed())) }
                }
            } @else if let Some(timed_out) = timed_out {
                td { "none" }
                td { "the time of the scrape was over before the probe ended" }
                td { "timed out " (ago(timed_out.elapsed())) }
            } @else {
                td { "not probed yet" } td {} td {}
            }
        }
    }
}

fn ago(age: Duration) -> String {
    match age.as_secs() {
        seconds @ 0..120 => format!("{seconds} s ago"),
        seconds => format!("{} min ago", seconds / 60),
    }
}
