//! `csv`: a row for each endpoint, for spreadsheets. Rows end with CR and LF, as RFC 4180 says.
//!
//! No text from the network becomes a formula.

use std::borrow::Borrow;
use std::io;

use csv::Terminator;

use super::findings_by_endpoint::FindingsByEndpoint;
use super::phrases;
use super::results::Results;
use super::spreadsheet::{self, cell};
use crate::model::{Declared, EndpointReport, Finding, Host, Identification};

/// Characters of a remediation, which the cell does not cut.
const MAX_REMEDIATION: usize = 900;

/// What a row shows.
struct Row<'a> {
    report: &'a EndpointReport,
    findings: &'a [&'a Finding],
}

/// A column: its name, and its text in a row.
type Column = (&'static str, fn(&Row<'_>) -> Option<String>);

const COLUMNS: [Column; 29] = [
    ("target", |row| Some(row.report.target.to_string())),
    ("address", |row| {
        row.report.address().map(|address| address.to_string())
    }),
    ("host", |row| row.host()),
    ("name", |row| {
        row.report.target.label.as_deref().map(str::to_owned)
    }),
    ("verdict", |row| Some(row.report.verdict.to_string())),
    ("reason", |row| Some(row.report.reason.clone())),
    ("expected", |row| {
        row.report
            .target
            .expect
            .map(|expected| expected.to_string())
    }),
    ("component", |row| {
        Some(row.identification()?.component.as_str().to_owned())
    }),
    ("product", |row| {
        Some(row.identification()?.product()?.id.to_string())
    }),
    ("product_confidence", |row| {
        let confidence = row.identification()?.attribution.confidence?;
        Some(confidence.as_str().to_owned())
    }),
    ("version", |row| row.identification()?.version.clone()),
    ("posture", |row| {
        let posture = row.report.posture.as_ref()?;
        Some(posture.status.as_str().to_owned())
    }),
    ("posture_sentence", |row| {
        Some(row.report.posture.as_ref()?.sentence.clone())
    }),
    ("grants", |row| {
        let paths = row.report.grants.iter().map(|grant| grant.path.as_str());
        Some(paths.collect::<Vec<_>>().join(" "))
    }),
    ("worst_severity", |row| {
        let counting = row.findings.iter().filter(|finding| finding.counts());
        let worst = counting.map(|finding| finding.severity).min()?;
        Some(worst.to_string())
    }),
    ("findings", |row| Some(row.rule_ids(Finding::counts))),
    ("accepted_findings", |row| {
        Some(row.rule_ids(Finding::accepted))
    }),
    ("certificate_subject", |row| {
        Some(row.report.certificate()?.subject.to_string())
    }),
    ("certificate_issuer", |row| {
        Some(row.report.certificate()?.issuer.to_string())
    }),
    ("certificate_not_after", |row| {
        let end = row.report.certificate()?.not_after?;
        Some(end.to_string())
    }),
    ("remedy", |row| {
        let remedy = row.report.remedy.as_ref()?;
        // A line end could end the row in a program that ignores quotes.
        Some(phrases::remediation_lines(&remedy.remediation, MAX_REMEDIATION).join(" ⏎ "))
    }),
    ("origin", |row| Some(row.report.target.origin.to_string())),
    ("lapsed_acceptances", |row| {
        let expired = row.findings.iter().filter_map(|finding| {
            let expired = phrases::expired_acceptance(finding)?;
            Some(format!("{}: {expired}", finding.rule.id))
        });
        Some(expired.collect::<Vec<_>>().join("; "))
    }),
    // The command that shows the worst finding.
    ("curl", |row| {
        let mut counting = row.findings.iter().filter(|finding| finding.counts());
        counting.find_map(|finding| finding.curl())
    }),
    ("cpe", |row| row.identification()?.cpe()),
    ("provider", |row| {
        row.declared()?.provider.as_deref().map(str::to_owned)
    }),
    ("region", |row| {
        row.declared()?.region.as_deref().map(str::to_owned)
    }),
    ("labels", |row| {
        let labels = row.declared()?.labels.iter();
        let labels = labels.map(|(key, value)| format!("{key}={value}"));
        Some(labels.collect::<Vec<_>>().join("; "))
    }),
    // How each declared fact compares.
    ("compared", |row| {
        let facts = row.report.compared.iter();
        let facts = facts.map(|compared| {
            let (fact, result) = (compared.fact.as_str(), compared.result.as_str());
            format!("{fact} {result}: {}", compared.sentence)
        });
        // A line end could end the row in a program that ignores quotes.
        Some(facts.collect::<Vec<_>>().join(" ⏎ "))
    }),
];

