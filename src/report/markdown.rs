//! `markdown`: a pull-request comment or a job summary.
//!
//! A comment may have 65,536 characters. They are spent in this order: the outcome, the worst endpoints, what to do,
//! the findings (those of one rule with one fix in one row), what changed, and all endpoints, worst first. Each part
//! has a share; rows are written while they fit, and further rows are counted. Text from outside is written as code.

pub(super) mod comparison;
mod labels;
pub(super) mod remediation;
pub(super) mod text;

use std::borrow::{Borrow, Cow};
use std::io;

use super::findings_by_endpoint::FindingsByEndpoint;
use super::folded::{Folded, by_fix, by_fix_summary, folded};
use super::phrases;
use super::results::Results;
use super::worst_first::worst_first;
use crate::model::{BaselineState, EndpointReport, Finding, SpecCoverage, Verdict};
use crate::wording::first_and_more;
pub(super) use remediation::remediation;
use text::{block, code, prose, whole_code};

/// Characters of the whole page.
const MAX_PAGE: usize = 60_000;
/// Characters of the page up to the end of the fixes.
const END_OF_FIXES: usize = 25_000;
/// Characters of the page up to the end of the findings.
const END_OF_FINDINGS: usize = 42_000;
/// Characters of the page up to the end of the changes and of the targets without a verdict.
const END_OF_CHANGES: usize = 50_000;
/// Characters of what to do, in short.
const MAX_SUMMARY: usize = 300;
/// Characters of the reasons for the exit code in one line.
const MAX_SENTENCE: usize = 160;
/// Characters of the shortest row.
const MIN_ROW: usize = 20;
/// Endpoints named at the top.
const MAX_CULPRITS: usize = 5;
/// Named targets without a verdict, and fixes, that are listed.
const MAX_LISTED: usize = 30;
/// Targets named in one row.
const MAX_NAMES: usize = 8;
/// Changes that are listed.
const MAX_CHANGES: usize = 100;

