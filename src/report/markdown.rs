//! `markdown`: a pull-request comment or a job summary: counts, what changed, the worst findings,
//! details folded away.
//!
//! A comment holds 65,536 characters: rows are written while they fit, the rest is counted. Text that is
//! not ours goes through `code`.

mod text;

use std::borrow::{Borrow, Cow};
use std::collections::{HashMap, HashSet};
use std::io;

use super::table::{may, place, seen, who};
use super::tell::plural;
use super::{Results, tell, worst};
use crate::model::{BaselineState, EndpointReport, Finding, Identity, SpecCoverage, Verdict};
use text::{code, code_of, link};

/// Characters of the whole, below what a comment may have.
const MOST: usize = 60_000;
/// Characters that a row has at the least.
const LEAST_ROW: usize = 20;
/// Named targets without a verdict, and ways to mend something, that are told.
const LISTED: usize = 30;
/// Targets of one way to mend something that are named.
const TARGETS: usize = 5;
/// Changes that are told: the findings come behind them.
const CHANGES: usize = 100;

/// Writes the page; `reports` in the order of the set.
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
    if let Some(part) = results.part() {
        page.line(&format!("**Not the whole**: {part}.\n"));
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
    page.rows_and(
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
        page.rows(counting().map(finding));
        page.line("");
    }
    let accepted = findings.iter().filter(|finding| finding.accepted()).count();
    let gone = findings.iter().filter(|finding| finding.gone()).count();
    let beside = [(accepted, "accepted"), (gone, "gone since the baseline")];
    let beside: Vec<String> = (beside.iter().filter(|(count, _)| *count > 0))
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    if !beside.is_empty() {
        page.line(&format!("Beside them: {}.\n", beside.join(", ")));
    }
}

fn finding(finding: &Finding) -> String {
    let state = finding
        .baseline
        .map(BaselineState::as_str)
        .unwrap_or_default();
    let (about, message) = (code(finding.about.as_str()), code(&tell::found(finding)));
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

/// Never silently green.
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
            seen(spec)
        )
    });
    page.rows_and(missing.len().saturating_sub(LISTED), rows);
    page.line("");
}

/// Each way to mend something once, of what is worst first, with whom it is for.
fn remedies(page: &mut Page, findings: &[Finding]) {
    let mut ways: Vec<Way<'_>> = Vec::new();
    let mut known: HashMap<(&str, Option<&str>), usize> = HashMap::new();
    for finding in findings.iter().filter(|finding| finding.counts()) {
        let at = *known
            .entry((&finding.remedy, finding.remedy_url.as_deref()))
            .or_insert_with(|| {
                ways.push(Way {
                    first: finding,
                    rules: Vec::new(),
                    named: Vec::new(),
                    targets: HashSet::new(),
                });
                ways.len() - 1
            });
        ways[at].add(finding);
    }
    if ways.is_empty() {
        return;
    }
    page.line("<details><summary>How to mend it</summary>\n");
    page.rows_and(
        ways.len().saturating_sub(LISTED),
        ways.iter().take(LISTED).map(Way::told),
    );
    page.line("\n</details>\n");
}

/// One way to mend something.
struct Way<'a> {
    first: &'a Finding,
    rules: Vec<&'static str>,
    /// Targets that are named.
    named: Vec<Cow<'a, str>>,
    /// All of them.
    targets: HashSet<&'a Identity>,
}

impl<'a> Way<'a> {
    fn add(&mut self, finding: &'a Finding) {
        if !self.rules.contains(&finding.rule.id) {
            self.rules.push(finding.rule.id);
        }
        if self.targets.insert(&finding.about) && self.named.len() < TARGETS {
            self.named.push(tell::about(finding));
        }
    }

    fn told(&self) -> String {
        let targets: Vec<String> = self.named.iter().map(|target| code(target)).collect();
        let more = match self.targets.len().saturating_sub(targets.len()) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let remedy = code_of(&tell::remedy(&self.first.remedy), usize::MAX);
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
    let (reports, left_out) = worst::of(reports, MOST / LEAST_ROW, |report| {
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
        let (place, who, may) = (code(&place(report)), code(&who(report)), code(&may(report)));
        format!(
            "| {} | {place}{} | {who} | {may} |",
            report.verdict,
            label.unwrap_or_default()
        )
    });
    page.rows_and(left_out.values().sum(), rows);
    page.line("\n</details>");
}

#[cfg(test)]
mod tests;
