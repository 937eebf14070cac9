//! `prometheus`: metrics for the textfile collector of `node_exporter`, in the text exposition format
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>).
//!
//! There are counts, and series for at most [`MAX_ENDPOINTS`] endpoints that answered or are named. Silent
//! addresses of a range are only counted.

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashSet};
use std::fmt::{Display, Write as _};
use std::io::{self, Write};

use super::escape::escape;
use super::results::Results;
use crate::model::{EndpointReport, FailureKind, LeftOutReason, Severity, Verdict};

/// Endpoints with their own series.
const MAX_ENDPOINTS: usize = 10_000;
/// Characters of a label's value.
const MAX_TEXT: usize = 200;

/// Writes the metrics.
pub(super) fn write(
    out: &mut dyn Write,
    results: &Results<'_>,
    reports: impl Iterator<Item: Borrow<EndpointReport>>,
) -> io::Result<()> {
    let mut out = io::BufWriter::new(out);
    scan(&mut out, results)?;
    findings(&mut out, results)?;
    endpoints(&mut out, reports)?;
    out.flush()
}

/// `# HELP` and `# TYPE` of a gauge.
fn head(out: &mut impl Write, name: &str, help: &str) -> io::Result<()> {
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} gauge")
}

/// A gauge with one value.
fn gauge(out: &mut impl Write, name: &str, help: &str, value: impl Display) -> io::Result<()> {
    head(out, name, help)?;
    writeln!(out, "{name} {value}")
}

/// A gauge with a value for each word, which is the value of a label.
fn gauge_by(
    out: &mut impl Write,
    (name, label): (&str, &str),
    help: &str,
    counts: impl IntoIterator<Item = (&'static str, u64)>,
) -> io::Result<()> {
    head(out, name, help)?;
    for (word, count) in counts {
        writeln!(out, "{name}{{{label}=\"{word}\"}} {count}")?;
    }
    Ok(())
}

fn scan(out: &mut impl Write, results: &Results<'_>) -> io::Result<()> {
    let (summary, coverage) = (results.summary, &results.summary.coverage);
    gauge(
        out,
        "kubeknock_scan_start_timestamp_seconds",
        "When the scan began, in Unix time.",
        summary.started.as_second(),
    )?;
    gauge(
        out,
        "kubeknock_scan_duration_seconds",
        "How long the scan took.",
        format_args!("{:.3}", summary.elapsed.as_secs_f64()),
    )?;
    gauge(
        out,
        "kubeknock_scan_complete",
        "Whether every target was attempted, at every address that may be asked.",
        u8::from(coverage.is_complete()),
    )?;
    gauge(
        out,
        "kubeknock_gate_exit_code",
        "The exit code that the gate gave.",
        results.outcome.code,
    )?;
    gauge(
        out,
        "kubeknock_targets",
        "Targets in the set, exclusions taken out.",
        coverage.targets,
    )?;
    gauge(
        out,
        "kubeknock_named_targets",
        "Named targets.",
        coverage.named(),
    )?;
    gauge(
        out,
        "kubeknock_named_targets_covered",
        "Named targets that got a verdict.",
        coverage.covered(),
    )?;
    gauge_by(
        out,
        ("kubeknock_endpoints", "verdict"),
        "Endpoints by verdict.",
        Verdict::ALL.map(|verdict| (verdict.as_str(), coverage.count(verdict))),
    )?;
    let count = |counts: &BTreeMap<FailureKind, u64>, kind: FailureKind| {
        (
            kind.as_str(),
            counts.get(&kind).copied().unwrap_or_default(),
        )
    };
    gauge_by(
        out,
        ("kubeknock_unreachable_endpoints", "kind"),
        "Unreachable endpoints by kind.",
        FailureKind::ALL.map(|kind| count(&coverage.unreachable, kind)),
    )?;
    gauge_by(
        out,
        ("kubeknock_unasked", "why"),
        "What was not asked of names, by reason.",
        LeftOutReason::ALL.map(|why| (why.as_str(), coverage.left_out_count(why))),
    )?;
    gauge(
        out,
        "kubeknock_not_attempted",
        "Targets and addresses that were not asked.",
        coverage.not_attempted,
    )?;
    let our_kinds = FailureKind::ALL
        .into_iter()
        .filter(|kind| kind.is_own_side());
    gauge_by(
        out,
        ("kubeknock_failed_here", "kind"),
        "Those of them that our own side failed at, by kind.",
        our_kinds.map(|kind| count(&coverage.own_side_failures, kind)),
    )
}

fn findings(out: &mut impl Write, results: &Results<'_>) -> io::Result<()> {
    let mut counts: BTreeMap<(Severity, &str), u64> = BTreeMap::new();
    for finding in results.counting_findings() {
        let key = (finding.severity, finding.rule.id);
        *counts.entry(key).or_default() += 1;
    }
    let name = "kubeknock_findings";
    head(out, name, "Findings that count, by severity and rule.")?;
    for ((severity, rule), count) in counts {
        writeln!(
            out,
            "{name}{{severity=\"{severity}\",rule=\"{rule}\"}} {count}"
        )?;
    }
    let accepted = results.findings.iter().filter(|finding| finding.accepted());
    gauge(
        out,
        "kubeknock_accepted_findings",
        "Findings that somebody accepted.",
        accepted.count(),
    )
}

fn endpoints(
    out: &mut impl Write,
    reports: impl Iterator<Item: Borrow<EndpointReport>>,
) -> io::Result<()> {
    let verdicts = "kubeknock_endpoint_verdict";
    let certificates = "kubeknock_certificate_not_after_timestamp_seconds";
    head(
        out,
        verdicts,
        "The verdict on an endpoint: 1 at the verdict that it got.",
    )?;
    let mut certificate_series = String::new();
    let has_series = |report: &EndpointReport| report.connected() || report.target.named;
    let reports = reports.filter(|report| has_series(report.borrow()));
    // Labels are cut, so two series can become equal, and the collector rejects a file with a duplicate series.
    let mut known_labels = HashSet::new();
    for report in reports.take(MAX_ENDPOINTS) {
        let report = report.borrow();
        let address = report.address().map(|address| address.to_string());
        let labels = format!(
            "target=\"{}\",address=\"{}\",server_name=\"{}\",label=\"{}\"",
            value(&report.target.to_string()),
            address.unwrap_or_default(),
            value(report.target.server_name().as_deref().unwrap_or_default()),
            value(report.target.label.as_deref().unwrap_or_default()),
        );
        if !known_labels.insert(labels.clone()) {
            continue;
        }
        let verdict = report.verdict;
        writeln!(out, "{verdicts}{{{labels},verdict=\"{verdict}\"}} 1")?;
        if let Some(end) = report.certificate().and_then(|known| known.not_after) {
            let end = end.as_second();
            let _ = writeln!(certificate_series, "{certificates}{{{labels}}} {end}");
        }
    }
    head(
        out,
        certificates,
        "When the serving certificate ends, in Unix time.",
    )?;
    out.write_all(certificate_series.as_bytes())
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

    /// Two clusters on one address that differ in `sni=`, and an endpoint with two records.
    #[test]
    fn each_series_is_written_once() {
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
    fn promtool_accepts_the_metrics() {
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
            let messages =
                String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
            assert!(
                output.status.success() && messages.trim().is_empty(),
                "{messages}"
            );
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
