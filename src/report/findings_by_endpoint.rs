//! Finds the findings about an endpoint.

use std::collections::HashMap;

use crate::model::{Endpoint, EndpointReport, Finding, Identity};

/// The findings of a scan by the endpoint or target that they are about.
pub(super) struct FindingsByEndpoint<'a> {
    of_endpoints: HashMap<&'a Endpoint, Vec<&'a Finding>>,
    /// For targets without an endpoint, such as names that do not resolve.
    of_targets: HashMap<&'a Identity, Vec<&'a Finding>>,
}

impl<'a> FindingsByEndpoint<'a> {
    pub(super) fn new(findings: impl IntoIterator<Item = &'a Finding>) -> Self {
        let mut this = Self {
            of_endpoints: HashMap::new(),
            of_targets: HashMap::new(),
        };
        for finding in findings {
            for site in &finding.sites {
                this.of_endpoints
                    .entry(&site.endpoint)
                    .or_default()
                    .push(finding);
            }
            if finding.sites.is_empty() && finding.index.is_some() {
                this.of_targets
                    .entry(&finding.about)
                    .or_default()
                    .push(finding);
            }
        }
        this
    }

    /// The findings about one endpoint, in their order.
    pub(super) fn of(&self, report: &EndpointReport) -> &[&'a Finding] {
        let found = match &report.endpoint {
            Some(endpoint) => self.of_endpoints.get(endpoint),
            None => self.of_targets.get(&Identity::of_target(&report.target)),
        };
        found.map_or(&[], Vec::as_slice)
    }
}
