//! Which endpoints get a row, and its cells.

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashMap, HashSet};

use super::super::findings_by_endpoint::{FindingsByEndpoint, is_common};
use super::super::phrases::{no_answer, target_and_address, who_answered};
use super::super::results::Results;
use super::super::worst_first::worst_first;
use crate::model::{Coverage, EndpointReport, Origin, Target, Verdict};

/// Rows of a verdict that is common; further endpoints are counted.
const MAX_COMMON: usize = 30;
/// Endpoints that may get a row.
const MAX_ROWS: usize = 10_000;

/// One row of the table; the text is not escaped.
pub(super) struct Row {
    pub(super) verdict: Verdict,
    pub(super) target: String,
    pub(super) label: String,
    pub(super) who: String,
    pub(super) may: String,
    /// The expected verdict, if it is another one.
    pub(super) expected: Option<Verdict>,
}

/// The rows, and how many endpoints of a verdict got none.
pub(super) struct Rows {
    pub(super) rows: Vec<Row>,
    pub(super) more: BTreeMap<Verdict, usize>,
}

/// The endpoints that may get a row, in the order of the rows, and counts of the others.
pub(super) fn worst<R: Borrow<EndpointReport>>(
    reports: impl Iterator<Item = R>,
    findings: &FindingsByEndpoint<'_>,
) -> (Vec<R>, BTreeMap<Verdict, usize>) {
    worst_first(reports, MAX_ROWS, |report| findings.order(report))
}

/// The rows of these endpoints. In an outage, silent targets are counted only.
pub(super) fn select<R: Borrow<EndpointReport>>(
    kept: &[R],
    left_out: BTreeMap<Verdict, usize>,
    results: &Results<'_>,
    findings: &FindingsByEndpoint<'_>,
) -> Rows {
    let reports: Vec<&EndpointReport> = kept.iter().map(Borrow::borrow).collect();
    let mut silent = SilentEndpoints::new(&reports, &results.summary.coverage, findings);
    let mut rows = Rows {
        rows: Vec::new(),
        more: left_out,
    };
    let mut counts: HashMap<Verdict, usize> = HashMap::new();
    for report in reports {
        let Some(row) = silent.row(report) else {
            continue;
        };
        let count = counts.entry(row.verdict).or_default();
        *count += 1;
        let is_hidden = results.outage.is_some() && row.verdict.has_no_answer();
        if is_hidden || is_common(row.verdict) && *count > MAX_COMMON {
            *rows.more.entry(row.verdict).or_default() += 1;
        } else {
            rows.rows.push(row);
        }
    }
    rows
}

/// The facts that decide whether a silent endpoint gets a row. An endpoint is silent if it accepted no connection or
/// was never found.
struct SilentEndpoints<'a> {
    /// Specifications with an endpoint that answered.
    answered: HashSet<&'a Origin>,
    /// Targets (name and port) with an address that answered.
    answered_targets: HashSet<u64>,
    /// The silent endpoints of each named specification without any answer. They share one row.
    groups: HashMap<&'a Origin, Vec<&'a EndpointReport>>,
    findings: &'a FindingsByEndpoint<'a>,
    /// Specifications whose expected verdict was not seen.
    unmet: HashSet<&'a Origin>,
}

impl<'a> SilentEndpoints<'a> {
    fn new(
        reports: &[&'a EndpointReport],
        coverage: &'a Coverage,
        findings: &'a FindingsByEndpoint<'a>,
    ) -> Self {
        let answered = || {
            reports
                .iter()
                .filter(|report| !accepted_no_connection(report))
        };
        let mut this = Self {
            findings,
            answered: answered().map(|report| &*report.target.origin).collect(),
            answered_targets: answered().map(|report| report.target.index).collect(),
            groups: HashMap::new(),
            unmet: (coverage.specs.iter())
                .filter(|spec| spec.met == Some(false))
                .map(|spec| &*spec.origin)
                .collect(),
        };
        for report in reports {
            let origin = &*report.target.origin;
            if accepted_no_connection(report)
                && report.target.named
                && !this.answered.contains(origin)
            {
                this.groups.entry(origin).or_default().push(report);
            }
        }
        this
    }

    /// The row of an endpoint; `None` for a closed port of a named target that answered on another port, and for
    /// all but the first endpoint of a specification without an answer.
    fn row(&mut self, report: &EndpointReport) -> Option<Row> {
        let origin = &*report.target.origin;
        let has_own_row = !accepted_no_connection(report)
            || !report.target.named
            // Another address of the same name answers, so the difference is shown.
            || self.answered_targets.contains(&report.target.index);
        if has_own_row {
            return Some(self.make_row(
                report,
                target_and_address(report),
                self.findings.anonymous_may(report),
            ));
        }
        let group = self.groups.remove(origin)?;
        Some(match group.as_slice() {
            [one] => self.make_row(
                one,
                target_and_address(one),
                self.findings.anonymous_may(one),
            ),
            several => self.make_row(report, origin.text.to_string(), no_answer(several)),
        })
    }

    fn make_row(&self, report: &EndpointReport, target: String, may: String) -> Row {
        Row {
            verdict: report.verdict,
            target,
            label: report
                .target
                .label
                .as_deref()
                .unwrap_or_default()
                .to_owned(),
            who: who_answered(report),
            may,
            expected: self.unmet_expectation(report.verdict, &report.target),
        }
    }

    /// The expected verdict, if this one differs. A silent endpoint counts only if no other endpoint of the
    /// specification shows the expected verdict.
    fn unmet_expectation(&self, verdict: Verdict, target: &Target) -> Option<Verdict> {
        let expected = target.expect.filter(|expected| *expected != verdict)?;
        (!verdict.has_no_answer() || self.unmet.contains(&*target.origin)).then_some(expected)
    }
}

/// Whether an endpoint accepted no connection or was never found.
fn accepted_no_connection(report: &EndpointReport) -> bool {
    report.verdict.has_no_answer() && !report.connected()
}
