//! `defectdojo`: "Generic Findings Import" of DefectDojo
//! (<https://docs.defectdojo.com/supported_tools/parsers/generic_findings_import/>).
//!
//! The importer refuses a file with a key that it does not know, so only keys are written that all its versions know:
//! no `cwes`. It recognises a finding of an earlier import by title, severity and endpoints (or by
//! `unique_id_from_tool`, if it is told to), so these are the same in every scan: the title names the target, and an
//! endpoint is the name that was asked for, not one of its addresses. `service` is not written, because an import only
//! closes old findings without one.
//!
//! Findings that are gone are left out, which closes them. Those that are carried from earlier scans stay. Accepted ones
//! are not active: the importer takes both flags as they are, and its own forms refuse an active finding whose risk is
//! accepted.

use std::io::{self, Write as _};

use jiff::tz::Offset;

use super::encode;
use super::escape::escape;
use super::markdown::remediation::remediation;
use super::markdown::text::{block, link};
use super::ordered_json::{Json, if_any, object};
use super::results::Results;
use super::specification_text::SpecificationText;
use super::{findings_with_records, phrases};
use crate::escape::TEXT;
use crate::model::{Confidence, EndpointReport, Finding, Host, Identification, Severity, Verdict};
use crate::record::Spool;

/// Characters of a title.
const MAX_TITLE: usize = 511;
/// Characters of the name of a component.
const MAX_COMPONENT: usize = 500;
/// Characters of a version.
const MAX_VERSION: usize = 100;
/// Endpoints of a finding.
const MAX_ENDPOINTS: usize = 100;

/// Writes the report: a line with the keys of the whole report, and one line for each finding.
pub(super) fn write(
    out: &mut dyn io::Write,
    results: &Results<'_>,
    records: &mut Spool,
) -> io::Result<()> {
    let mut out = io::BufWriter::new(out);
    let head = object! {
        "name": "kubeknock",
        "type": "kubeknock",
        "version": escape(results.info.tool_version, MAX_VERSION),
        "description": escape(results.outcome.sentence, TEXT),
        "dynamic_tool": true,
        "static_tool": false,
    };
    let head = encode::line(&head)?;
    // The object stays open for its findings, so that they need not be in memory.
    out.write_all(head.strip_suffix(b"}\n").unwrap_or(&head))?;
    out.write_all(b",\"findings\":[")?;
    let today = Offset::UTC.to_datetime(results.summary.started).date();
    let findings: Vec<&Finding> = (results.findings.iter())
        .filter(|finding| !finding.gone())
        .collect();
    let mut separator = "\n";
    let carried: Vec<&Finding> = results.carried.iter().collect();
    findings_with_records::each(&findings, &carried, records, |finding, records| {
        out.write_all(separator.as_bytes())?;
        separator = ",\n";
        let day = finding.last_seen.unwrap_or(today).to_string();
        let line = encode::line(&self::finding(finding, records, &day))?;
        out.write_all(line.trim_ascii_end())
    })?;
    out.write_all(b"\n]}\n")?;
    out.flush()
}

fn finding(finding: &Finding, records: &[&EndpointReport], day: &str) -> Json {
    let known = records
        .iter()
        .find_map(|record| record.identification.as_ref());
    let acceptance = (finding.acceptance.as_ref()).filter(|acceptance| acceptance.in_force);
    let accepted = acceptance.is_some();
    let title = format!("{}: {}", finding.rule.title, phrases::about(finding));
    object! {
        "title": escape(&title, MAX_TITLE),
        "severity": severity(finding.severity),
        "description": description(finding),
        "date": day,
        "cwe": finding.rule.cwe.map(u64::from),
        "mitigation": remediation(&finding.remediation),
        "impact": finding.rule.meaning,
        "steps_to_reproduce": finding.curl().map(|curl| block(&curl, 0)),
        "severity_justification": acceptance.map(|acceptance| {
            block(&format!("{}: {}", phrases::acceptance_text(acceptance), acceptance.reason), 0)
        }),
        "planned_remediation_date": acceptance.map(|acceptance| acceptance.expires.to_string()),
        "references": references(finding),
        "active": !accepted,
        "risk_accepted": accepted,
        "component_name": known.map(component),
        "component_version": known
            .and_then(|known| known.version.as_deref())
            .map(|version| escape(version, MAX_VERSION)),
        "static_finding": false,
        "dynamic_finding": true,
        "scanner_confidence": confidence(finding.confidence),
        "unique_id_from_tool": finding.fingerprint.to_string(),
        "vuln_id_from_tool": finding.rule.id,
        "nb_occurences": u64::try_from(finding.sites.len().max(1)).unwrap_or(u64::MAX),
        "endpoints": if_any(endpoints(finding)),
        "tags": tags(finding, known),
    }
}

