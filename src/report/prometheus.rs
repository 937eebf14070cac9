//! `prometheus`: metrics for the textfile collector of `node_exporter`, in the text exposition format
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>).
//!
//! There are counts, and series for at most [`MAX_ENDPOINTS`] endpoints that answered or are named. Silent
//! addresses of a range are only counted.

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::io;

use super::Results;
use super::escape::escape;
use crate::model::{Endpoint, EndpointReport, FailureKind, Finding, Gap, Severity, Verdict};

/// Endpoints with their own series.
const MAX_ENDPOINTS: usize = 10_000;
/// Characters of a label's value.
const MAX_TEXT: usize = 200;

/// Writes the metrics.
pub(super) fn write(
    out: &mut dyn io::Write,
    results: &Results<'_>,
    reports: impl Iterator<Item: Borrow<EndpointReport>>,
) -> io::Result<()> {
    let mut out = io::BufWriter::new(out);
    scan(&mut out, results)?;
    findings(&mut out, results.findings)?;
    endpoints(&mut out, reports)?;
    io::Write::flush(&mut out)
}

/// `# HELP` and `# TYPE` of a gauge.
fn gauge(out: &mut impl io::Write, name: &str, help: &str) -> io::Result<()> {
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} gauge")
}

fn scan(out: &mut impl io::Write, results: &Results<'_>) -> io::Result<()> {
    let (summary, coverage) = (results.summary, &results.summary.coverage);
    let started = summary.started.as_second();
    for (name, help, value) in [
        (
            "kubeknock_scan_start_timestamp_seconds",
            "When the scan began, in Unix time.",
            started.to_string(),
        ),
        (
            "kubeknock_scan_duration_seconds",
            "How long the scan took.",
            format!("{:.3}", summary.elapsed.as_secs_f64()),
        ),
        (
            "kubeknock_scan_complete",
            "Whether every target was attempted, at every address that may be asked.",
            u8::from(coverage.is_complete()).to_string(),
        ),
        (
            "kubeknock_gate_exit_code",
            "The exit code that the gate gave.",
            results.outcome.code.to_string(),
        ),
        (
            "kubeknock_targets",
            "Targets in the set, exclusions taken out.",
            coverage.targets.to_string(),
        ),
        (
            "kubeknock_named_targets",
            "Named targets.",
            coverage.named().to_string(),
        ),
        (
            "kubeknock_named_targets_covered",
            "Named targets that got a verdict.",
            coverage.covered().to_string(),
        ),
    ] {
        gauge(out, name, help)?;
        writeln!(out, "{name} {value}")?;
    }
    gauge(out, "kubeknock_endpoints", "Endpoints by verdict.")?;
    for verdict in Verdict::ALL {
        writeln!(
            out,
            "kubeknock_endpoints{{verdict=\"{verdict}\"}} {}",
            coverage.count(verdict)
        )?;
    }
    gauge(
        out,
        "kubeknock_unreachable_endpoints",
        "Unreachable endpoints by kind.",
    )?;
    for kind in FailureKind::ALL {
        let count = coverage.unreachable.get(&kind).copied().unwrap_or_default();
        writeln!(
            out,
            "kubeknock_unreachable_endpoints{{kind=\"{}\"}} {count}",
            kind.as_str()
        )?;
    }
    gauge(
        out,
        "kubeknock_unasked",
        "What was not asked of names, by reason.",
    )?;
    for why in Gap::ALL {
        writeln!(
            out,
            "kubeknock_unasked{{why=\"{}\"}} {}",
            why.as_str(),
            coverage.gap(why)
        )?;
    }
    gauge(
        out,
        "kubeknock_not_attempted",
        "Targets and addresses that were not asked.",
    )?;
    writeln!(out, "kubeknock_not_attempted {}", coverage.not_attempted)?;
    gauge(
        out,
        "kubeknock_failed_here",
        "Those of them that our own side failed at, by kind.",
    )?;
    for kind in FailureKind::ALL.into_iter().filter(|kind| kind.is_ours()) {
        let count = coverage.failed_here.get(&kind).copied().unwrap_or_default();
        writeln!(
            out,
            "kubeknock_failed_here{{kind=\"{}\"}} {count}",
            kind.as_str()
        )?;
    }
    Ok(())
}

fn findings(out: &mut impl io::Write, findings: &[Finding]) -> io::Result<()> {
    let mut counts: BTreeMap<(Severity, &str), u64> = BTreeMap::new();
    for finding in findings.iter().filter(|finding| finding.counts()) {
        *counts
            .entry((finding.severity, finding.rule.id))
            .or_default() += 1;
    }
    gauge(
        out,
        "kubeknock_findings",
        "Findings that count, by severity and rule.",
    )?;
    for ((severity, rule), count) in counts {
        writeln!(
            out,
            "kubeknock_findings{{severity=\"{severity}\",rule=\"{rule}\"}} {count}"
        )?;
    }
    let accepted = findings.iter().filter(|finding| finding.accepted()).count();
    gauge(
        out,
        "kubeknock_accepted_findings",
        "Findings that somebody accepted.",
    )?;
    writeln!(out, "kubeknock_accepted_findings {accepted}")
}

