//! `html`: one self-contained page. It loads nothing. Its content security policy allows only its own style and
//! script, by their digests, so text from a server could not run even if it were not escaped.
//!
//! The page is complete without the script, which sorts and filters. If there are more endpoints than a browser
//! can show, the worst ones are kept.

mod endpoint;
mod findings;
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
use parts::{badge, shown};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// Endpoints shown. A browser needs too long to lay out more.
const MAX_ENDPOINTS: usize = 5_000;

/// Writes the page.
pub(super) fn write(
    out: &mut dyn io::Write,
    results: &Results<'_>,
    reports: impl Iterator<Item: Borrow<EndpointReport>>,
) -> io::Result<()> {
    let mut out = io::BufWriter::new(out);
    let mut products = providers::Products::default();
    let counted = reports.inspect(|report| products.add(report.borrow()));
    let (reports, left_out) = worst_first(counted, MAX_ENDPOINTS, |report| {
        let unnamed = report.verdict.has_no_answer() && !report.target.named;
        (report.verdict, unnamed, report.order_key())
    });
    let findings = FindingsByEndpoint::new(results.findings);
    let mut write = |part: Markup| out.write_all(part.into_string().as_bytes());
    write(html! {
        (DOCTYPE)
        (PreEscaped("<html lang=\"en\">\n"))
        (head(results))
        (PreEscaped("<body>\n"))
        a.skip href="#endpoints" { "To the endpoints" }
        (overview::header(results))
        (PreEscaped("<main>\n"))
        div.cards {
            (overview::verdicts(&results.summary.coverage))
            div.column {
                (overview::coverage(results))
                (products.table())
            }
        }
        @if let Some(changes) = results.changes { (findings::changes(changes)) }
        (findings::table(results.findings))
        (endpoint::controls(reports.len()))
    })?;
    for report in &reports {
        let report = report.borrow();
        write(endpoint::row(report, findings.of(report)))?;
    }
    write(html! {
        (PreEscaped("</table></div>"))
        @if !left_out.is_empty() {
            p {
                "Not shown, as there are too many:"
                @for (verdict, count) in &left_out { " " (count) " " (badge(*verdict)) }
                ". The json report has all of them."
            }
        }
        (PreEscaped("</section>\n</main>\n"))
        footer { p { "kubeknock " (shown(results.info.tool_version)) } }
        script { (PreEscaped(SCRIPT)) }
        (PreEscaped("\n</body>\n</html>\n"))
    })?;
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
