//! One finding as a result.

use super::super::escape::escape;
use super::super::place::{Files, place};
use super::super::tell;
use super::driver::{Driver, level};
use super::log::{
    ArtifactLocation, Finding as Wire, Fingerprints, Location, LogicalLocation, PhysicalLocation,
    Region, ResultProperties, Suppression, Text,
};
use super::text;
use crate::model::{Acceptance, BaselineState, Finding, Origin, Site};

/// Endpoints of one finding that are named; GitHub reads no more locations of a result.
const SITES: usize = 100;

pub(super) fn result<'a>(finding: &'a Finding, driver: &Driver, files: Files<'_>) -> Wire<'a> {
    let fingerprint = finding.fingerprint.to_string();
    let mut location = location(&finding.origin, files);
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
            about: shown(finding.about.as_str()),
            label: finding.label.as_deref().map(shown),
        },
    }
}

/// Property values are no messages: only hidden characters are made visible.
fn shown(text: &str) -> String {
    escape(text, super::SHOWN)
}

fn message(finding: &Finding) -> String {
    let lapsed = tell::lapsed(finding).map(|lapsed| format!("\nIt was {}.", text(&lapsed)));
    format!(
        "{}: {}.{}\nRemedy: {}",
        text(&tell::about(finding)),
        text(&finding.message),
        lapsed.unwrap_or_default(),
        text(&tell::remedy_and_page(finding))
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
        justification: format!("{} (ask {}; until {expires})", shown(reason), shown(owner)),
    }
}

/// The line that names the target.
pub(super) fn location(origin: &Origin, files: Files<'_>) -> Location {
    let place = place(origin, files);
    Location {
        physical_location: PhysicalLocation {
            artifact_location: ArtifactLocation {
                uri: place.uri(),
                uri_base_id: "%SRCROOT%",
            },
            region: Region {
                start_line: place.line,
            },
        },
        logical_locations: Vec::new(),
    }
}

/// The endpoints by their addresses; what the finding is about, where it has none.
fn logical(finding: &Finding) -> Vec<LogicalLocation> {
    let location = |name, fully_qualified_name| LogicalLocation {
        name,
        fully_qualified_name,
        kind: "resource",
    };
    if finding.sites.is_empty() {
        return vec![location(
            shown(&finding.origin.text),
            shown(finding.about.as_str()),
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
            shown(&format!("{}:{}", endpoint.host, endpoint.port)),
            shown(&url),
        )
    };
    finding.sites.iter().take(SITES).map(site).collect()
}
