//! `json`: the whole report as one document, described by `docs/report.schema.json`.

use std::borrow::Borrow;
use std::io::{self, Write as _};

use serde::ser::{Serialize, SerializeMap as _, Serializer};

use super::wire::{Coverage, Endpoint, Finding, Scan, Summary, Tool};
use super::{Results, SCHEMA, Tally, encode};
use crate::model::EndpointReport;

/// Writes the document. `reports` stand in it in the order they come: hand them sorted by
/// [`EndpointReport::order_key`], so that equal scans give equal bytes.
///
/// One record at a time is turned into JSON, so the document costs no memory of its own.
pub fn write(
    out: &mut dyn io::Write,
    results: &Results<'_>,
    reports: impl Iterator<Item: Borrow<EndpointReport>>,
) -> io::Result<()> {
    let Results { info, summary, .. } = results;
    let mut out = io::BufWriter::new(out);
    let mut tally = Tally::default();
    let mut serializer = encode::pretty(&mut out);
    let mut document = serializer.serialize_map(None)?;
    document.serialize_entry("schema", SCHEMA)?;
    document.serialize_entry("tool", &Tool::from(info))?;
    document.serialize_entry("scan", &Scan::new(info, summary))?;
    let endpoints = reports
        .inspect(|report| tally.add(report.borrow()))
        .map(Record);
    document.serialize_entry("endpoints", &encode::Sequence::new(endpoints))?;
    let findings = results.findings.iter().map(Finding::from);
    document.serialize_entry("findings", &encode::Sequence::new(findings))?;
    document.serialize_entry("coverage", &Coverage::from(&summary.coverage))?;
    document.serialize_entry("summary", &Summary::new(summary, &tally))?;
    document.end()?;
    out.write_all(b"\n")?;
    out.flush()
}

/// A record, wherever it is held, that is turned into JSON when it is written.
struct Record<R>(R);

impl<R: Borrow<EndpointReport>> Serialize for Record<R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Endpoint::from(self.0.borrow()).serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;

    #[test]
    fn one_document() {
        insta::assert_snapshot!(sample::json(&sample::mixed()));
    }

    #[test]
    fn nothing_to_report() {
        insta::assert_snapshot!(sample::json(&sample::empty()));
    }

    #[test]
    fn long_text_is_cut_and_hidden_characters_are_escaped() {
        let written = sample::json(&sample::hostile());
        assert!(
            !written
                .chars()
                .any(|c| c != '\n' && super::super::escape::hidden(c))
        );
        let document: serde_json::Value = serde_json::from_str(&written).unwrap();
        let evidence = &document["endpoints"][0]["requests"][0]["evidence"];
        let message = evidence["status_message"].as_str().unwrap();
        assert_eq!(
            (message.chars().count(), message.chars().last()),
            (1024, Some('…'))
        );
        assert_eq!(evidence["server"], "nginx\u{9b}31m");
    }

    #[test]
    fn a_writer_that_fails_is_an_error() {
        let sample = sample::mixed();
        let error =
            super::write(&mut sample::Full, &sample.results(), sample.reports.iter()).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    }
}
