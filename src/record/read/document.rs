//! A `json` report: one document, its records read one after the other.

use std::fmt;
use std::io::BufRead;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::Numbered;
use super::bounded::{Bounded, Budget};
use super::coverage::Coverage;
use super::endpoint::Record;
use super::error::Place;
use super::scan::{Counts, Scan, Tool};
use super::word::Schema;
use crate::record::{MAX_PIECE, MAX_RECORD, SavedError, SavedScan};

pub(super) fn read(
    place: &Place<'_>,
    input: &mut dyn BufRead,
    numbered: &mut Numbered<'_>,
) -> Result<SavedScan, SavedError> {
    let budget = Budget::new();
    let mut reader = Bounded::new(input, budget.clone());
    // Read byte by byte by serde; the buffer is the caller's.
    let mut buffered = std::io::BufReader::new(&mut reader);
    let mut deserializer = serde_json::Deserializer::from_reader(&mut buffered);
    let mut ours = false;
    let document = Document {
        numbered,
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
    numbered: &'a mut Numbered<'b>,
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
            numbered,
            budget,
            ours,
        } = self;
        let (mut schema, mut scan, mut coverage) = (None, None, None);
        let (mut tool, mut counts) = (Tool::default(), Counts::default());
        let mut records = None;
        while let Some(key) = map.next_key::<String>()? {
            budget.renew(MAX_PIECE);
            match key.as_str() {
                "schema" => {
                    *ours = true;
                    schema = Some(map.next_value::<Schema>()?);
                }
                "tool" => tool = map.next_value()?,
                "scan" => scan = Some(map.next_value::<Scan>()?),
                "endpoints" if records.is_some() => {
                    return Err(A::Error::duplicate_field("endpoints"));
                }
                "endpoints" => {
                    records = Some(map.next_value_seed(Records {
                        numbered: &mut *numbered,
                        budget: &budget,
                    })?);
                }
                "coverage" => coverage = Some(map.next_value::<Coverage>()?),
                "summary" => counts = map.next_value()?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        let missing = |key| A::Error::custom(format_args!("the key {key:?} is missing"));
        schema.ok_or_else(|| missing("schema"))?;
        let scan = scan.ok_or_else(|| missing("scan"))?;
        let coverage = coverage.ok_or_else(|| missing("coverage"))?;
        counts
            .check(records.unwrap_or(0))
            .map_err(A::Error::custom)?;
        Ok(scan.into_saved(tool, coverage))
    }
}

/// The array of records; its value is how many there were.
struct Records<'a, 'b, 'c> {
    numbered: &'a mut Numbered<'b>,
    budget: &'c Budget,
}

impl<'de> DeserializeSeed<'de> for Records<'_, '_, '_> {
    type Value = u64;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<u64, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Records<'_, '_, '_> {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of endpoint records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut records: A) -> Result<u64, A::Error> {
        let mut count = 0;
        self.budget.renew(MAX_RECORD);
        while let Some(record) = records.next_element::<Record>()? {
            self.budget.renew(MAX_RECORD);
            self.numbered.take(record);
            count += 1;
        }
        Ok(count)
    }
}
