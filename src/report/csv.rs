//! `csv`: a row for each endpoint, for spreadsheets (RFC 4180).
//!
//! No text from the network becomes a formula.

use std::borrow::Borrow;
use std::io;

use super::findings_by_endpoint::FindingsByEndpoint;
use super::spreadsheet::{self, cell};
use super::{Results, phrases};
use crate::model::{Confidence, Endpoint, EndpointReport, Finding, Host, Severity, Verdict};

const COLUMNS: [&str; 23] = [
    "target",
    "address",
    "name",
    "label",
    "verdict",
    "reason",
    "expected",
    "component",
    "product",
    "product_confidence",
    "version",
    "posture",
    "posture_sentence",
    "grants",
    "worst_severity",
    "findings",
    "accepted_findings",
    "certificate_subject",
    "certificate_issuer",
    "certificate_not_after",
    "remedy",
    "origin",
    "lapsed_acceptances",
];

/// Writes a header and a row for each record.
pub(super) fn write(
    out: &mut dyn io::Write,
    results: &Results<'_>,
    reports: impl Iterator<Item: Borrow<EndpointReport>>,
) -> io::Result<()> {
    let findings = FindingsByEndpoint::new(results.findings);
    let mut csv = spreadsheet::writer(out);
    csv.write_record(COLUMNS)?;
    for report in reports {
        csv.write_record(
            row(report.borrow(), findings.of(report.borrow())).map(|text| cell(&text)),
        )?;
    }
    csv.flush()
}

fn row(report: &EndpointReport, findings: &[&Finding]) -> [String; 23] {
    let target = &report.target;
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let identification = report.identification.as_ref();
    let attribution = identification.map(|identification| &identification.attribution);
    let certificate = report.tls.as_ref().and_then(|tls| tls.certificate.as_ref());
    let grants: Vec<&str> = report
        .grants
        .iter()
        .map(|grant| grant.path.as_str())
        .collect();
    let counting = || findings.iter().filter(|finding| finding.counts());
    let ids = |ids: Vec<&str>| ids.join(" ");
    let expired = findings.iter().filter_map(|finding| {
        Some(format!(
            "{}: {}",
            finding.rule.id,
            phrases::expired_acceptance(finding)?
        ))
    });
    let expired: Vec<String> = expired.collect();
    let name = match &target.host {
        Host::Name(name) => Some(&**name),
        Host::Ip(_) => target.sni.as_deref(),
    };
    [
        target.to_string(),
        report
            .endpoint
            .as_ref()
            .and_then(Endpoint::address)
            .map(|address| address.to_string())
            .unwrap_or_default(),
        text(name),
        text(target.label.as_deref()),
        report.verdict.as_str().to_owned(),
        report.reason.clone(),
        text(target.expect.map(Verdict::as_str)),
        text(identification.map(|identification| identification.component.as_str())),
        text(
            attribution
                .and_then(|attribution| attribution.product.as_ref())
                .map(|product| &*product.id),
        ),
        text(
            attribution
                .and_then(|attribution| attribution.confidence)
                .map(Confidence::as_str),
        ),
        text(identification.and_then(|identification| identification.version.as_deref())),
        text(
            report
                .posture
                .as_ref()
                .map(|posture| posture.standing.as_str()),
        ),
        text(report.posture.as_ref().map(|posture| &*posture.sentence)),
        grants.join(" "),
        text(
            counting()
                .map(|finding| finding.severity)
                .min()
                .map(Severity::as_str),
        ),
        ids(counting().map(|finding| finding.rule.id).collect()),
        ids(findings
            .iter()
            .filter(|finding| finding.accepted())
            .map(|finding| finding.rule.id)
            .collect()),
        text(certificate.map(|certificate| &*certificate.subject)),
        text(certificate.map(|certificate| &*certificate.issuer)),
        certificate
            .and_then(|certificate| certificate.not_after)
            .map(|at| at.to_string())
            .unwrap_or_default(),
        text(
            report
                .remedy
                .as_ref()
                .map(|remedy| phrases::remedy_text(&remedy.text))
                .as_deref(),
        ),
        target.origin.to_string(),
        expired.join("; "),
    ]
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
            format!("\"{}\"\n", COLUMNS.join("\",\""))
        );
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
