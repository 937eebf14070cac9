//! `ocsf`: events of the Open Cybersecurity Schema Framework (<https://schema.ocsf.io>), one JSON object a line.
//!
//! Each finding is a *Detection Finding*. Prowler writes this class, Security Hub and Security Lake of AWS read it, and it
//! has room for the requests that prove a finding; a *Compliance Finding* needs a control of a standard, which many
//! rules do not have. [`VERSION`] is the newest version that Security Hub reads. The events have no attribute that
//! 1.5 (Prowler) or 1.7 lacks.
//!
//! A finding that is gone since the baseline is an event that closes it, because consumers keep a finding until an event
//! closes it. A finding that is carried from earlier scans is updated: it stays open, and its acceptance may have ended or
//! begun. An accepted finding is suppressed. One that is a
//! part of a worse finding is archived: its event is closed, and nothing is resolved.

mod cloud;
mod evidence;

use std::io;

use super::escape::escape;
use super::ordered_json::{Json, if_any, object};
use super::results::Results;
use super::{encode, findings_with_records, phrases};
use crate::escape::TEXT;
use crate::model::{
    Acceptance, BaselineState, Confidence, EndpointReport, Finding, Rule, Severity, Verdict,
};
use crate::record::Spool;
use jiff::{SignedDuration, Timestamp};

/// The version of the schema.
const VERSION: &str = "1.6.0";

/// The class Detection Finding in the category Findings.
const CLASS: u64 = 2004;

/// Writes an event for each finding.
pub(super) fn write(
    out: &mut dyn io::Write,
    results: &Results<'_>,
    records: &mut Spool,
) -> io::Result<()> {
    let findings: Vec<&Finding> = results.findings.iter().collect();
    let carried: Vec<&Finding> = results.carried.iter().collect();
    let replaced = results.replaced();
    findings_with_records::each(&findings, &carried, records, |finding, records| {
        let by = replaced.by(finding);
        out.write_all(&encode::line(&event(finding, by, records, results))?)
    })?;
    out.flush()
}

/// The event for a finding. Another rule may have a finding that takes its place.
fn event(
    finding: &Finding,
    replaced_by: Option<&Rule>,
    records: &[&EndpointReport],
    results: &Results<'_>,
) -> Json {
    let asked = records.iter().flat_map(|record| &record.requests);
    let last_asked = asked.map(|request| request.exchange.at).max();
    let seen = milliseconds(last_asked.unwrap_or_else(|| scan_end(results)));
    // An event that is older than the last one would be ignored.
    let is_carried = finding.last_seen.is_some();
    let time = if is_carried {
        milliseconds(scan_end(results))
    } else {
        seen
    };
    let (activity, activity_name) = activity(finding);
    let (severity, severity_name) = severity(finding.severity);
    let (status, status_name) = status(finding, replaced_by);
    let (confidence, confidence_name) = confidence(finding.confidence);
    let cloud = cloud::of(records);
    let message = phrases::finding_and_target(finding);
    object! {
        "activity_id": activity,
        "activity_name": activity_name,
        "category_uid": CLASS / 1000,
        "category_name": "Findings",
        "class_uid": CLASS,
        "class_name": "Detection Finding",
        "type_uid": CLASS * 100 + activity,
        "type_name": format!("Detection Finding: {activity_name}"),
        "time": time,
        "message": escape(&message, TEXT),
        "severity_id": severity,
        "severity": severity_name,
        "status_id": status,
        "status": status_name,
        "status_code": finding.verdict.map(Verdict::as_str),
        "status_detail": status_detail(finding, replaced_by),
        "comment": finding.acceptance.as_ref().filter(|acceptance| acceptance.in_force).map(comment),
        "confidence_id": confidence,
        "confidence": confidence_name,
        "metadata": metadata(finding, results, cloud.is_some()),
        "finding_info": finding_info(finding, time, seen),
        "risk_details": finding.rule.meaning,
        "remediation": remediation(finding),
        "resources": if_any(evidence::resources(finding, records)),
        "evidences": if_any(evidence::evidences(finding, records)),
        "observables": if_any(evidence::observables(finding)),
        "vulnerabilities": finding.rule.cwe.map(|cwe| vec![weakness(finding, cwe)]),
        "cloud": cloud.map(cloud::Cloud::json),
        "unmapped": unmapped(finding),
    }
}

/// What happened to the finding.
fn activity(finding: &Finding) -> (u64, &'static str) {
    match finding.baseline {
        None | Some(BaselineState::New) => (1, "Create"),
        Some(BaselineState::Unchanged) => (2, "Update"),
        Some(BaselineState::Absent) => (3, "Close"),
    }
}

