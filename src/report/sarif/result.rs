//! One finding as a result.

use super::super::ordered_json::{Json, if_any, object};
use super::super::phrases;
use super::super::source_location::{Repository, SourceLocation};
use super::driver::{Driver, level};
use super::escaping::{plain, text};
use crate::model::{Acceptance, BaselineState, Finding, Origin, Site};

/// Endpoints named for one finding. GitHub reads no more locations of a result.
const MAX_SITES: usize = 100;

pub(super) fn result(finding: &Finding, driver: &Driver<'_>, repository: Repository<'_>) -> Json {
    let fingerprint = finding.fingerprint.to_string();
    let suppressions = finding
        .acceptance
        .iter()
        .filter(|acceptance| acceptance.in_force)
        .map(suppression);
    object! {
        "ruleId": finding.rule.id,
        "ruleIndex": driver.index(finding.rule),
        "level": level(finding.severity),
        "message": object! { "text": message(finding) },
        "locations": vec![location(&finding.origin, repository, logical_locations(finding))],
        "partialFingerprints": object! {
            "kubeknockFinding/v1": fingerprint.clone(),
            // GitHub tells alerts apart by this one. It would compute its own from the text of the line, so an
            // edited line would be another alert.
            "primaryLocationLineHash": fingerprint,
        },
        "baselineState": finding.baseline.map(BaselineState::as_str),
        "suppressions": suppressions.collect::<Vec<_>>(),
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

fn message(finding: &Finding) -> String {
    let expired =
        phrases::expired_acceptance(finding).map(|expired| format!("\nIt was {}.", text(&expired)));
    let proof = phrases::proof_text(finding).map(|proof| format!("\n{}", text(&proof)));
    let lines: Vec<String> =
        phrases::remediation_lines(&finding.remediation, phrases::MAX_REMEDIATION)
            .iter()
            .map(|line| text(line))
            .collect();
    format!(
        "{}: {}.{}{}\nHow to fix it: {}",
        text(&phrases::about(finding)),
        text(&finding.message),
        expired.unwrap_or_default(),
        proof.unwrap_or_default(),
        lines.join("\n")
    )
}

fn suppression(acceptance: &Acceptance) -> Json {
    let (reason, owner) = (plain(&acceptance.reason), plain(&acceptance.owner));
    let expires = acceptance.expires;
    object! {
        "kind": "external",
        "status": "accepted",
        "justification": format!("{reason} (ask {owner}; until {expires})"),
    }
}

/// The line that names the target, with these logical locations.
pub(super) fn location(
    origin: &Origin,
    repository: Repository<'_>,
    logical_locations: Vec<Json>,
) -> Json {
    let location = SourceLocation::of(origin, repository);
    object! {
        "physicalLocation": object! {
            "artifactLocation": object! { "uri": location.uri(), "uriBaseId": "%SRCROOT%" },
            "region": object! { "startLine": u64::from(location.line) },
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
