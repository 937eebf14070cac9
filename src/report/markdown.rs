//! `markdown`: a pull-request comment or a job summary with counts, changes, the worst findings, and folded
//! details.
//!
//! A comment may have 65,536 characters. Rows are written while they fit, and further rows are counted. Text
//! from outside goes through `code`.

mod text;

use std::borrow::{Borrow, Cow};
use std::collections::{HashMap, HashSet};
use std::io;

use super::phrases;
use super::phrases::{
    anonymous_may, plural, specification_result, target_and_address, who_answered,
};
use super::results::Results;
use super::worst_first::worst_first;
use crate::model::{BaselineState, EndpointReport, Finding, Identity, SpecCoverage, Verdict};
use text::{code, code_of, link};

/// Characters of the whole page.
const MAX_PAGE: usize = 60_000;
/// Characters of the shortest row.
const MIN_ROW: usize = 20;
/// Named targets without a verdict, and remedies, that are listed.
const LISTED: usize = 30;
/// Targets named for one remedy.
const TARGETS: usize = 5;
/// Changes that are listed, so that room is left for the findings.
const CHANGES: usize = 100;

/// Writes the page.
pub(super) fn write(
    out: &mut dyn io::Write,
    results: &Results<'_>,
    reports: impl Iterator<Item: Borrow<EndpointReport>>,
) -> io::Result<()> {
    let mut page = Page::default();
    head(&mut page, results);
    changes(&mut page, results);
    findings(&mut page, results.findings);
    uncovered(&mut page, &results.summary.coverage.specs);
    remedies(&mut page, results.findings);
    endpoints(&mut page, reports);
    out.write_all(page.text.as_bytes())?;
    out.flush()
}

/// A page of limited length.
#[derive(Default)]
struct Page {
    text: String,
    /// Characters so far: the limit of a comment is in characters, not in bytes.
    length: usize,
}

impl Page {
    fn line(&mut self, line: &str) {
        self.length += line.chars().count() + 1;
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// Writes the rows that fit, and counts the others together with `omitted` ones.
    fn rows(&mut self, omitted: usize, rows: impl Iterator<Item = String>) {
        let mut left = 0_usize;
        for row in rows {
            if left == 0 && self.length + row.chars().count() < MAX_PAGE {
                self.line(&row);
            } else {
                left += 1;
            }
        }
        let left = left + omitted;
        if left > 0 {
            self.line(&format!("\n… and {left} more"));
        }
    }
}

fn head(page: &mut Page, results: &Results<'_>) {
    let coverage = &results.summary.coverage;
    let title = if results.outcome.code == 0 {
        "passed"
    } else {
        "failed"
    };
    page.line(&format!("## kubeknock {title}\n"));
    page.line(&format!("{}\n", code(results.outcome.sentence)));
    if let Some(stopped) = &results.summary.stopped {
        page.line(&format!(
            "**Stopped early**: {}; this report is partial.\n",
            code(stopped)
        ));
    }
    if let Some(part) = results.shard_notice() {
        page.line(&format!("**Partial report**: {part}.\n"));
    }
    page.line("| verdict | endpoints |\n|---|---:|");
    for verdict in Verdict::ALL {
        let count = coverage.count(verdict);
        if count > 0 {
            page.line(&format!("| {verdict} | {count} |"));
        }
    }
    page.line(&format!(
        "\n{}, named targets covered: {} of {}.\n",
        plural(coverage.targets, "target", "targets"),
        coverage.covered(),
        coverage.named()
    ));
}

fn changes(page: &mut Page, results: &Results<'_>) {
    let Some(changes) = results.changes else {
        return;
    };
    if changes.is_empty() {
        page.line("Nothing changed since the baseline.\n");
        return;
    }
    page.line("### Changes since the baseline\n");
    page.line("| | target | what | before | now |\n|---|---|---|---|---|");
    let beyond = changes.len().saturating_sub(CHANGES);
    page.rows(
        beyond,
        changes.iter().take(CHANGES).map(|change| {
            let side = |text: &Option<String>| text.as_deref().map_or_else(|| "–".to_owned(), code);
            let opens = if change.opens { "**opens**" } else { "" };
            let (about, kind) = (code(change.about.as_str()), change.kind.as_str());
            format!(
                "| {opens} | {about} | {kind} | {} | {} |",
                side(&change.before),
                side(&change.after)
            )
        }),
    );
    page.line("");
}

fn findings(page: &mut Page, findings: &[Finding]) {
    let counting = || findings.iter().filter(|finding| finding.counts());
    if counting().next().is_none() {
        page.line("No findings.\n");
    } else {
        page.line("### Findings\n");
        page.line("| severity | rule | target | what | |\n|---|---|---|---|---|");
        page.rows(0, counting().map(finding));
        page.line("");
    }
    let accepted = findings.iter().filter(|finding| finding.accepted()).count();
    let gone = findings.iter().filter(|finding| finding.gone()).count();
    let others = [(accepted, "accepted"), (gone, "gone since the baseline")];
    let others: Vec<String> = (others.iter().filter(|(count, _)| *count > 0))
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    if !others.is_empty() {
        page.line(&format!("Also {}.\n", others.join(", ")));
    }
}

fn finding(finding: &Finding) -> String {
    let state = finding
        .baseline
        .map(BaselineState::as_str)
        .unwrap_or_default();
    let (about, message) = (
        code(finding.about.as_str()),
        code(&phrases::finding_text(finding)),
    );
    let label = finding
        .label
        .as_deref()
        .map(|label| format!(" {}", code(label)))
        .unwrap_or_default();
    format!(
        "| {} | {} | {about}{label} | {message} | {state} |",
        finding.severity, finding.rule.id
    )
}

/// The named targets without a verdict: a scan that saw nothing must not look like a good result.
fn uncovered(page: &mut Page, specs: &[SpecCoverage]) {
    let missing: Vec<&SpecCoverage> = specs.iter().filter(|spec| spec.is_missing()).collect();
    if missing.is_empty() {
        return;
    }
    page.line("### Named targets without a verdict\n");
    page.line("| target | written at | result |\n|---|---|---|");
    let rows = missing.iter().take(LISTED).map(|spec| {
        format!(
            "| {} | {} | {} |",
            code(&spec.origin.text),
            code(&spec.origin.to_string()),
            specification_result(spec)
        )
    });
    page.rows(missing.len().saturating_sub(LISTED), rows);
    page.line("");
}

/// Each remedy once, with the targets that need it; that of the worst finding first.
fn remedies(page: &mut Page, findings: &[Finding]) {
    let mut remedies: Vec<Remedy<'_>> = Vec::new();
    let mut known: HashMap<(&str, Option<&str>), usize> = HashMap::new();
    for finding in findings.iter().filter(|finding| finding.counts()) {
        let index = *known
            .entry((&finding.remedy, finding.remedy_url.as_deref()))
            .or_insert_with(|| {
                remedies.push(Remedy {
                    first: finding,
                    rules: Vec::new(),
                    named: Vec::new(),
                    targets: HashSet::new(),
                });
                remedies.len() - 1
            });
        remedies[index].add(finding);
    }
    if remedies.is_empty() {
        return;
    }
    page.line("<details><summary>How to fix it</summary>\n");
    page.rows(
        remedies.len().saturating_sub(LISTED),
        remedies.iter().take(LISTED).map(Remedy::text),
    );
    page.line("\n</details>\n");
}

/// One way to fix something.
struct Remedy<'a> {
    first: &'a Finding,
    rules: Vec<&'static str>,
    /// The targets that are named.
    named: Vec<Cow<'a, str>>,
    /// All targets.
    targets: HashSet<&'a Identity>,
}

