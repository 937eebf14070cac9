//! One finding as a result.

use super::super::ordered_json::{Json, if_any, object};
use super::super::phrases;
use super::super::source_location::{Repository, SourceLocation};
use super::driver::{Driver, level};
use super::escaping::{lines, plain};
use crate::model::{BaselineState, Finding, Origin, Site, without_annotations};

/// Endpoints named for one finding. GitHub reads no more locations of a result.
const MAX_SITES: usize = 100;

pub(super) fn result(finding: &Finding, driver: &Driver<'_>, repository: Repository<'_>) -> Json {
    let fingerprint = finding.fingerprint.to_string();
    let source = SourceLocation::of_finding(finding, repository);
    object! {
        "ruleId": finding.rule.id,
        "ruleIndex": driver.index(finding.rule),
        "level": level(finding.severity),
        "rank": rank(finding.score()),
        "message": object! { "text": message(finding) },
        "locations": vec![place(&finding.origin, &source, logical_locations(finding))],
        "partialFingerprints": object! {
            "kubeknockFinding/v1": fingerprint.clone(),
            // GitHub identifies alerts by this fingerprint. Without it, the upload action computes one from the text of
            // the line and of the lines after it. Then an edit nearby would make another alert, and all endpoints of a
            // range would share one alert.
            "primaryLocationLineHash": fingerprint,
        },
        "taxa": if_any(driver.weakness(finding.rule).into_iter().collect()),
        "baselineState": finding.baseline.map(BaselineState::as_str),
        "properties": object! {
            "security-severity": finding.score(),
            "severity": finding.severity.as_str(),
            "confidence": finding.confidence.as_str(),
            "about": plain(finding.about.as_str()),
            "curl": finding.curl().map(|curl| plain(&curl)),
            "name": finding.label.as_deref().map(plain),
        },
    }
}

/// The score from 0.0 to 10.0 as a priority from 0 to 100, which GitLab reads before everything else.
fn rank(score: &str) -> u64 {
    let digits = score.replace('.', "");
    digits.parse().unwrap_or_default()
}

/// What was found, the proof, and how to fix it in one sentence. The steps are in the help of the rule.
fn message(finding: &Finding) -> String {
    let found = format!("{}: {}.", phrases::about(finding), finding.message);
    let expired = phrases::expired_acceptance(finding);
    let fix = format!("How to fix it: {}", finding.fix_beside_message());
    let further = [
        expired.map(|expired| format!("It was {expired}.")),
        phrases::proof_text(finding),
        Some(fix),
    ];
    lines([found].into_iter().chain(further.into_iter().flatten()))
}

/// The line that names a target.
pub(super) fn location(origin: &Origin, repository: Repository<'_>) -> Json {
    place(origin, &SourceLocation::of(origin, repository), Vec::new())
}

/// The words of a specification in its line, with these logical locations. Reports do not know where in the line the words
/// begin, which is nearly always the first column. What a configuration says begins at its column; how long it is, is not
/// known, so its first character stands for it.
fn place(origin: &Origin, source: &SourceLocation, logical_locations: Vec<Json>) -> Json {
    let line = u64::from(source.line);
    let (start, length) = match source.column {
        Some(column) => (column, 1),
        None => (1, without_annotations(&origin.text).chars().count().max(1)),
    };
    let start = u64::from(start);
    object! {
        "physicalLocation": object! {
            "artifactLocation": object! { "uri": source.uri(), "uriBaseId": "%SRCROOT%" },
            "region": object! {
                "startLine": line,
                "startColumn": start,
                "endLine": line,
                "endColumn": start + length as u64,
            },
        },
        "logicalLocations": if_any(logical_locations),
    }
}

/// The endpoints of a finding; without endpoints, what it is about.
fn logical_locations(finding: &Finding) -> Vec<Json> {
    let location = |name: &str, qualified_name: &str| {
        object! {
            "name": plain(name),
            "fullyQualifiedName": plain(qualified_name),
            "kind": "resource",
        }
    };
    if finding.sites.is_empty() {
        return vec![location(&finding.origin.text, finding.about.as_str())];
    }
    let site = |Site { endpoint, .. }: &Site| {
        let (scheme, authority) = (endpoint.scheme.as_str(), endpoint.authority());
        location(
            &format!("{}:{}", endpoint.host, endpoint.port),
            &format!("{scheme}://{authority}{}", endpoint.prefix),
        )
    };
    finding.sites.iter().take(MAX_SITES).map(site).collect()
}
