//! `sarif`: findings for code scanning (SARIF 2.1.0), also where there are none.
//!
//! A result lies at the line of the targets file that named its target, relative to the repository's
//! root: code scanning takes no other location. What was not read from a file gets a path of its own
//! that stays the same. Findings of the baseline that are gone are not results (code scanning would
//! show them as open) but a notification.

mod types;

use std::io::{self, Write as _};

use jiff::Timestamp;
use serde::Serialize as _;

use super::escape::escape;
use super::place::place;
use super::{Results, encode, explain};
use crate::model::{BaselineState, Finding, Rule, Severity};
use types::{
    ArtifactLocation, AutomationDetails, Configuration, Descriptor, Driver, Help, Invocation, Location, Log,
    LogicalLocation, Notification, PhysicalLocation, Reference, Region, Relationship, ResultProperties,
    RuleProperties, Run, SarifResult, Suppression, Taxon, Taxonomy, Text, Tool,
};

/// Results that GitHub shows of one run; it refuses more than 25,000.
const MOST: usize = 5000;
/// Notifications about single targets; the rest is counted.
const MOST_TOLD: usize = 100;
/// Characters of a text that is not ours.
const SHOWN: usize = 1000;
/// The name of the fingerprint, with the version of how it is made.
const FINGERPRINT: &str = "kubeknockFinding/v1";
/// The base of relative locations.
const ROOT: &str = "%SRCROOT%";
/// Where the schema lives.
const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// Writes the log. `category` tells this analysis from others of the same repository.
pub fn write(
    out: &mut dyn io::Write,
    results: &Results<'_>,
    files: super::Files<'_>,
    category: Option<&str>,
) -> io::Result<()> {
    let mut out = io::BufWriter::new(out);
    let log = log(results, files, category);
    log.serialize(&mut encode::pretty(&mut out))?;
    out.write_all(b"\n")?;
    out.flush()
}

fn log<'a>(results: &Results<'a>, files: super::Files<'_>, category: Option<&str>) -> Log<'a> {
    let cwes = cwes(results.rules);
    let there = || results.findings.iter().filter(|finding| finding.baseline != Some(BaselineState::Absent));
    let run = Run {
        tool: Tool {
            driver: Driver {
                name: "kubeknock",
                version: results.info.tool_version,
                supported_taxonomies: [Reference { name: "CWE", index: 0 }],
                rules: results.rules.iter().map(|rule| descriptor(rule, &cwes)).collect(),
            },
        },
        automation_details: AutomationDetails { id: format!("{}/", category.unwrap_or("kubeknock")) },
        invocations: [invocation(results, there().count())],
        taxonomies: [Taxonomy {
            name: "CWE",
            organization: "MITRE",
            short_description: Text { text: "The MITRE Common Weakness Enumeration".into() },
            taxa: cwes
                .iter()
                .map(|cwe| Taxon { id: cwe.to_string(), index: None, tool_component: None })
                .collect(),
        }],
        column_kind: "utf16CodeUnits",
        // Findings come worst first: the worst stay.
        results: there().take(MOST).map(|finding| result(finding, results.rules, files)).collect(),
    };
    Log { schema: SCHEMA, version: "2.1.0", runs: [run] }
}

/// The weaknesses that rules name, each once.
fn cwes(rules: &[&Rule]) -> Vec<u16> {
    let mut cwes: Vec<u16> = rules.iter().filter_map(|rule| rule.cwe).collect();
    cwes.sort_unstable();
    cwes.dedup();
    cwes
}

fn descriptor(rule: &Rule, cwes: &[u16]) -> Descriptor {
    let mut tags = vec!["security".to_owned(), "kubernetes".to_owned()];
    tags.extend(rule.cwe.map(|cwe| format!("external/cwe/cwe-{cwe:03}")));
    let relationship = |cwe: u16| Relationship {
        target: Taxon {
            id: cwe.to_string(),
            index: cwes.iter().position(|known| *known == cwe),
            tool_component: Some(Reference { name: "CWE", index: 0 }),
        },
        kinds: ["superset"],
    };
    Descriptor {
        id: rule.id,
        name: rule.id,
        short_description: Text { text: rule.title.into() },
        full_description: Text { text: rule.meaning.into() },
        help: Help { text: explain::text(rule), markdown: explain::markdown(rule) },
        default_configuration: Configuration { level: level(rule.severity) },
        relationships: rule.cwe.map(relationship).into_iter().collect(),
        properties: RuleProperties { tags, security_severity: rule.score },
    }
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Note => "note",
    }
}

