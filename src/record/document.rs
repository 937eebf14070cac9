//! Reads a `json` report: one document, record by record.

use std::fmt;
use std::io::BufRead;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::bounded::{Bounded, Budget};
use super::coverage::Coverage;
use super::endpoint::Endpoint;
use super::error::{ReportName, SavedError};
use super::format::{MAX_PIECE, MAX_RECORD, Schema};
use super::records::{RecordCount, Records};
use super::scan::{Scan, Tool};
use super::scan_info::SavedScan;

pub(super) fn read(
    place: &ReportName<'_>,
    input: &mut dyn BufRead,
    records: &mut Records<'_>,
) -> Result<SavedScan, SavedError> {
    let budget = Budget::new();
    let mut reader = Bounded::new(input, budget.clone());
    // Read byte by byte by serde; the buffer is the caller's.
    let mut buffered = std::io::BufReader::new(&mut reader);
    let mut deserializer = serde_json::Deserializer::from_reader(&mut buffered);
    let mut ours = false;
    let document = Document {
        records,
        budget,
        ours: &mut ours,
    };
    let scan = document.deserialize(&mut deserializer);
    let scan = scan.map_err(|error| {
        let error = place.json(&error);
        if ours { error } else { error.of_no_report() }
    })?;
    deserializer.end().map_err(|error| place.json(&error))?;
    Ok(scan)
}

struct Document<'a, 'b> {
    records: &'a mut Records<'b>,
    budget: Budget,
    /// Set once something shows that this is a report of kubeknock.
    ours: &'a mut bool,
}

impl<'de> DeserializeSeed<'de> for Document<'_, '_> {
    type Value = SavedScan;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<SavedScan, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Document<'_, '_> {
    type Value = SavedScan;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a kubeknock report")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SavedScan, A::Error> {
        let Self {
            records,
            budget,
            ours,
        } = self;
        let (mut schema, mut scan, mut coverage, mut endpoints) = (None, None, None, None);
        let (mut tool, mut count) = (Tool::default(), RecordCount::default());
        while let Some(key) = map.next_key::<String>()? {
            budget.renew(MAX_PIECE);
            match key.as_str() {
                "schema" => {
                    *ours = true;
                    schema = Some(map.next_value::<Schema>()?);
                }
                "tool" => tool = map.next_value()?,
                "scan" => {
                    let record = map.next_value::<Scan<'_>>()?;
                    scan = Some(record.into_saved().map_err(A::Error::custom)?);
                }
                "endpoints" if endpoints.is_some() => {
                    return Err(A::Error::duplicate_field("endpoints"));
                }
                "endpoints" => {
                    endpoints = Some(map.next_value_seed(Endpoints {
                        records: &mut *records,
                        budget: &budget,
                        take: Records::take,
                    })?);
                }
                "carried" => map.next_value_seed(Endpoints {
                    records: &mut *records,
                    budget: &budget,
                    take: Records::take_carried,
                })?,
                "coverage" => {
                    let record = map.next_value::<Coverage<'_>>()?;
                    coverage = Some(record.try_into().map_err(A::Error::custom)?);
                }
                "summary" => count = map.next_value()?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        let missing = |key| A::Error::custom(format_args!("the key {key:?} is missing"));
        schema.ok_or_else(|| missing("schema"))?;
        let mut scan = scan.ok_or_else(|| missing("scan"))?;
        scan.summary.coverage = coverage.ok_or_else(|| missing("coverage"))?;
        scan.tool_version = tool.version.into_owned();
        records.check(&count).map_err(A::Error::custom)?;
        Ok(scan)
    }
}

/// An array of records.
struct Endpoints<'a, 'b> {
    records: &'a mut Records<'b>,
    budget: &'a Budget,
    take: fn(&mut Records<'b>, Endpoint<'_>) -> Result<(), String>,
}

impl<'de> DeserializeSeed<'de> for Endpoints<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Endpoints<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of endpoint records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut endpoints: A) -> Result<(), A::Error> {
        self.budget.renew(MAX_RECORD);
        while let Some(record) = endpoints.next_element::<Endpoint<'_>>()? {
            self.budget.renew(MAX_RECORD);
            (self.take)(self.records, record).map_err(A::Error::custom)?;
        }
        Ok(())
    }
}
