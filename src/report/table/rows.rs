//! Which endpoints are worth a row, and what stands in it.

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashMap, HashSet};

use super::super::worst;
use super::words;
use crate::model::{Coverage, EndpointReport, Host, Origin, Target, Verdict};

/// Rows of servers that are something else, and of unreachable ones; the rest is counted.
const CROWD: usize = 30;
/// Reports that may get a row.
const MOST: usize = 10_000;

/// One line of the table; the text is not yet escaped.
pub(super) struct Row {
    pub(super) verdict: Verdict,
    pub(super) target: String,
    pub(super) label: String,
    pub(super) who: String,
    pub(super) may: String,
    /// What was expected in place of the verdict.
    pub(super) expected: Option<Verdict>,
}

/// The rows, and how many of a verdict did not get one.
pub(super) struct Rows {
    pub(super) rows: Vec<Row>,
    pub(super) more: BTreeMap<Verdict, usize>,
}

/// Whether a verdict can come by the hundred without anybody wanting to see them all.
fn crowds(verdict: Verdict) -> bool {
    matches!(
        verdict,
        Verdict::NotApiServer | Verdict::Unreachable | Verdict::NotAttempted
    )
}

/// What rows stand in the order of.
fn place(report: &EndpointReport) -> impl Ord + use<> {
    (
        report.verdict,
        crowds(report.verdict) && !report.target.named,
        report.order_key(),
    )
}

/// The reports that may get a row, in the order of the rows: nobody reads more than [`MOST`]. The
/// others are counted.
pub(super) fn worst<R: Borrow<EndpointReport>>(
    reports: impl Iterator<Item = R>,
) -> (Vec<R>, BTreeMap<Verdict, usize>) {
    worst::of(reports, MOST, place)
}

/// The rows, worst verdict first, then in the order of the target set; of those that crowd, the
/// named targets first.
pub(super) fn select<R: Borrow<EndpointReport>>(
    kept: &[R],
    left_out: BTreeMap<Verdict, usize>,
    coverage: &Coverage,
) -> Rows {
    let reports: Vec<&EndpointReport> = kept.iter().map(Borrow::borrow).collect();
    let mut silent = Silent::among(&reports, coverage);
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
        if crowds(row.verdict) && *count > CROWD {
            *rows.more.entry(row.verdict).or_default() += 1;
        } else {
            rows.rows.push(row);
        }
    }
    rows
}

/// What must be known of all reports to say what a silent one is worth: one that accepted no
/// connection, or never became an endpoint.
struct Silent<'a> {
    /// Specifications of which something answered.
    answered: HashSet<&'a Origin>,
    /// Targets (name and port) of which an address answered.
    answered_targets: HashSet<u64>,
    /// Named specifications of which nothing did, with all their endpoints, until their row is made.
    groups: HashMap<&'a Origin, Vec<&'a EndpointReport>>,
    /// Specifications whose expectation is not met.
    unmet: HashSet<&'a Origin>,
}

impl<'a> Silent<'a> {
    fn among(reports: &[&'a EndpointReport], coverage: &'a Coverage) -> Self {
        let answered = || reports.iter().filter(|report| !silent(report));
        let mut this = Self {
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
            if silent(report) && report.target.named && !this.answered.contains(origin) {
                this.groups.entry(origin).or_default().push(report);
            }
        }
        this
    }

    /// The row of a report; `None` for a closed port of a named target that answered on another,
    /// and for all but the first endpoint of a target of which none answered.
    fn row(&mut self, report: &EndpointReport) -> Option<Row> {
        let origin = &*report.target.origin;
        let own_row = !silent(report)
            || !report.target.named
            // One address of a name answers and another does not: that is worth seeing.
            || self.answered_targets.contains(&report.target.index);
        if own_row {
            return Some(self.fill(report, target_cell(report), words::may(report)));
        }
        let group = self.groups.remove(origin)?;
        Some(match group.as_slice() {
            [one] => self.fill(one, target_cell(one), words::may(one)),
            several => self.fill(report, origin.text.to_string(), words::silence(several)),
        })
    }

    fn fill(&self, report: &EndpointReport, target: String, may: String) -> Row {
        Row {
            verdict: report.verdict,
            target,
            label: report
                .target
                .label
                .as_deref()
                .unwrap_or_default()
                .to_owned(),
            who: words::who(report),
            may,
            expected: self.missed(report.verdict, &report.target),
        }
    }

    /// What was expected in place of this verdict. A closed port misses nothing as long as the
    /// specification as a whole is met.
    fn missed(&self, verdict: Verdict, target: &Target) -> Option<Verdict> {
        let expected = target.expect.filter(|expected| *expected != verdict)?;
        let silent = matches!(verdict, Verdict::Unreachable | Verdict::NotAttempted);
        (!silent || self.unmet.contains(&*target.origin)).then_some(expected)
    }
}

fn silent(report: &EndpointReport) -> bool {
    matches!(report.verdict, Verdict::Unreachable | Verdict::NotAttempted) && !report.connected()
}

/// The target, the address that its name hides, and the name that its address is asked for.
pub(in crate::report) fn target_cell(report: &EndpointReport) -> String {
    let asked = &report.target;
    let mut cell = match &report.endpoint {
        // A port that was asked with TLS and speaks plain HTTP.
        Some(endpoint) => Target {
            scheme: endpoint.scheme,
            ..asked.clone()
        }
        .to_string(),
        None => asked.to_string(),
    };
    if let (Host::Name(_), Some(endpoint)) = (&report.target.host, &report.endpoint) {
        let by_proxy = || ", resolved by the proxy".to_owned();
        cell.push_str(
            &endpoint
                .address()
                .map_or_else(by_proxy, |address| format!(" at {}", address.ip())),
        );
    }
    if let Some(sni) = &report.target.sni {
        cell.push_str(" as ");
        cell.push_str(sni);
    }
    cell
}
