//! The run itself: its times, its exit code, and what it left out.

use std::borrow::Borrow;
use std::sync::Arc;

use jiff::SignedDuration;

use super::super::ordered_json::{Json, if_any, object};
use super::super::phrases::{
    self, counts_by_kind, counts_by_severity, plural, specification_result,
};
use super::super::results::Results;
use super::super::source_location::Repository;
use super::escaping::text;
use super::result;
use crate::model::{EndpointReport, Finding, Origin, Time};

/// Notifications of one kind. Further ones are counted.
pub(super) const MAX_LISTED: usize = 200;

/// What inventories declare, compared with what was observed. Most of it is no finding.
#[derive(Default)]
pub(super) struct Compared {
    /// Each with the line that names the target.
    pub(super) sentences: Vec<(String, Arc<Origin>)>,
    /// How many more there are.
    pub(super) more: usize,
}

impl Compared {
    pub(super) fn of(reports: impl Iterator<Item: Borrow<EndpointReport>>) -> Self {
        let mut found = Self::default();
        for report in reports {
            let report = report.borrow();
            let target = &report.target;
            let name = target.label.as_deref();
            let name = name.map_or_else(String::new, |name| format!("{name} "));
            for compared in &report.compared {
                if found.sentences.len() == MAX_LISTED {
                    found.more += 1;
                    continue;
                }
                let (fact, sentence) = (compared.fact.phrase(), &compared.sentence);
                let message = text(&format!("{name}{target}: {fact}: {sentence}."));
                found.sentences.push((message, Arc::clone(&target.origin)));
            }
        }
        found
    }
}

/// How the scan ended. `left_out` are the findings beyond the limits.
pub(super) fn invocation(
    results: &Results<'_>,
    compared: &Compared,
    repository: Repository<'_>,
    left_out: &[&Finding],
) -> Json {
    let summary = results.summary;
    let elapsed = SignedDuration::try_from(summary.elapsed).unwrap_or_default();
    let end = summary.started.checked_add(elapsed);
    object! {
        "executionSuccessful": summary.stopped.is_none(),
        "startTimeUtc": Time(summary.started).to_string(),
        "endTimeUtc": Time(end.unwrap_or(summary.started)).to_string(),
        "exitCode": u64::from(results.outcome.code),
        "exitCodeDescription": text(results.outcome.sentence),
        "toolExecutionNotifications": notices(results, compared, repository, left_out),
    }
}

fn notices(
    results: &Results<'_>,
    compared: &Compared,
    repository: Repository<'_>,
    left_out: &[&Finding],
) -> Vec<Json> {
    let coverage = &results.summary.coverage;
    let mut notices = Vec::new();
    let mut add =
        |id, level, message, locations| notices.push(notice(id, level, message, locations));
    if let Some(stopped) = &results.summary.stopped {
        let message = format!("The scan was stopped: {}.", text(stopped));
        add("stopped-early", "error", message, Vec::new());
    }
    for part in results.partial_notices() {
        let message = format!("This log is a part: {}.", text(&part));
        add("partial", "warning", message, Vec::new());
    }
    if coverage.not_attempted > 0 {
        let all = coverage.targets + coverage.further_addresses;
        let count = coverage.not_attempted;
        let kinds = counts_by_kind(&coverage.own_side_failures);
        let kinds = if kinds.is_empty() {
            kinds
        } else {
            format!(" ({kinds})")
        };
        let message = format!("Not attempted: {count} of {all} targets and addresses{kinds}.");
        add("not-attempted", "warning", message, Vec::new());
    }
    for (why, count) in coverage.left_out.iter().filter(|(why, _)| why.is_missed()) {
        add(
            "not-all-asked",
            "warning",
            format!("{}.", why.counted(*count)),
            Vec::new(),
        );
    }
    let (covered, named) = (coverage.covered(), coverage.named());
    if covered < named {
        let message = format!("{covered} of {named} named targets got a verdict.");
        add("coverage", "warning", message, Vec::new());
    }
    let missing = results.missing_specs();
    for spec in missing.iter().take(MAX_LISTED) {
        let (target, result) = (text(&spec.origin.text), specification_result(spec));
        let message = format!("{target} got no verdict: {result}.");
        let location = result::location(&spec.origin, repository);
        add("target-not-covered", "warning", message, vec![location]);
    }
    if let Some(more @ 1..) = missing.len().checked_sub(MAX_LISTED) {
        let message = format!("… and {more} more like these.");
        add("target-not-covered", "warning", message, Vec::new());
    }
    let carried = results.carried.iter().filter(|finding| finding.accepted());
    let accepted: Vec<&Finding> = results.accepted_findings().chain(carried).collect();
    for finding in accepted.iter().take(MAX_LISTED) {
        let location = result::location(&finding.origin, repository);
        let message = text(&phrases::accepted_finding(finding));
        add("accepted", "note", message, vec![location]);
    }
    if let Some(more @ 1..) = accepted.len().checked_sub(MAX_LISTED) {
        let message = format!("… and {more} more accepted findings.");
        add("accepted", "note", message, Vec::new());
    }
    for (message, origin) in &compared.sentences {
        let location = result::location(origin, repository);
        add(
            "compared-with-inventory",
            "note",
            message.clone(),
            vec![location],
        );
    }
    if compared.more > 0 {
        let message = format!("… and {} more like these.", compared.more);
        add("compared-with-inventory", "note", message, Vec::new());
    }
    // If findings that are gone were results, GitHub would show them as open alerts.
    let replaced = results.replaced();
    let gone = results
        .findings
        .iter()
        .filter(|finding| finding.gone() && replaced.by(finding).is_none())
        .count();
    if gone > 0 {
        let message = format!(
            "{} of the baseline {} gone.",
            plural(gone as u64, "finding", "findings"),
            if gone == 1 { "is" } else { "are" }
        );
        add("baseline-absent", "note", message, Vec::new());
    }
    if let Some(carried) = results.carried_notice() {
        add("carried", "note", format!("{carried}."), Vec::new());
    }
    if !left_out.is_empty() {
        let message = format!(
            "Left out because code scanning and GitLab read no more than 5,000 results and 10 MB: {}, the least \
             important ({}). The json report has all.",
            plural(left_out.len() as u64, "finding", "findings"),
            counts_by_severity(left_out.iter().copied())
        );
        add("results-left-out", "warning", message, Vec::new());
    }
    notices
}

fn notice(id: &str, level: &str, message: String, locations: Vec<Json>) -> Json {
    object! {
        "descriptor": object! { "id": id },
        "level": level,
        "message": object! { "text": message },
        "locations": if_any(locations),
    }
}
