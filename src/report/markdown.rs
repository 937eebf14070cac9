//! `markdown`: a pull-request comment or a job summary, with counts, changes and findings, and with folded details.
//!
//! A comment may have 65,536 characters. Rows are written while they fit, and further rows are counted. Text from
//! outside is written as code.

mod remediation;
mod text;

use std::borrow::{Borrow, Cow};
use std::collections::{HashMap, HashSet};
use std::io;

use super::phrases;
use super::results::Results;
use super::worst_first::worst_first;
use crate::model::{BaselineState, EndpointReport, Finding, Identity, Remediation, Verdict};
use remediation::remediation;
use text::{block, code};

/// Characters of the whole page.
const MAX_PAGE: usize = 60_000;
/// Characters of the shortest row.
const MIN_ROW: usize = 20;
/// Named targets without a verdict, and remedies, that are listed.
const MAX_LISTED: usize = 30;
/// Targets named for one remedy.
const MAX_TARGETS: usize = 5;
/// Changes that are listed, so that room is left for the findings.
const MAX_CHANGES: usize = 100;

/// Writes the page.
pub(super) fn write(
    out: &mut dyn io::Write,
    results: &Results<'_>,
    reports: impl Iterator<Item: Borrow<EndpointReport>>,
) -> io::Result<()> {
    let mut page = Page::default();
    head(&mut page, results);
    changes(&mut page, results);
    findings(&mut page, results);
    missing_specs(&mut page, results);
    remedies(&mut page, results);
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

    /// Writes the rows that fit. Counts the others, together with the `omitted` ones that are not in `rows`.
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
        let stopped = code(stopped);
        page.line(&format!(
            "**Stopped early**: {stopped}; this report is partial.\n"
        ));
    }
    if let Some(notice) = results.shard_notice() {
        page.line(&format!("**Partial report**: {notice}.\n"));
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
        phrases::plural(coverage.targets, "target", "targets"),
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
    let omitted = changes.len().saturating_sub(MAX_CHANGES);
    let rows = changes.iter().take(MAX_CHANGES).map(|change| {
        let state = |text: &Option<String>| text.as_deref().map_or_else(|| "–".to_owned(), code);
        let opens = if change.opens { "**opens**" } else { "" };
        let (about, kind) = (code(change.about.as_str()), change.kind.as_str());
        let (before, after) = (state(&change.before), state(&change.after));
        format!("| {opens} | {about} | {kind} | {before} | {after} |")
    });
    page.rows(omitted, rows);
    page.line("");
}

fn findings(page: &mut Page, results: &Results<'_>) {
    let mut rows = results.counting_findings().map(finding).peekable();
    let not_shown = results.not_shown_notice();
    if let Some(notice) = &not_shown {
        page.line(&format!("{notice}.\n"));
    }
    if rows.peek().is_none() {
        if not_shown.is_none() {
            page.line("No findings.\n");
        }
    } else {
        page.line("### Findings\n");
        page.line("| severity | rule | target | what | |\n|---|---|---|---|---|");
        page.rows(0, rows);
        page.line("");
    }
    let count = |which: fn(&Finding) -> bool| {
        let findings = results.findings.iter();
        findings.filter(|finding| which(finding)).count()
    };
    let others = phrases::counts([
        (count(Finding::accepted), "accepted"),
        (count(Finding::gone), "gone since the baseline"),
    ]);
    if !others.is_empty() {
        page.line(&format!("Also {others}.\n"));
    }
}

fn finding(finding: &Finding) -> String {
    let Finding { severity, rule, .. } = finding;
    let state = finding.baseline.map(BaselineState::as_str);
    let (about, label) = (
        code(finding.about.as_str()),
        label(finding.label.as_deref()),
    );
    let message = code(&phrases::finding_text(finding));
    format!(
        "| {severity} | {} | {about}{label} | {message} | {} |",
        rule.id,
        state.unwrap_or_default()
    )
}

/// The label of a target, after a space.
fn label(label: Option<&str>) -> String {
    label
        .map(|label| format!(" {}", code(label)))
        .unwrap_or_default()
}

fn missing_specs(page: &mut Page, results: &Results<'_>) {
    let missing = results.missing_specs();
    if missing.is_empty() {
        return;
    }
    page.line("### Named targets without a verdict\n");
    page.line("| target | written at | result |\n|---|---|---|");
    let rows = missing.iter().take(MAX_LISTED).map(|spec| {
        let (target, place) = (code(&spec.origin.text), code(&spec.origin.to_string()));
        let result = phrases::specification_result(spec);
        format!("| {target} | {place} | {result} |")
    });
    page.rows(missing.len().saturating_sub(MAX_LISTED), rows);
    page.line("");
}

/// Each remedy once, with the targets that need it; that of the worst finding first.
fn remedies(page: &mut Page, results: &Results<'_>) {
    let mut remedies: Vec<Remedy<'_>> = Vec::new();
    let mut indices: HashMap<&Remediation, usize> = HashMap::new();
    for finding in results.counting_findings() {
        let key = &finding.remediation;
        let index = *indices.entry(key).or_insert_with(|| {
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
    let rows = remedies.iter().take(MAX_LISTED).map(Remedy::text);
    page.rows(remedies.len().saturating_sub(MAX_LISTED), rows);
    page.line("\n</details>\n");
}

/// A remedy, with the rules and targets of its findings.
struct Remedy<'a> {
    first: &'a Finding,
    rules: Vec<&'static str>,
    /// The targets that the row names.
    named: Vec<Cow<'a, str>>,
    /// All targets.
    targets: HashSet<&'a Identity>,
}

impl<'a> Remedy<'a> {
    fn add(&mut self, finding: &'a Finding) {
        if !self.rules.contains(&finding.rule.id) {
            self.rules.push(finding.rule.id);
        }
        if self.targets.insert(&finding.about) && self.named.len() < MAX_TARGETS {
            self.named.push(phrases::about(finding));
        }
    }

    fn text(&self) -> String {
        let targets: Vec<String> = self.named.iter().map(|target| code(target)).collect();
        let more = match self.targets.len().saturating_sub(targets.len()) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let (rules, targets) = (self.rules.join(", "), targets.join(", "));
        let steps = remediation(&self.first.remediation);
        let proof = self.first.curl();
        let proof = proof.map(|curl| format!("\n\n  See it yourself:\n{}", block(&curl, 2)));
        let proof = proof.unwrap_or_default();
        format!(
            "- **{rules}** at {targets}{more}:\n{steps}{}",
            proof.trim_end()
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
        let (verdict, label) = (report.verdict, label(report.target.label.as_deref()));
        let target = code(&phrases::target_and_address(report));
        let who = code(&phrases::who_answered(report));
        let may = code(&phrases::anonymous_may(report));
        format!("| {verdict} | {target}{label} | {who} | {may} |")
    });
    page.rows(left_out.values().sum(), rows);
    page.line("\n</details>");
}

#[cfg(test)]
mod tests;
