//! One finding as a result.

use super::super::phrases;
use super::super::source_location::{Repository, SourceLocation};
use super::driver::{Driver, level};
use super::escaping::{plain, text};
use super::log::{
    ArtifactLocation, Finding as Wire, Fingerprints, Location, LogicalLocation, PhysicalLocation,
    Region, ResultProperties, Suppression, Text,
};
use crate::model::{Acceptance, BaselineState, Finding, Origin, Site};

/// Endpoints named for one finding. GitHub reads no more locations of a result.
const SITES: usize = 100;

pub(super) fn result<'a>(
    finding: &'a Finding,
    driver: &Driver,
    repository: Repository<'_>,
) -> Wire<'a> {
    let fingerprint = finding.fingerprint.to_string();
    let mut location = location(&finding.origin, repository);
    location.logical_locations = logical(finding);
    Wire {
        rule_id: finding.rule.id,
        rule_index: driver.index(finding.rule),
        level: level(finding.severity),
        message: Text {
            text: message(finding),
        },
        locations: [location],
        partial_fingerprints: Fingerprints {
            own: fingerprint.clone(),
            github: fingerprint,
        },
        baseline_state: finding.baseline.map(BaselineState::as_str),
        suppressions: finding
            .acceptance
            .iter()
            .filter(|acceptance| acceptance.in_force)
            .map(suppression)
            .collect(),
        properties: ResultProperties {
            security_severity: finding.score(),
            severity: finding.severity.as_str(),
            confidence: finding.confidence.as_str(),
            about: plain(finding.about.as_str()),
            label: finding.label.as_deref().map(plain),
        },
    }
}

fn message(finding: &Finding) -> String {
    let expired =
        phrases::expired_acceptance(finding).map(|expired| format!("\nIt was {}.", text(&expired)));
    format!(
        "{}: {}.{}\nRemedy: {}",
        text(&phrases::about(finding)),
        text(&finding.message),
        expired.unwrap_or_default(),
        text(&phrases::remedy_with_link(finding))
    )
}

fn suppression(acceptance: &Acceptance) -> Suppression {
    let Acceptance {
        reason,
        owner,
        expires,
        ..
    } = acceptance;
    Suppression {
        kind: "external",
        status: "accepted",
        justification: format!("{} (ask {}; until {expires})", plain(reason), plain(owner)),
    }
}

/// The line that names the target.
pub(super) fn location(origin: &Origin, repository: Repository<'_>) -> Location {
    let location = SourceLocation::of(origin, repository);
    Location {
        physical_location: PhysicalLocation {
            artifact_location: ArtifactLocation {
                uri: location.uri(),
                uri_base_id: "%SRCROOT%",
            },
            region: Region {
                start_line: location.line,
            },
        },
        logical_locations: Vec::new(),
    }
}

/// The endpoints of a finding; without endpoints, what it is about.
fn logical(finding: &Finding) -> Vec<LogicalLocation> {
    let location = |name, fully_qualified_name| LogicalLocation {
        name,
        fully_qualified_name,
        kind: "resource",
    };
    if finding.sites.is_empty() {
        return vec![location(
            plain(&finding.origin.text),
            plain(finding.about.as_str()),
        )];
    }
    let site = |Site { endpoint, .. }: &Site| {
        let url = format!(
            "{}://{}{}",
            endpoint.scheme.as_str(),
            endpoint.authority(),
            endpoint.prefix
        );
        location(
            plain(&format!("{}:{}", endpoint.host, endpoint.port)),
            plain(&url),
        )
    };
    finding.sites.iter().take(SITES).map(site).collect()
}
