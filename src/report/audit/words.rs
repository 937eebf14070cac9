//! Sentences that the table and Markdown share.

use std::fmt::Write as _;

use crate::audit::{Audit, Trace, TracedEndpoint};
use crate::wording::plural;

/// `3 of 5 requests found, 1 missing, 1 lost by policy`.
pub(super) fn traces(endpoint: &TracedEndpoint) -> String {
    let all = endpoint.requests.len();
    let mut text = format!("{} of {all} requests found", endpoint.count(Trace::Found));
    for (trace, words) in [
        (Trace::Missing, "missing"),
        (Trace::LostByPolicy, "lost by policy"),
        (Trace::NotObservable, "not observable"),
    ] {
        let count = endpoint.count(trace);
        if count > 0 {
            let _ = write!(text, ", {count} {words}");
        }
    }
    text
}

/// `120 events from … to …`, and what was left out.
pub(super) fn log(audit: &Audit) -> String {
    let counts = audit.counts;
    let mut text = plural(counts.events, "audit event", "audit events");
    if let (Some(first), Some(last)) = (audit.first, audit.last) {
        let _ = write!(text, " from {first:.0} to {last:.0}");
    }
    let left_out: Vec<String> = [
        (counts.foreign, "other JSON value", "other JSON values"),
        (
            counts.not_json,
            "line that is not JSON",
            "lines that are not JSON",
        ),
        (
            counts.truncated,
            "value that was cut",
            "values that were cut",
        ),
        (
            counts.too_long,
            "value that is too long",
            "values that are too long",
        ),
        (
            counts.damaged_files,
            "file with damaged compression",
            "files with damaged compression",
        ),
        (
            counts.utf16_files,
            "file in UTF-16, as PowerShell writes it (save it as UTF-8)",
            "files in UTF-16, as PowerShell writes them (save them as UTF-8)",
        ),
    ]
    .into_iter()
    .filter(|(count, ..)| *count > 0)
    .map(|(count, one, more)| plural(count, one, more))
    .collect();
    if !left_out.is_empty() {
        let _ = write!(text, "; left out: {}", left_out.join(", "));
    }
    text
}

/// How many requests of others there were.
pub(super) fn others(audit: &Audit) -> String {
    let counts = audit.other_counts;
    let mut text = format!(
        "{} allowed, {} forbidden, {} unauthenticated (401: without credentials or with bad ones)",
        counts.allowed, counts.forbidden, counts.unauthenticated
    );
    for (count, words) in [
        (counts.unknown, "without a decision"),
        (counts.claiming_this_run, CLAIMS_RUN),
        (counts.health_checks, "health checks, not listed"),
    ] {
        if count > 0 {
            let _ = write!(text, "; {count} {words}");
        }
    }
    text
}

/// What is said of requests that only look like those of the scan.
const CLAIMS_RUN: &str = "carry this run's id and match no request of it";

/// Behind the path of a group: whether its requests only look like those of the scan.
pub(super) const fn claim(claims_run: bool) -> &'static str {
    if claims_run {
        "  (carries this run's id and does not match a request of it)"
    } else {
        ""
    }
}

/// The decision about requests of others.
pub(super) const fn decision(is_beyond_default: bool, word: &'static str) -> &'static str {
    if is_beyond_default { "ALLOWED" } else { word }
}
