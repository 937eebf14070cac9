//! What only the records themselves can be counted for.

use serde::Serialize;

use crate::model::{EndpointReport, Grade};

/// Counts of the endpoint records written so far; the summary that ends the report says them, so
/// that a reader can tell a whole report from a torn one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Endpoint records.
    endpoints: u64,
    /// Endpoints that grant something of each grade.
    grants: Grades,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Grades {
    sensitive_resources: u64,
    resources: u64,
    telemetry: u64,
    discovery: u64,
    public_info: u64,
    product: u64,
}

impl Tally {
    /// Counts one record.
    pub fn add(&mut self, report: &EndpointReport) {
        self.endpoints += 1;
        let mut grades: Vec<Grade> = report.grants.iter().map(|grant| grant.grade).collect();
        grades.sort_unstable();
        grades.dedup();
        for grade in grades {
            *match grade {
                Grade::Product => &mut self.grants.product,
                Grade::PublicInfo => &mut self.grants.public_info,
                Grade::Discovery => &mut self.grants.discovery,
                Grade::Telemetry => &mut self.grants.telemetry,
                Grade::Resources => &mut self.grants.resources,
                Grade::SensitiveResources => &mut self.grants.sensitive_resources,
            } += 1;
        }
    }
}
