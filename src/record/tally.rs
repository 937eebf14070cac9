//! Counts of the records of a report.

use serde::Serialize;

use crate::model::{EndpointReport, Grade};

/// Counts of the endpoint records of a report. A reader compares them with the records that it finds, and so
/// detects a truncated report.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Tally {
    /// Endpoint records in this report. Refused and silent addresses of ranges are counted in `coverage` only.
    endpoints: u64,
    /// Endpoints with at least one grant of each grade.
    grants: Grades,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Grades {
    /// Endpoints where secrets, roles or the like can be listed.
    sensitive_resources: u64,
    /// Endpoints where other resources can be listed.
    resources: u64,
    /// Endpoints with open telemetry.
    telemetry: u64,
    /// Endpoints with open discovery.
    discovery: u64,
    /// Endpoints with open version or health.
    public_info: u64,
    /// Endpoints with paths that the product opens by design.
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

#[cfg(test)]
mod tests {
    use strum::VariantNames as _;

    use super::*;

    #[test]
    fn every_grade_has_its_count() {
        let counts = serde_json::to_value(Grades::default()).unwrap();
        let mut grades = Grade::VARIANTS.to_vec();
        grades.sort_unstable();
        let keys: Vec<&String> = counts.as_object().unwrap().keys().collect();
        assert_eq!(keys, grades);
    }
}
