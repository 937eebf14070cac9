//! Passes on the records of a report as they are read.

use super::endpoint::Endpoint;
use super::v1::Upgrade;
use crate::model::EndpointReport;

/// Upgrades, counts and passes on the records of one report.
pub(super) struct Records<'a> {
    upgrade: Upgrade,
    count: u64,
    each: &'a mut dyn FnMut(EndpointReport),
}

impl<'a> Records<'a> {
    pub(super) fn new(each: &'a mut dyn FnMut(EndpointReport)) -> Self {
        Self {
            upgrade: Upgrade::default(),
            count: 0,
            each,
        }
    }

    /// Passes on one record.
    ///
    /// # Errors
    /// What is wrong with the record.
    pub(super) fn take(&mut self, mut record: Endpoint<'_>) -> Result<(), String> {
        self.upgrade.record(&mut record);
        (self.each)(record.try_into()?);
        self.count += 1;
        Ok(())
    }

    /// Checks that the report has as many records as its summary says.
    ///
    /// # Errors
    /// The two numbers.
    pub(super) fn check(&self, summary: &RecordCount) -> Result<(), String> {
        let count = self.count;
        match summary.endpoints {
            Some(said) if said != count => Err(format!(
                "the summary says {said} endpoint records, and there are {count}: some are missing"
            )),
            _ => Ok(()),
        }
    }
}

/// The number of records according to the summary.
#[derive(Default, serde::Deserialize)]
pub(super) struct RecordCount {
    endpoints: Option<u64>,
}