fn result<'a>(finding: &'a Finding, rules: &[&Rule], files: super::Files<'_>) -> SarifResult<'a> {
    let place = place(&finding.origin, files);
    let about = finding.about.as_str();
    let suppression =
        finding.acceptance.as_ref().filter(|_| finding.accepted()).map(|acceptance| Suppression {
            kind: "external",
            status: "accepted",
            justification: shown(&format!(
                "{} (owner {}, until {})",
                acceptance.reason, acceptance.owner, acceptance.expires
            )),
        });
    SarifResult {
        rule_id: finding.rule.id,
        rule_index: rules.iter().position(|rule| rule.id == finding.rule.id).unwrap_or_default(),
        level: level(finding.severity),
        message: Text { text: message(&format!("{about}: {}", finding.message)).into() },
        locations: [Location {
            physical_location: PhysicalLocation {
                artifact_location: ArtifactLocation { uri: place.uri(), uri_base_id: ROOT },
                region: Region { start_line: place.line },
            },
            logical_locations: vec![LogicalLocation { fully_qualified_name: shown(about), kind: "resource" }],
        }],
        partial_fingerprints: [(FINGERPRINT, finding.fingerprint.to_string())].into(),
        baseline_state: finding.baseline.map(BaselineState::word),
        suppressions: suppression.into_iter().collect(),
        properties: ResultProperties {
            severity: finding.severity.word(),
            confidence: finding.confidence.word(),
            remedy: shown(&finding.remedy),
            security_severity: finding.score(),
        },
    }
}

fn invocation(results: &Results<'_>, there: usize) -> Invocation {
    let summary = results.summary;
    let end = summary.started.checked_add(summary.elapsed).unwrap_or(summary.started);
    Invocation {
        execution_successful: summary.stopped.is_none(),
        start_time_utc: time(summary.started),
        end_time_utc: time(end),
        exit_code: results.outcome.code,
        exit_code_description: shown(results.outcome.sentence),
        tool_execution_notifications: notifications(results, there),
    }
}

/// What a reader of the results must know beside them: what is missing.
fn notifications(results: &Results<'_>, there: usize) -> Vec<Notification> {
    let say = |level, text: String| Notification { level, message: Text { text: message(&text).into() } };
    let mut all = Vec::new();
    if let Some(stopped) = &results.summary.stopped {
        let missing = results.summary.coverage.not_attempted;
        all.push(say("error", format!("stopped early: {stopped}; {missing} targets were not attempted")));
    }
    if let Some(left) = there.checked_sub(MOST).filter(|left| *left > 0) {
        all.push(say("warning", format!("{left} of {there} findings are left out, the least severe ones")));
    }
    let gone = results.findings.len() - there;
    if gone > 0 {
        all.push(say("note", format!("{gone} findings of the baseline are gone")));
    }
    let uncovered: Vec<_> =
        results.summary.coverage.specs.iter().filter(|spec| spec.named && !spec.covered).collect();
    for spec in uncovered.iter().take(MOST_TOLD) {
        all.push(say("warning", format!("no verdict on {} ({})", spec.origin.text, spec.origin)));
    }
    if let Some(more) = uncovered.len().checked_sub(MOST_TOLD).filter(|more| *more > 0) {
        all.push(say("warning", format!("no verdict on {more} more named targets")));
    }
    all
}

fn shown(text: &str) -> String {
    escape(text, SHOWN)
}

/// A plain-text message: brackets would begin a link (SARIF 2.1.0, section 3.11.6).
fn message(text: &str) -> String {
    shown(text).replace('\\', "\\\\").replace('[', "\\[").replace(']', "\\]")
}

fn time(at: Timestamp) -> String {
    format!("{at:.3}")
}

#[cfg(test)]
mod tests;