/// Writes the page.
pub(super) fn write(
    out: &mut dyn io::Write,
    results: &Results<'_>,
    reports: impl Iterator<Item: Borrow<EndpointReport>>,
) -> io::Result<()> {
    let listed = results.listed_findings();
    let findings = FindingsByEndpoint::new(listed.iter().copied());
    let (reports, left_out) =
        worst_first(reports, MAX_PAGE / MIN_ROW, |report| findings.order(report));
    // In an outage, silent targets are counted only.
    let (silent, reports): (Vec<&EndpointReport>, _) = (reports.iter().map(Borrow::borrow))
        .partition(|report| results.outage.is_some() && report.verdict.has_no_answer());
    let left_out = left_out.into_values().sum::<usize>() + silent.len();
    let folds = folded(listed.iter().copied().filter(|finding| finding.counts()));

    let mut page = Page::default();
    outcome(&mut page, results);
    culprits(&mut page, &reports, &findings);
    counts(&mut page, results);
    fixes(&mut page, &folds);
    self::findings(&mut page, results, &listed, &folds);
    changes(&mut page, results);
    missing_specs(&mut page, results);
    clusters_not_asked(&mut page, results);
    if let Some((head, rows)) = labels::table(&reports) {
        page.line(&head);
        let omitted = rows.len().saturating_sub(MAX_LISTED);
        page.rows(END_OF_CHANGES, omitted, rows.into_iter().take(MAX_LISTED));
        page.line("");
    }
    endpoints(&mut page, &reports, &findings, left_out);
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

    /// Writes the rows that fit before the page has `end` characters. Counts the others, together with the `omitted`
    /// ones that are not in `rows`.
    fn rows(&mut self, end: usize, omitted: usize, rows: impl Iterator<Item = String>) {
        let mut left = 0_usize;
        for row in rows {
            if left == 0 && self.length + row.chars().count() < end {
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

fn outcome(page: &mut Page, results: &Results<'_>) {
    let title = if results.outcome.code == 0 {
        "passed"
    } else {
        "failed"
    };
    page.line(&format!("## kubeknock {title}\n"));
    if results.outcome.sentence.chars().count() <= MAX_SENTENCE {
        page.line(&whole_code(results.outcome.sentence));
    } else {
        for (number, reason) in results.outcome.reasons().enumerate() {
            let mark = if number == 0 { "" } else { "- " };
            page.line(&format!("{mark}{}", whole_code(reason)));
        }
    }
    page.line("");
    if let Some(stopped) = &results.summary.stopped {
        let stopped = code(stopped);
        page.line(&format!(
            "**Stopped early**: {stopped}; this report is partial.\n"
        ));
    }
    for notice in results.partial_notices() {
        let notice = prose(&notice, MAX_SUMMARY);
        page.line(&format!("**Partial report**: {notice}.\n"));
    }
    if let Some(outage) = results.outage_text() {
        page.line(&format!("**Outage**: {outage}.\n"));
    }
}

/// The endpoints that matter most.
fn culprits(page: &mut Page, reports: &[&EndpointReport], findings: &FindingsByEndpoint<'_>) {
    let culprits: Vec<&&EndpointReport> = (reports.iter())
        .filter(|report| findings.matters(report))
        .collect();
    if culprits.is_empty() {
        return;
    }
    for report in culprits.iter().take(MAX_CULPRITS) {
        let [name, who, may] = cells(report, findings);
        page.line(&format!("- **{}** {name}: {may}; {who}", report.verdict));
    }
    if culprits.len() > MAX_CULPRITS {
        page.line(&format!("- … and {} more", culprits.len() - MAX_CULPRITS));
    }
    page.line("");
}

/// The name and target of an endpoint, who answered, and what anonymous callers may do.
fn cells(report: &EndpointReport, findings: &FindingsByEndpoint<'_>) -> [String; 3] {
    let target = phrases::target_and_address(report);
    let name = phrases::name_and_place(report.target.label.as_deref(), &target);
    let (who, may) = (
        phrases::who_answered(report),
        findings.anonymous_may(report),
    );
    [&name, &*who, &may].map(code)
}

fn counts(page: &mut Page, results: &Results<'_>) {
    let coverage = &results.summary.coverage;
    let verdicts = Verdict::ALL.into_iter();
    let verdicts: Vec<String> = verdicts
        .filter_map(|verdict| results.verdict_count(verdict))
        .collect();
    let verdicts = verdicts.join(", ");
    let colon = if verdicts.is_empty() { "" } else { ": " };
    let targets = phrases::plural(coverage.targets, "target", "targets");
    let mut line = format!("{targets}{colon}{verdicts}.");
    if coverage.named() > 0 {
        let (covered, named) = (coverage.covered(), coverage.named());
        line = format!(
            "{line} Named targets covered: {covered} of {named} (each given by itself, with a verdict)."
        );
    }
    page.line(&format!("{line}\n"));
    if let Some(notice) = results.reported_notice() {
        page.line(&format!("{notice}.\n"));
    }
}

/// What to do: each fix once, in one line by what it says, and in full to unfold. The fix of the worst finding comes first.
fn fixes(page: &mut Page, folds: &[Folded<'_>]) {
    let fixes = by_fix(folds);
    if fixes.is_empty() {
        return;
    }
    page.line("### What to do\n");
    // Fixes that differ in their steps can have the same summary.
    let summaries = by_fix_summary(folds);
    let short = summaries.iter().take(MAX_LISTED).map(|fix| {
        let summary = prose(&fix[0].first().remediation.summary, MAX_SUMMARY);
        format!("- {summary} {}", names(fix))
    });
    let omitted = |all: usize| all.saturating_sub(MAX_LISTED);
    page.rows(END_OF_FIXES / 2, omitted(summaries.len()), short);
    page.line("\n<details><summary>How to fix it</summary>\n");
    let whole = fixes.iter().take(MAX_LISTED).map(|fix| whole_fix(fix));
    page.rows(END_OF_FIXES, omitted(fixes.len()), whole);
    page.line("\n</details>\n");
}

/// A fix in full, with its rules and targets.
fn whole_fix(fix: &[&Folded<'_>]) -> String {
    let mut rules: Vec<&str> = fix.iter().map(|fold| fold.rule().id).collect();
    rules.dedup();
    let first = fix[0].first();
    let (rules, names) = (rules.join(", "), names(fix));
    let steps = remediation(&first.remediation);
    let proof = first.curl();
    let proof = proof.map(|curl| format!("\n\n  See it yourself:\n{}", block(&curl, 2)));
    let proof = proof.unwrap_or_default();
    let proof = proof.trim_end();
    format!("- **{rules}** at {names}:\n{steps}{proof}")
}

/// The names of the targets of these findings.
fn names(folds: &[&Folded<'_>]) -> String {
    let mut names: Vec<Cow<'_, str>> = Vec::new();
    for name in folds.iter().flat_map(|fold| fold.names()) {
        // A target with several findings has them next to each other, or in another fold.
        if names.len() > MAX_NAMES || !names.contains(&name) {
            names.push(name);
        }
    }
    let listed: Vec<String> = names
        .iter()
        .take(MAX_NAMES)
        .map(|name| code(name))
        .collect();
    first_and_more(&listed, (names.len() - listed.len()) as u64)
}

fn findings(page: &mut Page, results: &Results<'_>, listed: &[&Finding], folds: &[Folded<'_>]) {
    let not_shown = results.not_shown_notice();
    if let Some(notice) = &not_shown {
        page.line(&format!("{notice}.\n"));
    }
    if folds.is_empty() {
        if not_shown.is_none() {
            page.line("No findings.\n");
        }
    } else {
        page.line("### Findings\n");
        page.line("| severity | rule | target | what | |\n|---|---|---|---|---|");
        page.rows(END_OF_FINDINGS, 0, folds.iter().map(row));
        page.line("");
    }
    let count =
        |which: fn(&Finding) -> bool| listed.iter().filter(|finding| which(finding)).count();
    let others = phrases::counts([
        (count(Finding::accepted), "accepted"),
        (count(Finding::gone), "gone since the baseline"),
    ]);
    if !others.is_empty() {
        page.line(&format!("Also {others}.\n"));
    }
    if let Some(notice) = results.carried_notice() {
        page.line(&format!("Also {notice}.\n"));
    }
}

/// Findings of one rule with one fix.
fn row(fold: &Folded<'_>) -> String {
    let first = fold.first();
    let state = first.baseline.map(BaselineState::as_str);
    let (targets, what) = if let Some(finding) = fold.only() {
        let text = phrases::finding_text(finding);
        (code(&phrases::finding_name(finding)), code(&text))
    } else {
        let expired = phrases::expired_acceptance(first);
        let expired = expired.map(|expired| format!("; {}", code(&expired)));
        let title = format!("{}{}", fold.rule().title, expired.unwrap_or_default());
        (names(&[fold]), title)
    };
    let (severity, title) = (fold.severity(), fold.title());
    format!(
        "| {severity} | {title} | {targets} | {what} | {} |",
        state.unwrap_or_default()
    )
}

fn changes(page: &mut Page, results: &Results<'_>) {
    let Some(changes) = results.listed_changes() else {
        return;
    };
    if changes.is_empty() {
        if results.outage.is_none() {
            page.line("Nothing changed since the baseline.\n");
        }
        return;
    }
    page.line("### Changes since the baseline\n");
    page.line("| | target | what | before | now |\n|---|---|---|---|---|");
    let omitted = changes.len().saturating_sub(MAX_CHANGES);
    let rows = changes.iter().take(MAX_CHANGES).map(|change| {
        let state = |text: &Option<String>| text.as_deref().map_or_else(|| "–".to_owned(), code);
        let opens = if change.opens { "**opens**" } else { "" };
        let (about, kind) = (
            code(&phrases::change_name(change)),
            phrases::change_kind(change),
        );
        let (before, after) = (state(&change.before), state(&change.after));
        format!("| {opens} | {about} | {kind} | {before} | {after} |")
    });
    page.rows(END_OF_CHANGES, omitted, rows);
    page.line("");
}

fn missing_specs(page: &mut Page, results: &Results<'_>) {
    let missing = results.listed_specs(SpecCoverage::is_missing);
    if missing.is_empty() {
        return;
    }
    page.line("### Named targets without a verdict\n");
    page.line("| target | written at | result |\n|---|---|---|");
    let rows = missing.iter().take(MAX_LISTED).map(|spec| {
        let name = phrases::name_and_place(spec.label.as_deref(), &spec.origin.text);
        let (target, place) = (code(&name), code(&spec.origin.to_string()));
        let result = phrases::specification_result(spec);
        format!("| {target} | {place} | {result} |")
    });
    let omitted = missing.len().saturating_sub(MAX_LISTED);
    page.rows(END_OF_CHANGES, omitted, rows);
    page.line("");
}

/// The clusters of inventories that were not asked.
fn clusters_not_asked(page: &mut Page, results: &Results<'_>) {
    let clusters = &results.summary.coverage.clusters_not_asked;
    if clusters.is_empty() {
        return;
    }
    page.line("### Clusters not asked\n");
    page.line("| cluster | listed at | why |\n|---|---|---|");
    let rows = clusters.iter().take(MAX_LISTED).map(|cluster| {
        let (name, place) = (code(cluster.name()), code(&cluster.origin.to_string()));
        format!("| {name} | {place} | {} |", code(&cluster.text()))
    });
    let omitted = clusters.len().saturating_sub(MAX_LISTED);
    page.rows(END_OF_CHANGES, omitted, rows);
    page.line("");
}

fn endpoints(
    page: &mut Page,
    reports: &[&EndpointReport],
    findings: &FindingsByEndpoint<'_>,
    left_out: usize,
) {
    if reports.is_empty() {
        return;
    }
    page.line("<details><summary>Endpoints</summary>\n");
    page.line("| verdict | target | who | anonymous may |\n|---|---|---|---|");
    let rows = reports.iter().map(|report| {
        let [name, who, may] = cells(report, findings);
        format!("| {} | {name} | {who} | {may} |", report.verdict)
    });
    page.rows(MAX_PAGE, left_out, rows);
    page.line("\n</details>");
}

#[cfg(test)]
mod tests;
