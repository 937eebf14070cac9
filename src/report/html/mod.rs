//! `html`: one self-contained page, to be opened, printed, or kept beside a ticket.
//!
//! It asks for nothing outside itself, and its policy (CSP) lets nothing run but the style and the
//! script that are in it, named by their hashes. Text that is not ours is made visible and escaped.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::table::{TableOptions, change_sentence, elapsed, may, place, shown, who};
use super::wire::time;
use super::{Results, reasoning};
use crate::model::{BaselineState, Change, Coverage, EndpointReport, Finding, Verdict};

#[cfg(test)]
mod tests;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// Endpoints by product and standing.
type Postures = BTreeMap<(String, &'static str), u64>;

/// Writes the page. Each record is written as it comes: hand them sorted by
/// [`EndpointReport::order_key`].
pub fn write(
    out: &mut dyn Write,
    results: &Results<'_>,
    reports: impl Iterator<Item: Borrow<EndpointReport>>,
) -> io::Result<()> {
    let mut out = io::BufWriter::new(out);
    head(&mut out, results)?;
    overview(&mut out, &results.summary.coverage)?;
    changes(&mut out, results.changes)?;
    findings(&mut out, results.findings)?;
    let postures = endpoints(&mut out, reports)?;
    providers(&mut out, &postures)?;
    not_covered(&mut out, &results.summary.coverage)?;
    let version = safe(results.info.tool_version);
    writeln!(
        out,
        "<p class=\"dim\">kubeknock {version}</p>\n</main>\n<script>{SCRIPT}</script>\n</body>\n</html>"
    )?;
    out.flush()
}

/// The source expression of the policy that allows just this text.
fn hash(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)))
}

/// `text`, already made visible, as text or as a quoted attribute.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// Text that is not ours.
fn safe(text: &str) -> String {
    escaped(&shown(text))
}

fn head(out: &mut impl Write, results: &Results<'_>) -> io::Result<()> {
    let (style, script) = (hash(STYLE), hash(SCRIPT));
    let summary = results.summary;
    writeln!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src {style}; \
         script-src {script}; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>Anonymous access to Kubernetes API servers</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <h1>Anonymous access to Kubernetes API servers</h1>\n\
         <p><strong>{}</strong></p>\n<p class=\"dim\">{}, in {}</p>",
        safe(results.outcome.sentence),
        time(summary.started),
        elapsed(summary.elapsed),
    )?;
    if let Some(stopped) = &summary.stopped {
        writeln!(
            out,
            "<p class=\"exposed\"><strong>Stopped early: {}. This report is partial.</strong></p>",
            safe(stopped)
        )?;
    }
    Ok(())
}

/// The donut, the same in numbers, and coverage.
fn overview(out: &mut impl Write, coverage: &Coverage) -> io::Result<()> {
    let counts: Vec<(Verdict, u64)> = (Verdict::ALL.into_iter())
        .map(|verdict| (verdict, coverage.count(verdict)))
        .filter(|(_, count)| *count > 0)
        .collect();
    let total = coverage.outcomes();
    let said: Vec<String> = counts.iter().map(|(verdict, count)| format!("{count} {verdict}")).collect();
    writeln!(
        out,
        "<section aria-labelledby=\"overview\">\n<h2 id=\"overview\">Verdicts and coverage</h2>\n<div class=\"overview\">\n\
         <svg class=\"donut\" viewBox=\"0 0 42 42\" role=\"img\" aria-label=\"{total} endpoints: {}\">",
        said.join(", ")
    )?;
    let mut before = 0;
    for (verdict, count) in &counts {
        writeln!(
            out,
            "<circle class=\"{verdict}\" cx=\"21\" cy=\"21\" r=\"16\" pathLength=\"{total}\" \
             stroke-dasharray=\"{count} {}\" stroke-dashoffset=\"-{before}\" transform=\"rotate(-90 21 21)\"/>",
            total - count
        )?;
        before += count;
    }
    writeln!(
        out,
        "<text x=\"21\" y=\"23.5\" stroke=\"none\">{total}</text>\n</svg>\n<table>\n<thead><tr><th scope=\"col\">Verdict</th><th scope=\"col\" class=\"n\">Endpoints</th></tr></thead>\n<tbody>"
    )?;
    for (verdict, count) in &counts {
        writeln!(out, "<tr><td class=\"tag dot {verdict}\">{verdict}</td><td class=\"n\">{count}</td></tr>")?;
    }
    writeln!(
        out,
        "</tbody>\n</table>\n<table>\n<thead><tr><th scope=\"col\">Coverage</th><th scope=\"col\" class=\"n\">Count</th></tr></thead>\n<tbody>"
    )?;
    for (what, count) in [
        ("targets", coverage.targets.to_string()),
        ("named targets covered", format!("{} of {}", coverage.covered(), coverage.named())),
        ("not attempted", coverage.not_attempted.to_string()),
        ("excluded targets", coverage.excluded.to_string()),
        ("excluded addresses", coverage.excluded_addresses.to_string()),
    ] {
        writeln!(out, "<tr><td>{what}</td><td class=\"n\">{count}</td></tr>")?;
    }
    writeln!(out, "</tbody>\n</table>\n</div>\n</section>")
}

