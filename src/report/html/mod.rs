//! `html`: one self-contained page. It loads nothing. Its content security policy allows only its own style and
//! script, by their digests, so text from a server could not run even if it were not escaped.
//!
//! The list of endpoints and its filter come first. The script draws each endpoint from a block of data
//! when it comes into view; without the script, the worst endpoints are in its place. If there are more endpoints than a
//! page should have, the worst ones are kept.

mod data;
mod endpoint;
mod findings;
mod list;
mod overview;
mod parts;
mod providers;
mod remediation;

use std::borrow::Borrow;
use std::io::{self, Write as _};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

use super::findings_by_endpoint::FindingsByEndpoint;
use super::results::Results;
use super::worst_first::worst_first;
use crate::model::EndpointReport;
use data::Data;
use parts::badge;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// Endpoints in the list, so that the page stays small enough to send.
const MAX_ENDPOINTS: usize = 5_000;

/// Writes the page.
pub(super) fn write(
    out: &mut dyn io::Write,
    results: &Results<'_>,
    reports: impl Iterator<Item: Borrow<EndpointReport>>,
) -> io::Result<()> {
    let mut out = io::BufWriter::new(out);
    let mut products = providers::Products::default();
    let listed = results.listed_findings();
    let findings = FindingsByEndpoint::new(listed.iter().copied());
    let counted = reports.inspect(|report| products.add(report.borrow()));
    let (kept, left_out) = worst_first(counted, MAX_ENDPOINTS, |report| findings.order(report));
    let reports: Vec<&EndpointReport> = kept.iter().map(Borrow::borrow).collect();
    let changes = results.listed_changes();
    let not_listed = html! {
        @if !left_out.is_empty() {
            p {
                "Not listed, as there are too many:"
                @for (verdict, count) in &left_out { " " (count) " " (badge(*verdict)) }
                ". The json report has all of them."
            }
        }
    };
    let page = html! {
        (DOCTYPE)
        (PreEscaped("<html lang=\"en\">\n"))
        (head(results))
        (PreEscaped("<body>\n"))
        a.skip href="#endpoints" { "To the endpoints" }
        (overview::header(results))
        (overview::navigation(changes.is_some(), products.is_empty()))
        (PreEscaped("<main>\n"))
        (list::section(&reports, &findings, &not_listed))
        (findings::section(&listed))
        @if let Some(changes) = &changes { (findings::changes(results, changes)) }
        div.cards {
            (overview::verdicts(results))
            (overview::coverage(results))
        }
        (products.table())
        (PreEscaped("</main>\n"))
        footer { (overview::about(results)) }
    };
    out.write_all(page.into_string().as_bytes())?;
    let mut data = Data::begin(&mut out)?;
    for report in &reports {
        data.endpoint(&mut out, endpoint::entry(report, &findings))?;
    }
    data.end(&mut out)?;
    let end = html! { (list::script(SCRIPT)) (PreEscaped("\n</body>\n</html>\n")) };
    out.write_all(end.into_string().as_bytes())?;
    out.flush()
}

fn head(results: &Results<'_>) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta http-equiv="Content-Security-Policy" content=(policy());
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="referrer" content="no-referrer";
            meta name="color-scheme" content="light dark";
            title { (overview::title(results)) }
            // Without this line a browser may request /favicon.ico.
            link rel="icon" href="data:,";
            style { (PreEscaped(STYLE)) }
        }
    }
}

/// The content security policy.
fn policy() -> String {
    let digest = |text: &str| BASE64_STANDARD.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; img-src data:; base-uri 'none'; \
         form-action 'none'",
        digest(STYLE),
        digest(SCRIPT)
    )
}

#[cfg(test)]
mod tests;
