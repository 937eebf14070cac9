//! Which findings are about an endpoint.

use std::collections::HashMap;

use crate::model::{Endpoint, EndpointReport, Finding, Identity};

/// The findings of a scan by what they are about.
pub(super) struct ByEndpoint<'a> {
    sites: HashMap<&'a Endpoint, Vec<&'a Finding>>,
    /// Those of targets that never became an endpoint.
    targets: HashMap<&'a Identity, Vec<&'a Finding>>,
}

impl<'a> ByEndpoint<'a> {
    pub(super) fn new(findings: impl IntoIterator<Item = &'a Finding>) -> Self {
        let mut this = Self {
            sites: HashMap::new(),
            targets: HashMap::new(),
        };
        for finding in findings {
            for site in &finding.sites {
                this.sites.entry(&site.endpoint).or_default().push(finding);
            }
            if finding.sites.is_empty() && finding.index.is_some() {
                this.targets
                    .entry(&finding.about)
                    .or_default()
                    .push(finding);
            }
        }
        this
    }

    /// Those about one endpoint, in the order of the scan's findings.
    pub(super) fn of(&self, report: &EndpointReport) -> &[&'a Finding] {
        let found = match &report.endpoint {
            Some(endpoint) => self.sites.get(endpoint),
            None => self.targets.get(&Identity::of_target(&report.target)),
        };
        found.map_or(&[], Vec::as_slice)
    }
}
