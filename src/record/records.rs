//! Passes on the records of a report as they are read.

use super::endpoint::Endpoint;
use super::v1::Upgrade;
use crate::model::EndpointReport;

/// Upgrades, counts and passes on the records of one report.
pub(super) struct Records<'a> {
    upgrade: Upgrade,
    count: u64,
    each: &'a mut dyn FnMut(EndpointReport),
    carried: &'a mut dyn FnMut(EndpointReport),
}

impl<'a> Records<'a> {
    pub(super) fn new(
        each: &'a mut dyn FnMut(EndpointReport),
        carried: &'a mut dyn FnMut(EndpointReport),
    ) -> Self {
        Self {
            upgrade: Upgrade::default(),
            count: 0,
            each,
            carried,
        }
    }

    /// Passes on one record.
    ///
    /// # Errors
    /// What is wrong with the record.
    pub(super) fn take(&mut self, mut record: Endpoint<'_>) -> Result<(), String> {
        // Only the place in the report says that a record is carried.
        record.last_seen = None;
        self.upgrade.record(&mut record);
        (self.each)(record.try_into()?);
        self.count += 1;
        Ok(())
    }

    /// Passes on one record that is carried from an earlier scan.
    ///
    /// # Errors
    /// What is wrong with the record.
    pub(super) fn take_carried(&mut self, mut record: Endpoint<'_>) -> Result<(), String> {
        if record.last_seen.is_none() {
            return Err("a carried record has no last_seen".to_owned());
        }
        Upgrade::default().record(&mut record);
        (self.carried)(record.try_into()?);
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