fn severity(severity: Severity) -> (u64, &'static str) {
    match severity {
        Severity::Critical => (5, "Critical"),
        Severity::High => (4, "High"),
        Severity::Medium => (3, "Medium"),
        Severity::Low => (2, "Low"),
        Severity::Note => (1, "Informational"),
    }
}

fn status(finding: &Finding, replaced_by: Option<&Rule>) -> (u64, &'static str) {
    if replaced_by.is_some() {
        (5, "Archived")
    } else if finding.gone() {
        (4, "Resolved")
    } else if finding.accepted() {
        (3, "Suppressed")
    } else {
        (1, "New")
    }
}

fn status_detail(finding: &Finding, replaced_by: Option<&Rule>) -> Option<String> {
    let acceptance = || {
        let text = phrases::acceptance_text(finding.acceptance.as_ref()?);
        Some(escape(&text, TEXT))
    };
    replaced_by
        .map(|rule| format!("not resolved: it is a part of {}", rule.id))
        .or_else(acceptance)
}

fn confidence(confidence: Confidence) -> (u64, &'static str) {
    match confidence {
        Confidence::High => (3, "High"),
        Confidence::Medium => (2, "Medium"),
        Confidence::Low => (1, "Low"),
    }
}

/// Why it is accepted.
fn comment(acceptance: &Acceptance) -> String {
    escape(&acceptance.reason, TEXT)
}

fn metadata(finding: &Finding, results: &Results<'_>, has_cloud: bool) -> Json {
    let started = milliseconds(results.summary.started);
    object! {
        "version": VERSION,
        // Of this event: the finding in this scan.
        "uid": format!("{}-{started}", finding.fingerprint),
        "event_code": finding.rule.id,
        "product": object! {
            "uid": "kubeknock",
            "name": "kubeknock",
            "vendor_name": "kubeknock",
            "version": escape(results.info.tool_version, TEXT),
        },
        "profiles": has_cloud.then(|| vec!["cloud"]),
    }
}

fn finding_info(finding: &Finding, time: u64, seen: u64) -> Json {
    let mut types = vec!["Anonymous access to Kubernetes".to_owned()];
    types.extend(finding.rule.cwe.map(|cwe| format!("CWE-{cwe}")));
    object! {
        "uid": finding.fingerprint.to_string(),
        "title": finding.rule.title,
        "desc": escape(&phrases::finding_text(finding), TEXT),
        "types": types,
        "analytic": object! { "uid": finding.rule.id, "name": finding.rule.title, "type_id": 1, "type": "Rule" },
        // Without a baseline, it is unknown whether the finding is new.
        "first_seen_time": finding.is_new().then_some(time),
        "last_seen_time": (!finding.gone()).then_some(seen),
        "modified_time": time,
    }
}

fn remediation(finding: &Finding) -> Json {
    let lines = phrases::remediation_lines(&finding.remediation, phrases::MAX_REMEDIATION);
    let lines: Vec<String> = lines.iter().map(|line| escape(line, TEXT)).collect();
    let reference = finding.remediation.reference.as_deref();
    object! {
        "desc": lines.join("\n"),
        "references": reference.map(|url| vec![escape(url, TEXT)]),
    }
}

fn weakness(finding: &Finding, cwe: u16) -> Json {
    object! {
        "title": finding.rule.title,
        "severity": severity(finding.severity).1,
        // The URL is left out, because Prowler's library expects it as an object, against the schema.
        "cwe": object! { "uid": format!("CWE-{cwe}") },
    }
}

/// What the class has no attribute for.
fn unmapped(finding: &Finding) -> Json {
    let controls = finding.rule.controls.iter().map(|control| {
        let item = format!("{} {}", control.framework, control.id);
        item.trim_end().to_owned()
    });
    let open: Vec<Json> = (finding.open.iter().take(evidence::MAX_SITES))
        .map(|path| escape(path, TEXT).into())
        .collect();
    object! {
        "about": escape(finding.about.as_str(), TEXT),
        "name": finding.label.as_deref().map(|label| escape(label, TEXT)),
        "origin": escape(&finding.origin.to_string(), TEXT),
        "expected": finding.expected.map(Verdict::as_str),
        "baseline": finding.baseline.map(BaselineState::as_str),
        "open": if_any(open),
        "curl": finding.curl().map(|curl| escape(&curl, 2 * TEXT)),
        "controls": if_any(controls.map(Json::from).collect()),
    }
}

/// When the scan ended.
fn scan_end(results: &Results<'_>) -> Timestamp {
    let elapsed = SignedDuration::try_from(results.summary.elapsed).unwrap_or_default();
    let started = results.summary.started;
    started.checked_add(elapsed).unwrap_or(started)
}

/// Milliseconds since 1970.
fn milliseconds(at: Timestamp) -> u64 {
    at.as_millisecond().try_into().unwrap_or_default()
}

#[cfg(test)]
mod tests;