impl Row<'_> {
    /// The DNS name.
    fn host(&self) -> Option<String> {
        match &self.report.target.host {
            Host::Name(name) => Some(name.to_string()),
            Host::Ip(_) => self.report.target.sni.as_deref().map(str::to_owned),
        }
    }

    /// What an inventory says about it.
    fn declared(&self) -> Option<&Declared> {
        self.report.target.declared.as_deref()
    }

    fn identification(&self) -> Option<&Identification> {
        self.report.identification.as_ref()
    }

    /// The ids of the rules whose findings satisfy `which`.
    fn rule_ids(&self, which: fn(&Finding) -> bool) -> String {
        let findings = self.findings.iter().filter(|finding| which(finding));
        let ids: Vec<&str> = findings.map(|finding| finding.rule.id).collect();
        ids.join(" ")
    }
}

/// Writes a header and a row for each record.
pub(super) fn write(
    out: &mut dyn io::Write,
    results: &Results<'_>,
    reports: impl Iterator<Item: Borrow<EndpointReport>>,
) -> io::Result<()> {
    let findings = FindingsByEndpoint::new(results.findings);
    let mut csv = spreadsheet::writer(out, Terminator::CRLF);
    csv.write_record(COLUMNS.map(|(name, _)| name))?;
    for report in reports {
        let report = report.borrow();
        let row = Row {
            report,
            findings: findings.of(report),
        };
        csv.write_record(COLUMNS.map(|(_, text)| cell(&text(&row).unwrap_or_default())))?;
    }
    csv.flush()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::sample::{self, Sample};
    use super::super::spreadsheet::has_formula;
    use super::*;

    fn text(sample: &Sample) -> String {
        sample::written(|out| write(out, &sample.results(), sample.reports.iter()))
    }

    #[test]
    fn a_row_for_each_endpoint() {
        insta::assert_snapshot!(text(&sample::mixed()));
        assert_eq!(
            text(&sample::empty()),
            format!("\"{}\"\r\n", COLUMNS.map(|(name, _)| name).join("\",\""))
        );
    }

    /// RFC 4180, section 2: rows end with CR and LF, all have the same cells, and no line end is inside a cell.
    #[test]
    fn every_row_ends_with_cr_and_lf() {
        for sample in [
            sample::mixed(),
            sample::hostile(),
            sample::saying("a\r\nb\nc\"d"),
        ] {
            let written = text(&sample);
            let rows: Vec<&str> = written.split_terminator("\r\n").collect();
            assert_eq!(rows.len(), sample.reports.len() + 1);
            assert!(
                !rows.iter().any(|row| row.contains(['\r', '\n'])),
                "{written}"
            );
            let mut reader = csv::Reader::from_reader(written.as_bytes());
            assert!(
                reader
                    .records()
                    .all(|row| row.unwrap().len() == COLUMNS.len())
            );
        }
    }

    proptest! {
        #[test]
        fn no_cell_is_a_formula_and_none_breaks_its_row(text in "\\PC*|[ a=+@\\t\\r\\n\",;-]{0,12}") {
            let mut sample = sample::mixed();
            sample.reports.truncate(1);
            sample.reports[0].reason.clone_from(&text);
            let written = self::text(&sample);
            let mut reader = csv::Reader::from_reader(written.as_bytes());
            let rows: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().unwrap();
            prop_assert_eq!(rows.len(), 1);
            prop_assert!(!has_formula(&written), "{written}");
        }
    }
}
