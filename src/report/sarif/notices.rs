//! The run itself: its times, its exit code, and what it left out.

use jiff::{SignedDuration, Timestamp};

use super::super::phrases::{not_attempted, specification_result};
use super::super::{Repository, Results};
use super::escaping::text;
use super::log::{Descriptor, Invocation, Location, Notification, Text};
use super::result;
use crate::model::{Finding, Severity, SpecCoverage};

/// Notifications of one kind. Further ones are counted.
const LISTED: usize = 1000;

/// How the scan ended. `left_out` are the findings beyond the limits.
pub(super) fn invocation(
    results: &Results<'_>,
    repository: Repository<'_>,
    left_out: &[&Finding],
) -> Invocation {
    let summary = results.summary;
    let coverage = &summary.coverage;
    let mut notices = Vec::new();
    if let Some(stopped) = &summary.stopped {
        notices.push(notice(
            "stopped-early",
            "error",
            format!("The scan was stopped: {}.", text(stopped)),
        ));
    }
    if coverage.not_attempted > 0 {
        let all = coverage.targets + coverage.further_addresses;
        let missing = format!(
            "{} of {all} targets and addresses.",
            not_attempted(coverage)
        );
        notices.push(notice("not-attempted", "warning", missing));
    }
    for (why, count) in coverage.unasked.iter().filter(|(why, _)| why.is_missed()) {
        notices.push(notice(
            "not-all-asked",
            "warning",
            format!("{}.", why.counted(*count)),
        ));
    }
    if coverage.named() > 0 && coverage.covered() < coverage.named() {
        let counts = format!(
            "{} of {} named targets got a verdict.",
            coverage.covered(),
            coverage.named()
        );
        notices.push(notice("coverage", "warning", counts));
        let missing: Vec<&SpecCoverage> = coverage
            .specs
            .iter()
            .filter(|spec| spec.is_missing())
            .collect();
        notices.extend(
            missing
                .iter()
                .take(LISTED)
                .map(|spec| not_covered(spec, repository)),
        );
        if missing.len() > LISTED {
            let more = format!("… and {} more like these.", missing.len() - LISTED);
            notices.push(notice("target-not-covered", "warning", more));
        }
    }
    notices.extend(gone(results));
    notices.extend(cut(left_out));
    let end = SignedDuration::try_from(summary.elapsed)
        .ok()
        .and_then(|elapsed| summary.started.checked_add(elapsed).ok())
        .unwrap_or(summary.started);
    Invocation {
        execution_successful: summary.stopped.is_none(),
        start_time_utc: time(summary.started),
        end_time_utc: time(end),
        exit_code: results.outcome.code,
        exit_code_description: text(results.outcome.sentence),
        tool_execution_notifications: notices,
    }
}

fn notice(id: &'static str, level: &'static str, message: String) -> Notification {
    Notification {
        descriptor: Descriptor { id },
        level,
        message: Text { text: message },
        locations: Vec::new(),
    }
}

fn not_covered(spec: &SpecCoverage, repository: Repository<'_>) -> Notification {
    let message = format!(
        "{} got no verdict: {}.",
        text(&spec.origin.text),
        specification_result(spec)
    );
    let location: Location = result::location(&spec.origin, repository);
    Notification {
        locations: vec![location],
        ..notice("target-not-covered", "warning", message)
    }
}

/// The findings of the baseline that are gone. As results, GitHub would show them as open alerts.
fn gone(results: &Results<'_>) -> Option<Notification> {
    let gone = results
        .findings
        .iter()
        .filter(|finding| finding.gone())
        .count();
    (gone > 0).then(|| {
        let message = format!("{gone} findings of the baseline are gone.");
        notice("baseline-absent", "note", message)
    })
}

fn cut(left_out: &[&Finding]) -> Option<Notification> {
    let counts: Vec<String> = (Severity::ALL.into_iter())
        .map(|severity| {
            (
                severity,
                left_out
                    .iter()
                    .filter(|finding| finding.severity == severity)
                    .count(),
            )
        })
        .filter(|(_, count)| *count > 0)
        .map(|(severity, count)| format!("{count} {severity}"))
        .collect();
    (!left_out.is_empty()).then(|| {
        let message = format!(
            "The {} least severe findings were left out because GitHub accepts no more: {}. The json report has all.",
            left_out.len(),
            counts.join(", ")
        );
        notice("results-left-out", "warning", message)
    })
}

/// RFC 3339, UTC, milliseconds.
fn time(at: Timestamp) -> String {
    format!("{at:.3}")
}