fn endpoints(
    out: &mut impl io::Write,
    reports: impl Iterator<Item: Borrow<EndpointReport>>,
) -> io::Result<()> {
    let mut certificates = String::new();
    gauge(
        out,
        "kubeknock_endpoint_verdict",
        "The verdict on an endpoint: 1 at the verdict that it got.",
    )?;
    let has_series = |report: &EndpointReport| report.connected() || report.target.named;
    // Labels are cut, so two series can become equal, and the collector rejects a file with a duplicate series.
    let mut seen = HashSet::new();
    for report in reports
        .filter(|report| has_series(report.borrow()))
        .take(MAX_ENDPOINTS)
    {
        let report = report.borrow();
        let address = report
            .endpoint
            .as_ref()
            .and_then(Endpoint::address)
            .map(|address| address.to_string());
        let labels = format!(
            "target=\"{}\",address=\"{}\",server_name=\"{}\",label=\"{}\"",
            value(&report.target.to_string()),
            address.unwrap_or_default(),
            value(report.target.server_name().as_deref().unwrap_or_default()),
            value(report.target.label.as_deref().unwrap_or_default()),
        );
        if !seen.insert(labels.clone()) {
            continue;
        }
        writeln!(
            out,
            "kubeknock_endpoint_verdict{{{labels},verdict=\"{}\"}} 1",
            report.verdict
        )?;
        let certificate = report.tls.as_ref().and_then(|tls| tls.certificate.as_ref());
        if let Some(end) = certificate.and_then(|certificate| certificate.not_after) {
            let _ = writeln!(
                certificates,
                "kubeknock_certificate_not_after_timestamp_seconds{{{labels}}} {}",
                end.as_second()
            );
        }
    }
    gauge(
        out,
        "kubeknock_certificate_not_after_timestamp_seconds",
        "When the serving certificate ends, in Unix time.",
    )?;
    out.write_all(certificates.as_bytes())
}

/// The value of a label, with backslashes and quotes escaped.
fn value(text: &str) -> String {
    escape(text, MAX_TEXT)
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::process::{Command, Stdio};

    use proptest::prelude::*;

    use super::super::sample::{self, Sample};
    use super::super::skip;
    use super::*;

    fn text(sample: &Sample) -> String {
        sample::written(|out| write(out, &sample.results(), sample.reports.iter()))
    }

    #[test]
    fn the_metrics() {
        let metrics = text(&sample::mixed());
        insta::assert_snapshot!(metrics);
        let series: Vec<&str> = metrics
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| line.rsplit_once(' ').unwrap().0)
            .collect();
        let unique: BTreeSet<&str> = series.iter().copied().collect();
        assert_eq!(series.len(), unique.len(), "each series once");
    }

    /// Two clusters on one address, told apart by `sni=`; and an endpoint that is there twice.
    #[test]
    fn a_series_is_there_once() {
        let mut sample = sample::mixed();
        let mut other = sample.reports[0].clone();
        other.target.sni = Some("other.example".into());
        sample.reports.extend([sample.reports[0].clone(), other]);
        let metrics = text(&sample);
        let series: Vec<&str> = metrics
            .lines()
            .filter(|line| line.contains("192.0.2.17:6443"))
            .collect();
        let unique: BTreeSet<&str> = series.iter().copied().collect();
        assert_eq!(
            (series.len(), unique.len()),
            (4, 4),
            "verdict and certificate of both: {metrics}"
        );
    }

    #[test]
    fn promtool_finds_nothing_wrong() {
        for sample in [sample::mixed(), sample::empty(), sample::hostile()] {
            let promtool = Command::new("promtool")
                .args(["check", "metrics"])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn();
            let Ok(mut promtool) = promtool else {
                skip::without("promtool", "promtool check metrics");
                return;
            };
            io::Write::write_all(
                &mut promtool.stdin.take().unwrap(),
                text(&sample).as_bytes(),
            )
            .unwrap();
            let output = promtool.wait_with_output().unwrap();
            let said =
                String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && said.trim().is_empty(), "{said}");
        }
    }

    proptest! {
        #[test]
        fn no_label_ends_its_quotes(text in "\\PC*|[\\x00-\\x7f]{0,40}") {
            let shown = value(&text);
            prop_assert!(!shown.contains('\n'));
            prop_assert!(!shown.replace("\\\\", "").replace("\\\"", "").contains(['"', '\\']), "{shown}");
        }
    }
}