impl<'a> Remedy<'a> {
    fn add(&mut self, finding: &'a Finding) {
        if !self.rules.contains(&finding.rule.id) {
            self.rules.push(finding.rule.id);
        }
        if self.targets.insert(&finding.about) && self.named.len() < TARGETS {
            self.named.push(phrases::about(finding));
        }
    }

    fn text(&self) -> String {
        let targets: Vec<String> = self.named.iter().map(|target| code(target)).collect();
        let more = match self.targets.len().saturating_sub(targets.len()) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let remedy = code_of(&phrases::remedy_text(&self.first.remedy), usize::MAX);
        let page = self
            .first
            .remedy_url
            .as_deref()
            .map(|url| format!(" {}", link(url)))
            .unwrap_or_default();
        format!(
            "- **{}** at {}{more}:\n  {remedy}{page}",
            self.rules.join(", "),
            targets.join(", ")
        )
    }
}

fn endpoints(page: &mut Page, reports: impl Iterator<Item: Borrow<EndpointReport>>) {
    let (reports, left_out) = worst_first(reports, MAX_PAGE / MIN_ROW, |report| {
        (report.verdict, report.order_key())
    });
    if reports.is_empty() {
        return;
    }
    page.line("<details><summary>Endpoints</summary>\n");
    page.line("| verdict | target | who | anonymous may |\n|---|---|---|---|");
    let rows = reports.iter().map(|report| {
        let report = report.borrow();
        let label = report
            .target
            .label
            .as_deref()
            .map(|label| format!(" {}", code(label)));
        let target = code(&target_and_address(report));
        let (who, may) = (code(&who_answered(report)), code(&anonymous_may(report)));
        format!(
            "| {} | {target}{} | {who} | {may} |",
            report.verdict,
            label.unwrap_or_default()
        )
    });
    page.rows(left_out.values().sum(), rows);
    page.line("\n</details>");
}

#[cfg(test)]
mod tests;
