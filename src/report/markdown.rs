//! `markdown`: a pull-request comment or a job summary: counts, what changed, the worst findings,
//! details folded away.
//!
//! A comment holds 65,536 characters: rows are written while they fit, the rest is counted. Every text
//! that is not ours stands in a code element with all punctuation as entities, so that it can be no
//! markup, no link and no mention.

use std::borrow::Borrow;
use std::fmt::Write as _;
use std::io;

use super::Results;
use super::escape::escape;
use super::worst;
use crate::model::{BaselineState, EndpointReport, Finding, Verdict};

/// Characters of the whole, below what a comment may have.
const MOST: usize = 60_000;
/// Characters that a row has at the least.
const LEAST_ROW: usize = 20;
/// Characters of a text that is not ours.
const SHOWN: usize = 160;

/// Writes the page; `reports` in the order of the set.
pub fn write(
    out: &mut dyn io::Write,
    results: &Results<'_>,
    reports: impl Iterator<Item: Borrow<EndpointReport>>,
) -> io::Result<()> {
    let mut page = Page::default();
    head(&mut page, results);
    changes(&mut page, results);
    findings(&mut page, results.findings);
    endpoints(&mut page, reports);
    out.write_all(page.text.as_bytes())?;
    out.flush()
}

/// A page that ends before it is too long.
#[derive(Default)]
struct Page {
    text: String,
    /// Characters so far: bytes are not what a comment counts.
    length: usize,
}

impl Page {
    fn line(&mut self, line: &str) {
        self.length += line.chars().count() + 1;
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// The rows that fit, and how many did not.
    fn rows(&mut self, rows: impl Iterator<Item = String>) {
        self.rows_and(0, rows);
    }

    /// The rows that fit, and how many did not, with those that are not even here.
    fn rows_and(&mut self, beyond: usize, rows: impl Iterator<Item = String>) {
        let mut left = 0_usize;
        for row in rows {
            if left == 0 && self.length + row.chars().count() < MOST {
                self.line(&row);
            } else {
                left += 1;
            }
        }
        let left = left + beyond;
        if left > 0 {
            self.line(&format!("\n… and {left} more"));
        }
    }
}

/// Text that is not ours.
fn code(text: &str) -> String {
    let mut out = "<code>".to_owned();
    for c in escape(text, SHOWN).chars() {
        if c.is_ascii_punctuation() {
            // Writing to a string cannot fail.
            let _ = write!(out, "&#{};", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out.push_str("</code>");
    out
}

fn head(page: &mut Page, results: &Results<'_>) {
    let coverage = &results.summary.coverage;
    let title = if results.outcome.code == 0 { "passed" } else { "failed" };
    page.line(&format!("## kubeknock {title}\n"));
    page.line(&format!("{}\n", code(results.outcome.sentence)));
    if let Some(stopped) = &results.summary.stopped {
        page.line(&format!("**Stopped early**: {}; this report is partial.\n", code(stopped)));
    }
    page.line("| verdict | endpoints |\n|---|---:|");
    for verdict in Verdict::ALL {
        let count = coverage.count(verdict);
        if count > 0 {
            page.line(&format!("| {verdict} | {count} |"));
        }
    }
    page.line(&format!(
        "\n{} targets, named targets covered: {} of {}.\n",
        coverage.targets,
        coverage.covered(),
        coverage.named()
    ));
}

fn changes(page: &mut Page, results: &Results<'_>) {
    let Some(changes) = results.changes else { return };
    if changes.is_empty() {
        page.line("Nothing changed since the baseline.\n");
        return;
    }
    page.line("### Changes since the baseline\n");
    page.line("| | target | what | before | now |\n|---|---|---|---|---|");
    page.rows(changes.iter().map(|change| {
        let side = |text: &Option<String>| text.as_deref().map_or_else(|| "–".to_owned(), code);
        let opens = if change.opens { "**opens**" } else { "" };
        let (about, kind) = (code(change.about.as_str()), change.kind.word());
        format!("| {opens} | {about} | {kind} | {} | {} |", side(&change.before), side(&change.after))
    }));
    page.line("");
}

fn findings(page: &mut Page, findings: &[Finding]) {
    let counting = || findings.iter().filter(|finding| finding.counts());
    if counting().next().is_none() {
        page.line("No findings.\n");
        return;
    }
    page.line("### Findings\n");
    page.line("| severity | rule | target | what | |\n|---|---|---|---|---|");
    page.rows(counting().map(|finding| {
        let state = finding.baseline.map(BaselineState::word).unwrap_or_default();
        let (about, message) = (code(finding.about.as_str()), code(&finding.message));
        format!("| {} | {} | {about} | {message} | {state} |", finding.severity, finding.rule.id)
    }));
    page.line("");
}

fn endpoints(page: &mut Page, reports: impl Iterator<Item: Borrow<EndpointReport>>) {
    let (reports, left_out) =
        worst::of(reports, MOST / LEAST_ROW, |report| (report.verdict, report.order_key()));
    if reports.is_empty() {
        return;
    }
    page.line("<details><summary>Endpoints</summary>\n");
    page.line("| verdict | target | who | why |\n|---|---|---|---|");
    let beyond = left_out.values().sum();
    page.rows_and(
        beyond,
        reports.iter().map(|report| {
            let report = report.borrow();
            let identification = report.identification.as_ref();
            let who = identification.map_or_else(
                || "–".to_owned(),
                |identification| {
                    let component = identification.component.word();
                    code(identification.product().map_or(component, |product| &product.short))
                },
            );
            format!(
                "| {} | {} | {who} | {} |",
                report.verdict,
                code(&report.target.to_string()),
                code(&report.reason)
            )
        }),
    );
    page.line("\n</details>");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::sample::{self, Sample};
    use super::*;

    fn text(sample: &Sample) -> String {
        let mut out = Vec::new();
        write(&mut out, &sample.results(), sample.reports.iter()).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_page() {
        insta::assert_snapshot!(text(&sample::mixed()));
        assert!(text(&sample::empty()).contains("No findings."));
        assert!(text(&sample::stopped()).contains("**Stopped early**"));
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let mut sample = sample::mixed();
        let one = sample.findings[0].clone();
        sample.findings = vec![one; 5000];
        let page = text(&sample);
        assert!(page.chars().count() < 65_536, "{}", page.len());
        assert!(page.contains("… and "), "said");
    }

    proptest! {
        #[test]
        fn no_text_is_markup(text in "\\PC*|[\\x00-\\x7f]{0,40}") {
            let shown = code(&text);
            let inner = shown.strip_prefix("<code>").unwrap().strip_suffix("</code>").unwrap();
            prop_assert!(!inner.contains(['<', '>', '|', '`', '[', '@', '\n', '*', '_', '"']), "{inner}");
        }
    }
}