fn changes(out: &mut impl Write, changes: Option<&[Change]>) -> io::Result<()> {
    let Some(changes) = changes else { return Ok(()) };
    writeln!(
        out,
        "<section aria-labelledby=\"changes\">\n<h2 id=\"changes\">Changes since the baseline</h2>"
    )?;
    if changes.is_empty() {
        return writeln!(out, "<p>No change.</p>\n</section>");
    }
    writeln!(out, "<ul>")?;
    for change in changes {
        let opens = if change.opens { "<strong class=\"opens\">opens</strong> " } else { "" };
        let sentence = escaped(&change_sentence(change, &TableOptions::default()));
        writeln!(out, "<li>{opens}{}: {sentence}</li>", safe(change.about.as_str()))?;
    }
    writeln!(out, "</ul>\n</section>")
}

fn findings(out: &mut impl Write, findings: &[Finding]) -> io::Result<()> {
    writeln!(out, "<section aria-labelledby=\"findings\">\n<h2 id=\"findings\">Findings</h2>")?;
    if findings.is_empty() {
        return writeln!(out, "<p>None.</p>\n</section>");
    }
    writeln!(out, "<table>\n<thead><tr>")?;
    for title in ["Severity", "Rule", "Where", "What, and how to mend it", "State"] {
        writeln!(out, "<th scope=\"col\">{title}</th>")?;
    }
    writeln!(out, "</tr></thead>\n<tbody>")?;
    for finding in findings {
        let Finding { severity, rule, about, message, remedy, .. } = finding;
        writeln!(
            out,
            "<tr><td class=\"tag {severity}\">{severity}</td><td>{}</td><td>{}</td>\
             <td>{}<details><summary>Remedy</summary>{}</details></td><td>{}</td></tr>",
            rule.id,
            safe(about.as_str()),
            safe(message),
            safe(remedy),
            state(finding)
        )?;
    }
    writeln!(out, "</tbody>\n</table>\n</section>")
}

fn state(finding: &Finding) -> String {
    let baseline = finding.baseline.map(|state| match state {
        BaselineState::Absent => "gone".to_owned(),
        state => state.word().to_owned(),
    });
    let accepted = finding.acceptance.as_ref().map(|acceptance| {
        let over = if acceptance.in_force { "" } else { ", which is over" };
        let (owner, reason) = (safe(&acceptance.owner), safe(&acceptance.reason));
        format!("accepted by {owner} until {}{over}: {reason}", acceptance.expires)
    });
    baseline.into_iter().chain(accepted).collect::<Vec<_>>().join("; ")
}

