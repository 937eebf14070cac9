//! An inspection for programs: one JSON document.

use std::io::{self, Write};

use serde::Serialize;

use super::against::Comparison;
use super::audit_policy::PolicyReport;
use super::bindings::BindingReport;
use super::inspected::{InspectedServer, Inspection};
use super::place::Place;
use super::prediction::PathPrediction;
use super::server::Statement;
use crate::escape::{TEXT, escape};
use crate::model::{Finding, Severity, Time, Verdict};

/// The name and version of the format.
const SCHEMA: &str = "kubeknock/inspection/v1";

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    /// When the files were inspected.
    time: String,
    servers: Vec<Server<'a>>,
    bindings: Vec<Binding<'a>>,
    audit_policies: Vec<AuditPolicy<'a>>,
    notes: Vec<Remark>,
    unreadable: Vec<Remark>,
    findings: Vec<FindingEntry<'a>>,
    exit_code: u8,
    reason: &'a str,
}

#[derive(Serialize)]
struct Server<'a> {
    name: String,
    /// What findings and policies call it.
    target: String,
    place: PlaceEntry,
    release: Option<String>,
    is_hint: bool,
    starts: bool,
    verdict: Option<Verdict>,
    verdict_without_deep: Option<Verdict>,
    is_lower_bound: bool,
    statements: Vec<Remark>,
    paths: Vec<PathEntry<'a>>,
    comparisons: Vec<Compared<'a>>,
}

#[derive(Serialize)]
struct PlaceEntry {
    /// The file; null for standard input.
    file: Option<String>,
    line: u32,
    column: u32,
}

#[derive(Serialize)]
struct Remark {
    place: Option<PlaceEntry>,
    text: String,
}

#[derive(Serialize)]
struct PathEntry<'a> {
    path: String,
    access: &'static str,
    asked_by_scans: bool,
    because: &'a str,
    place: Option<PlaceEntry>,
}

#[derive(Serialize)]
struct Compared<'a> {
    endpoint: String,
    observed: Verdict,
    outcome: &'static str,
    differences: Vec<Differing<'a>>,
    causes: &'a str,
}

#[derive(Serialize)]
struct Differing<'a> {
    path: String,
    predicted: &'static str,
    observed: &'a str,
}

#[derive(Serialize)]
struct Binding<'a> {
    name: String,
    place: PlaceEntry,
    audience: &'a str,
    role: String,
    standing: &'static str,
    grants: Vec<String>,
}

#[derive(Serialize)]
struct AuditPolicy<'a> {
    place: PlaceEntry,
    problem: Option<&'a str>,
    requests: Vec<AuditRow<'a>>,
    unknown_fields: Vec<PlaceEntry>,
}

#[derive(Serialize)]
struct AuditRow<'a> {
    request: &'a str,
    by: &'a str,
    logged_if_let_in: bool,
    logged_if_refused: bool,
}

#[derive(Serialize)]
struct FindingEntry<'a> {
    rule: &'static str,
    severity: Severity,
    about: String,
    file: String,
    line: u32,
    message: String,
    remedy: String,
    fingerprint: String,
    accepted: bool,
    verdict: Option<Verdict>,
    open: Vec<&'a str>,
}

/// Writes the document. `pretty` spreads it over lines.
///
/// # Errors
/// The writer fails.
pub fn write_json(
    out: &mut dyn Write,
    inspection: &Inspection,
    findings: &[Finding],
    (exit_code, reason): (u8, &str),
    pretty: bool,
) -> io::Result<()> {
    let notes = inspection.notes.iter();
    let unreadable = inspection.unreadable.iter();
    let document = Document {
        schema: SCHEMA,
        time: Time(inspection.time).to_string(),
        servers: inspection.servers.iter().map(Server::from).collect(),
        bindings: inspection.bindings.iter().map(Binding::from).collect(),
        audit_policies: inspection.policies.iter().map(AuditPolicy::from).collect(),
        notes: notes
            .map(|note| remark(Some(&note.place), &note.text))
            .collect(),
        unreadable: unreadable
            .map(|one| remark(Some(&one.place), &one.problem))
            .collect(),
        findings: findings.iter().map(FindingEntry::from).collect(),
        exit_code,
        reason,
    };
    if pretty {
        serde_json::to_writer_pretty(&mut *out, &document)?;
    } else {
        serde_json::to_writer(&mut *out, &document)?;
    }
    writeln!(out)
}

