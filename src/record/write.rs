//! Writes a report: as one document, or as lines.

use std::borrow::Borrow;
use std::io::{self, Write};

use serde::Serialize;
use serde::ser::{SerializeMap as _, Serializer};

use super::coverage::{Coverage, Summary};
use super::endpoint::Endpoint;
use super::finding::Finding;
use super::scan::{Scan, Tool};
use super::{SCHEMA, ScanInfo, Tally, encode};
use crate::model::{self, EndpointReport, ScanSummary, UnusedAcceptance};

/// What a report says beside its endpoint records.
#[derive(Debug, Clone, Copy)]
pub struct Contents<'a> {
    /// Which version scanned, and with which settings.
    pub info: ScanInfo<'a>,
    /// When the scan ran, and where every target ended.
    pub summary: &'a ScanSummary,
    /// The findings.
    pub findings: &'a [model::Finding],
    /// The acceptances that match no finding.
    pub unused_acceptances: &'a [UnusedAcceptance],
}

#[derive(Serialize)]
#[serde(tag = "record", rename_all = "kebab-case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) enum Line<'a> {
    /// A line of the `jsonl` format: one endpoint, written when it is done.
    Endpoint(Endpoint<'a>),
    /// A line of the `jsonl` format: one record of an earlier scan, as in `carried`, written after the endpoints.
    Carried(Endpoint<'a>),
    /// A line of the `jsonl` format: one finding, written after the endpoints.
    Finding(Finding<'a>),
    /// The last line of the `jsonl` format. A file without it is truncated.
    Summary {
        /// The name and version of the format.
        #[cfg_attr(test, schemars(extend("const" = SCHEMA)))]
        schema: &'static str,
        /// The program that scanned.
        tool: Tool<'a>,
        /// The scan itself.
        scan: Scan<'a>,
        /// The acceptances of the settings that match no finding.
        unused_acceptances: &'a [UnusedAcceptance],
        /// How every target ended.
        coverage: Coverage<'a>,
        /// The scan in a few numbers.
        summary: Summary<'a>,
    },
}

/// One endpoint's line with its line feed, which [`from_line`](super::from_line) reads back.
pub fn to_line(report: &EndpointReport) -> io::Result<Vec<u8>> {
    encode::line(&Line::Endpoint(report.into()))
}

/// Writes one endpoint's line and counts it in `tally`, which [`write_last_lines`] needs. Each line is
/// written as a whole and flushed, so that another reader never sees a part of one.
pub fn write_line(
    out: &mut dyn Write,
    report: &EndpointReport,
    tally: &mut Tally,
) -> io::Result<()> {
    tally.add(report);
    flushed(out, &Line::Endpoint(report.into()))
}

/// Writes the last lines: the `carried` records of earlier scans, the findings, then the scan as a whole. A file without
/// the last line is truncated.
pub fn write_last_lines(
    out: &mut dyn Write,
    contents: &Contents<'_>,
    carried: impl Iterator<Item: Borrow<EndpointReport>>,
    tally: &Tally,
) -> io::Result<()> {
    let Contents {
        info,
        summary,
        findings,
        unused_acceptances,
    } = contents;
    for record in carried {
        flushed(out, &Line::Carried(record.borrow().into()))?;
    }
    for finding in *findings {
        flushed(out, &Line::Finding(finding.into()))?;
    }
    let last = Line::Summary {
        schema: SCHEMA,
        tool: info.into(),
        scan: Scan::new(info, summary),
        unused_acceptances,
        coverage: (&summary.coverage).into(),
        summary: Summary::new(summary, tally),
    };
    flushed(out, &last)
}

fn flushed(out: &mut dyn Write, line: &Line<'_>) -> io::Result<()> {
    out.write_all(&encode::line(line)?)?;
    out.flush()
}

/// Writes the document. `reports` and the `carried` records of earlier scans are written in the order given: pass them
/// sorted by [`EndpointReport::order_key`], so that equal scans give equal bytes.
///
/// Only one record at a time is in memory as JSON.
pub fn write_document(
    out: &mut dyn Write,
    contents: &Contents<'_>,
    reports: impl Iterator<Item: Borrow<EndpointReport>>,
    carried: impl Iterator<Item: Borrow<EndpointReport>>,
) -> io::Result<()> {
    let Contents {
        info,
        summary,
        findings,
        unused_acceptances,
    } = contents;
    let mut out = io::BufWriter::new(out);
    let mut tally = Tally::default();
    let mut serializer = encode::pretty(&mut out);
    let mut document = serializer.serialize_map(None)?;
    document.serialize_entry("schema", SCHEMA)?;
    document.serialize_entry("tool", &Tool::from(info))?;
    document.serialize_entry("scan", &Scan::new(info, summary))?;
    let endpoints = reports
        .inspect(|report| tally.add(report.borrow()))
        .map(Written);
    document.serialize_entry("endpoints", &encode::Sequence::new(endpoints))?;
    let carried = carried.map(Written);
    document.serialize_entry("carried", &encode::Sequence::new(carried))?;
    let findings = findings.iter().map(Finding::from);
    document.serialize_entry("findings", &encode::Sequence::new(findings))?;
    document.serialize_entry("unused_acceptances", unused_acceptances)?;
    document.serialize_entry("coverage", &Coverage::from(&summary.coverage))?;
    document.serialize_entry("summary", &Summary::new(summary, &tally))?;
    document.end()?;
    out.write_all(b"\n")?;
    out.flush()
}

/// Writes only endpoint records, as one JSON object with the key `endpoints` of a report.
pub fn write_endpoints(out: &mut dyn Write, reports: &[EndpointReport]) -> io::Result<()> {
    let mut serializer = encode::pretty(&mut *out);
    let mut document = serializer.serialize_map(None)?;
    let endpoints = reports.iter().map(Written);
    document.serialize_entry("endpoints", &encode::Sequence::new(endpoints))?;
    document.end()?;
    out.write_all(b"\n")
}

/// A record, borrowed or owned, that becomes JSON when it is written.
struct Written<R>(R);

impl<R: Borrow<EndpointReport>> Serialize for Written<R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Endpoint::from(self.0.borrow()).serialize(serializer)
    }
}
