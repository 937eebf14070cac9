//! What somebody should look at.

use std::borrow::Cow;
use std::net::SocketAddr;

use serde::Serialize;

use super::endpoint::Origin;
use super::text;
use crate::model::{self, BaselineState};

#[derive(Serialize)]
pub(crate) struct Finding<'a> {
    rule: &'static str,
    severity: &'static str,
    confidence: &'static str,
    about: Cow<'a, str>,
    label: Option<&'a str>,
    origin: Origin<'a>,
    message: Cow<'a, str>,
    remedy: Cow<'a, str>,
    remedy_url: Option<&'a str>,
    sites: Vec<Site<'a>>,
    fingerprint: String,
    baseline: Option<&'static str>,
    acceptance: Option<Acceptance<'a>>,
}

impl<'a> From<&'a model::Finding> for Finding<'a> {
    fn from(finding: &'a model::Finding) -> Self {
        Self {
            rule: finding.rule.id,
            severity: finding.severity.as_str(),
            confidence: finding.confidence.as_str(),
            about: text(finding.about.as_str()),
            label: finding.label.as_deref(),
            origin: (&*finding.origin).into(),
            message: text(&finding.message),
            remedy: text(&finding.remedy),
            remedy_url: finding.remedy_url.as_deref(),
            sites: finding.sites.iter().map(Site::from).collect(),
            fingerprint: finding.fingerprint.to_string(),
            baseline: finding.baseline.map(BaselineState::as_str),
            acceptance: finding.acceptance.as_ref().map(Acceptance::from),
        }
    }
}

#[derive(Serialize)]
struct Site<'a> {
    address: Option<SocketAddr>,
    name: Option<&'a str>,
    requests: &'a [usize],
}

impl<'a> From<&'a model::Site> for Site<'a> {
    fn from(site: &'a model::Site) -> Self {
        Self {
            address: site.endpoint.address(),
            name: site.endpoint.name.as_deref(),
            requests: &site.requests,
        }
    }
}

#[derive(Serialize)]
struct Acceptance<'a> {
    reason: &'a str,
    owner: &'a str,
    expires: String,
    in_force: bool,
}

impl<'a> From<&'a model::Acceptance> for Acceptance<'a> {
    fn from(acceptance: &'a model::Acceptance) -> Self {
        Self {
            reason: &acceptance.reason,
            owner: &acceptance.owner,
            expires: acceptance.expires.to_string(),
            in_force: acceptance.in_force,
        }
    }
}