fn endpoints(
    out: &mut impl Write,
    reports: impl Iterator<Item: Borrow<EndpointReport>>,
) -> io::Result<Postures> {
    writeln!(
        out,
        "<section aria-labelledby=\"all\">\n<h2 id=\"all\">Endpoints</h2>\n<div class=\"controls\" hidden>\n\
         <label>Filter <input id=\"filter\" type=\"search\" autocomplete=\"off\"></label>\n\
         <label>Verdict <select id=\"verdict\"><option value=\"\">all</option>"
    )?;
    for verdict in Verdict::ALL {
        writeln!(out, "<option>{verdict}</option>")?;
    }
    writeln!(
        out,
        "</select></label>\n<output id=\"count\" aria-live=\"polite\"></output>\n</div>\n\
         <table id=\"endpoints\">\n<thead><tr>"
    )?;
    for (name, title) in [
        ("verdict", "Verdict"),
        ("target", "Target"),
        ("name", "Name"),
        ("who", "Who"),
        ("may", "Anonymous may"),
    ] {
        writeln!(
            out,
            "<th scope=\"col\" data-name=\"{name}\"><button type=\"button\">{title}</button></th>"
        )?;
    }
    writeln!(out, "</tr></thead>\n<tbody>")?;
    let mut postures = Postures::new();
    for report in reports {
        let report = report.borrow();
        endpoint(out, report)?;
        let product = report.identification.as_ref().and_then(|identification| identification.product());
        if let (Some(product), Some(posture)) = (product, &report.posture) {
            *postures.entry((product.name.to_string(), posture.standing.word())).or_default() += 1;
        }
    }
    writeln!(out, "</tbody>\n</table>\n</section>")?;
    Ok(postures)
}

fn endpoint(out: &mut impl Write, report: &EndpointReport) -> io::Result<()> {
    let verdict = report.verdict;
    let mut evidence = Vec::new();
    reasoning::write(&mut evidence, report)?;
    let rank = Verdict::ALL.iter().position(|other| *other == verdict).unwrap_or_default();
    let label = report.target.label.as_deref().unwrap_or_default();
    writeln!(
        out,
        "<tr data-verdict=\"{verdict}\"><td class=\"tag {verdict}\" data-key=\"{rank}\">{verdict}</td><td>{}</td>\
         <td>{}</td><td>{}</td><td>{}<details><summary>Evidence and remedy</summary><pre>{}</pre></details></td></tr>",
        safe(&place(report)),
        safe(label),
        safe(&who(report)),
        safe(&may(report)),
        escaped(&String::from_utf8_lossy(&evidence))
    )
}

fn providers(out: &mut impl Write, postures: &Postures) -> io::Result<()> {
    writeln!(out, "<section aria-labelledby=\"postures\">\n<h2 id=\"postures\">Posture by provider</h2>")?;
    if postures.is_empty() {
        return writeln!(out, "<p>No product was named.</p>\n</section>");
    }
    writeln!(
        out,
        "<table>\n<thead><tr><th scope=\"col\">Product</th><th scope=\"col\">Against what is expected</th><th scope=\"col\" class=\"n\">Endpoints</th></tr></thead>\n<tbody>"
    )?;
    for ((product, standing), count) in postures {
        writeln!(out, "<tr><td>{}</td><td>{standing}</td><td class=\"n\">{count}</td></tr>", safe(product))?;
    }
    writeln!(out, "</tbody>\n</table>\n</section>")
}

fn not_covered(out: &mut impl Write, coverage: &Coverage) -> io::Result<()> {
    let missed =
        || coverage.specs.iter().filter(|spec| (spec.named && !spec.covered) || spec.met == Some(false));
    if missed().next().is_none() {
        return Ok(());
    }
    writeln!(
        out,
        "<section aria-labelledby=\"missed\">\n<h2 id=\"missed\">Not covered, or not as expected</h2>\n<ul>"
    )?;
    for spec in missed() {
        let seen: Vec<&str> = spec.seen.iter().map(|verdict| verdict.word()).collect();
        let seen = if seen.is_empty() { "nothing".to_owned() } else { seen.join(", ") };
        let expected = spec.expect.map(|expect| format!("expected {expect}, ")).unwrap_or_default();
        let (text, origin) = (safe(&spec.origin.text), safe(&spec.origin.to_string()));
        writeln!(out, "<li>{text} ({origin}): {expected}seen {seen}</li>")?;
    }
    writeln!(out, "</ul>\n</section>")
}