const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "Critical",
        Severity::High => "High",
        Severity::Medium => "Medium",
        Severity::Low => "Low",
        Severity::Note => "Info",
    }
}

/// DefectDojo shows up to 2 as certain, up to 5 as firm, and more as tentative.
const fn confidence(confidence: Confidence) -> u64 {
    match confidence {
        Confidence::High => 1,
        Confidence::Medium => 4,
        Confidence::Low => 7,
    }
}

/// What was found. It is shown as Markdown, so text from the network is in a code block.
fn description(finding: &Finding) -> String {
    let verdict = finding.verdict.map(|verdict| format!("verdict: {verdict}"));
    let expected = (finding.expected).map(|expected| format!("expected: {expected}"));
    let mut lines = vec![phrases::finding_and_target(finding)];
    lines.extend(verdict.into_iter().chain(expected));
    lines.push(format!("written in {}", finding.origin));
    let lines: Vec<String> = lines.iter().map(|line| escape(line, TEXT)).collect();
    block(&lines.join("\n"), 0)
}

fn references(finding: &Finding) -> String {
    let reference = finding.remediation.reference.as_deref().map(link);
    let controls = finding.rule.controls.iter().map(|control| {
        let item = format!("{} {}", control.framework, control.id);
        item.trim_end().to_owned()
    });
    let lines: Vec<String> = reference.into_iter().chain(controls).collect();
    lines.join("\n\n")
}

/// The product, or else the kind of program.
fn component(known: &Identification) -> String {
    let name = known.product().map(|product| &*product.name);
    escape(name.unwrap_or(known.component.as_str()), MAX_COMPONENT)
}

/// The endpoints by the keys that DefectDojo has for endpoints and for locations.
fn endpoints(finding: &Finding) -> Vec<Json> {
    let mut known = Vec::new();
    for endpoint in finding.sites.iter().map(|site| &site.endpoint) {
        let host = match &endpoint.name {
            Some(name) => Host::Name(name.clone()),
            None => endpoint.host.clone(),
        };
        let found = (
            endpoint.scheme.as_str(),
            host,
            Some(endpoint.port),
            &*endpoint.prefix,
        );
        if known.len() < MAX_ENDPOINTS && !known.contains(&found) {
            known.push(found);
        }
    }
    if finding.sites.is_empty() {
        known
            .extend(SpecificationText::parse(finding.about.as_str()).map(SpecificationText::parts));
    }
    let endpoint = |(scheme, host, port, prefix): (&str, Host, Option<u16>, &str)| {
        let host = match host {
            Host::Ip(address) => address.to_string(),
            Host::Name(name) if is_host(&name) => name.to_string(),
            Host::Name(_) => return None,
        };
        let path = prefix.trim_start_matches('/');
        Some(object! {
            "protocol": scheme,
            "host": host,
            "port": port.map(u64::from),
            "path": (!path.is_empty()).then(|| escape(path, MAX_COMPONENT)),
        })
    };
    known.into_iter().filter_map(endpoint).collect()
}

/// Whether DefectDojo takes a name as a host. A saved report may contain any.
fn is_host(name: &str) -> bool {
    let is_valid = |c: char| c.is_ascii_alphanumeric() || "_.-+".contains(c);
    (2..=MAX_COMPONENT).contains(&name.len())
        && !name.starts_with('.')
        && name.chars().all(is_valid)
}

/// Words without spaces and commas, which separate tags.
fn tags(finding: &Finding, known: Option<&Identification>) -> Vec<Json> {
    let product = known.and_then(|known| known.product());
    let is_word = |text: &&str| {
        let mut bytes = text.bytes();
        !text.is_empty() && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let product = product.map(|product| &*product.id).filter(is_word);
    let verdict = finding.verdict.map(Verdict::as_str);
    let tags = ["kubernetes"].into_iter().chain(product).chain(verdict);
    tags.map(Json::from).collect()
}

#[cfg(test)]
mod tests;