fn shown(text: &str) -> String {
    escape(text, TEXT)
}

fn remark(place: Option<&Place>, text: &str) -> Remark {
    Remark {
        place: place.map(PlaceEntry::from),
        text: shown(text),
    }
}

impl From<&Place> for PlaceEntry {
    fn from(place: &Place) -> Self {
        let file = match &place.source {
            crate::model::Source::File(path) => Some(shown(path)),
            _ => None,
        };
        Self {
            file,
            line: place.line,
            column: place.column,
        }
    }
}

impl<'a> From<&'a InspectedServer> for Server<'a> {
    fn from(server: &'a InspectedServer) -> Self {
        let prediction = &server.prediction;
        let statements = prediction
            .start_problems
            .iter()
            .chain(&prediction.statements);
        let statement = |said: &Statement| remark(said.place.as_ref(), &said.text);
        Self {
            name: shown(&server.name),
            place: (&server.place).into(),
            release: server.release.map(|release| release.to_string()),
            is_hint: server.is_hint,
            starts: prediction.start_problems.is_empty(),
            target: shown(&server.target()),
            verdict: prediction.verdict,
            verdict_without_deep: prediction.without_deep,
            is_lower_bound: prediction.is_lower_bound,
            statements: statements.map(statement).collect(),
            paths: prediction.paths.iter().map(PathEntry::from).collect(),
            comparisons: server.comparisons.iter().map(Compared::from).collect(),
        }
    }
}

impl<'a> From<&'a PathPrediction> for PathEntry<'a> {
    fn from(path: &'a PathPrediction) -> Self {
        Self {
            path: shown(&path.path),
            access: path.access.as_str(),
            asked_by_scans: path.is_asked,
            because: &path.because.text,
            place: path.because.place.as_ref().map(PlaceEntry::from),
        }
    }
}

impl<'a> From<&'a Comparison> for Compared<'a> {
    fn from(comparison: &'a Comparison) -> Self {
        let differences = comparison.differences.iter().map(|difference| Differing {
            path: shown(&difference.path),
            predicted: difference.predicted.as_str(),
            observed: difference.observed,
        });
        Self {
            endpoint: shown(&comparison.endpoint),
            observed: comparison.observed,
            outcome: comparison.outcome.as_str(),
            differences: differences.collect(),
            causes: comparison.causes(),
        }
    }
}

impl<'a> From<&'a BindingReport> for Binding<'a> {
    fn from(binding: &'a BindingReport) -> Self {
        Self {
            name: shown(&binding.name),
            place: (&binding.place).into(),
            audience: binding.audience,
            role: shown(&binding.role),
            standing: binding.standing.as_str(),
            grants: binding.grants.iter().map(|grant| shown(grant)).collect(),
        }
    }
}

impl<'a> From<&'a PolicyReport> for AuditPolicy<'a> {
    fn from(policy: &'a PolicyReport) -> Self {
        let rows = policy.rows.iter().map(|row| AuditRow {
            request: &row.request,
            by: row.by,
            logged_if_let_in: row.let_in,
            logged_if_refused: row.refused,
        });
        Self {
            place: (&policy.place).into(),
            problem: policy.problem.as_deref(),
            requests: rows.collect(),
            unknown_fields: policy.unknown.iter().map(PlaceEntry::from).collect(),
        }
    }
}

impl<'a> From<&'a Finding> for FindingEntry<'a> {
    fn from(finding: &'a Finding) -> Self {
        Self {
            rule: finding.rule.id,
            severity: finding.severity,
            about: shown(finding.about.as_str()),
            file: shown(&finding.origin.source.to_string()),
            line: finding.origin.line,
            message: shown(&finding.message),
            remedy: finding.remediation.text(TEXT),
            fingerprint: finding.fingerprint.to_string(),
            accepted: finding.accepted(),
            verdict: finding.verdict,
            open: finding.open.iter().map(String::as_str).collect(),
        }
    }
}
