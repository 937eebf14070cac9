//! An inspection for programs: one JSON document.

use std::io::{self, Write};

use serde::Serialize;

use super::against::{Comparison, Outcome};
use super::audit_policy::PolicyReport;
use super::bindings::{BindingReport, Standing};
use super::inspected::{InspectedServer, Inspection};
use super::place::Place;
use super::prediction::{PathPrediction, PredictedAccess};
use super::server::Statement;
use crate::escape::{TEXT, escape};
use crate::model::{Finding, Severity, Time, Verdict};

/// The name and version of the format.
const SCHEMA: &str = "kubeknock/inspection/v1";

/// What `kubeknock inspect -o json` writes; `-o jsonl` writes the same on one line. Every object has all of its keys, with
/// null for an unknown value. Later versions may add keys: ignore those that you do not know.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(
    test,
    schemars(title = "kubeknock inspection, version 1", extend("$id" = "urn:kubeknock:inspection:v1"))
)]
pub(crate) struct Document<'a> {
    /// The name and version of the format.
    #[cfg_attr(test, schemars(extend("const" = SCHEMA)))]
    schema: &'static str,
    /// When the files were inspected.
    time: Time,
    /// The API servers that the input configures.
    servers: Vec<Server<'a>>,
    /// The bindings for anonymous callers and for everybody with credentials.
    bindings: Vec<Binding<'a>>,
    /// The audit policies.
    audit_policies: Vec<AuditPolicy<'a>>,
    /// What is missing in the input, or cannot be known from it.
    notes: Vec<Remark>,
    /// Files that could not be read to their end.
    unreadable: Vec<Remark>,
    /// What to look at, worst first.
    findings: Vec<FindingEntry<'a>>,
    /// The exit code.
    exit_code: u8,
    /// The reason for the exit code.
    reason: &'a str,
}

/// An API server with its prediction.
#[derive(Serialize)]
#[cfg_attr(
    test,
    derive(schemars::JsonSchema),
    schemars(rename = "InspectedServer")
)]
struct Server<'a> {
    /// What the input calls it.
    name: String,
    /// What findings and policies call it: `FILE#NAME`.
    target: String,
    /// Where it begins.
    place: PlaceEntry,
    /// Its Kubernetes release; null if the input does not show it.
    release: Option<String>,
    /// Whether another program turns this specification into a configuration, so that it is a hint only.
    is_hint: bool,
    /// Whether the server starts with this configuration.
    starts: bool,
    /// The predicted verdict of a scan with `--deep`; null if the server does not start.
    verdict: Option<Verdict>,
    /// The predicted verdict of a scan without `--deep`; null if the server does not start.
    verdict_without_deep: Option<Verdict>,
    /// Whether anonymous callers may be able to do more: a webhook or ABAC decides too.
    is_lower_bound: bool,
    /// What the prediction rests on, and why the server does not start.
    statements: Vec<Remark>,
    /// What the server does with an anonymous request to each path.
    paths: Vec<PathEntry<'a>>,
    /// The prediction beside the endpoint of `--against`.
    comparisons: Vec<Compared<'a>>,
}

/// A place in a file.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Place"))]
struct PlaceEntry {
    /// The file; null for standard input.
    file: Option<String>,
    /// The line, from 1.
    line: u32,
    /// The column in characters, from 1.
    column: u32,
}

/// A sentence about the input.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Statement"))]
struct Remark {
    /// Where the input says it; null if it follows from what the input does not say.
    place: Option<PlaceEntry>,
    /// The sentence.
    text: String,
}

/// A path.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "PredictedPath"))]
struct PathEntry<'a> {
    /// The path.
    path: String,
    /// What the server does with an anonymous request.
    access: PredictedAccess,
    /// Whether a scan asks it.
    asked_by_scans: bool,
    /// What decides it.
    because: &'a str,
    /// Where the input says so; null if it follows from what the input does not say.
    place: Option<PlaceEntry>,
}

/// A prediction beside an endpoint.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Comparison"))]
struct Compared<'a> {
    /// The endpoint, by its name or target.
    endpoint: String,
    /// The verdict of the scan.
    observed: Verdict,
    /// How they compare.
    outcome: Outcome,
    /// The paths that differ.
    differences: Vec<Differing<'a>>,
    /// What usually causes this; empty if they agree.
    causes: &'a str,
}

/// A path that the configuration and the endpoint treat differently.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Difference"))]
struct Differing<'a> {
    /// The path.
    path: String,
    /// What the configuration says.
    predicted: PredictedAccess,
    /// What the scan found: rejected, forbidden or granted.
    observed: &'a str,
}

/// A binding.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Binding<'a> {
    /// Its kind, namespace and name.
    name: String,
    /// Where it begins.
    place: PlaceEntry,
    /// Whom it is for: `anonymous callers`, or `system:authenticated`.
    audience: &'a str,
    /// The role that it grants.
    role: String,
    /// How it stands out.
    standing: Standing,
    /// What the role allows there.
    grants: Vec<String>,
}

/// An audit policy.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct AuditPolicy<'a> {
    /// Where it begins.
    place: PlaceEntry,
    /// Why the server does not start with it; null if it does.
    problem: Option<&'a str>,
    /// Which requests it logs.
    requests: Vec<AuditRow<'a>>,
    /// The fields that the server does not know and ignores, so that their rules match more than they say.
    unknown_fields: Vec<PlaceEntry>,
}

/// A request, and whether an audit policy logs it.
#[derive(Serialize)]
#[cfg_attr(
    test,
    derive(schemars::JsonSchema),
    schemars(rename = "PolicedRequest")
)]
struct AuditRow<'a> {
    /// Method and path.
    request: &'a str,
    /// Who sends it.
    by: &'a str,
    /// Whether it is logged if the server authenticates the caller as anonymous.
    logged_if_let_in: bool,
    /// Whether it is logged if authentication refuses it (401).
    logged_if_refused: bool,
}

/// Something to look at, at its place.
#[derive(Serialize)]
#[cfg_attr(
    test,
    derive(schemars::JsonSchema),
    schemars(rename = "ConfigurationFinding")
)]
struct FindingEntry<'a> {
    /// The rule's id: a section of docs/rules.md.
    rule: &'static str,
    /// The severity here.
    severity: Severity,
    /// The subject: `FILE#NAME`.
    about: String,
    /// The file, or `<stdin>`. If a policy says something about the inspection as a whole, the policy's file.
    file: String,
    /// The line, from 1.
    line: u32,
    /// The column in characters, from 1; null for the inspection as a whole.
    column: Option<u32>,
    /// What was found, in one sentence.
    message: String,
    /// How to fix it.
    remedy: String,
    /// The identity of the finding in every inspection, in hexadecimal.
    fingerprint: String,
    /// Whether an acceptance of the settings is in force.
    accepted: bool,
    /// The predicted verdict that it explains; null if it explains none.
    verdict: Option<Verdict>,
    /// The paths that it opens.
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
        time: Time(inspection.time),
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
            access: path.access,
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
            predicted: difference.predicted,
            observed: difference.observed,
        });
        Self {
            endpoint: shown(&comparison.endpoint),
            observed: comparison.observed,
            outcome: comparison.outcome,
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
            standing: binding.standing,
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
            column: finding.origin.column,
            message: shown(&finding.message),
            remedy: finding.remediation.text(TEXT),
            fingerprint: finding.fingerprint.to_string(),
            accepted: finding.accepted(),
            verdict: finding.verdict,
            open: finding.open.iter().map(String::as_str).collect(),
        }
    }
}
