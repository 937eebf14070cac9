//! `prometheus`: metrics for the textfile collector of `node_exporter`, in the text exposition format
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>).
//!
//! There are counts, and series for at most [`MAX_ENDPOINTS`] endpoints that answered or are named. Silent
//! addresses of a range are only counted.

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashSet};
use std::fmt::Display;
use std::io::{self, Write};

use super::escape::escape;
use super::results::Results;
use crate::model::{EndpointReport, FailureKind, Finding, LeftOutReason, Severity, Verdict};

/// Endpoints with their own series.
const MAX_ENDPOINTS: usize = 10_000;
/// Characters of a label's value.
const MAX_TEXT: usize = 200;
/// Characters of the name of a scan. No file name is longer, so that scans of different files keep different names.
const MAX_NAME: usize = 255;
/// The name of a scan that has no name and whose metrics have no file.
const NO_NAME: &str = "kubeknock";

/// Writes the metrics. The scan is named as its settings say, or else by `name`.
///
/// Every series has the name of the scan as a label. The textfile collector joins the files of its folder and keeps one
/// of several equal series, so without the label one scan would hide another.
pub(super) fn write(
    out: &mut dyn Write,
    results: &Results<'_>,
    reports: impl Iterator<Item: Borrow<EndpointReport>>,
    name: Option<&str>,
) -> io::Result<()> {
    let name = results.info.config.scan_name.as_deref().or(name);
    let mut metrics = Metrics {
        out: io::BufWriter::new(out),
        scan: format!("scan=\"{}\"", value(name.unwrap_or(NO_NAME), MAX_NAME)),
    };
    scan(&mut metrics, results)?;
    findings(&mut metrics, results)?;
    endpoints(&mut metrics, reports)?;
    metrics.out.flush()
}

/// The metrics of one scan.
struct Metrics<W> {
    out: W,
    /// The label of every series: `scan="dmz"`.
    scan: String,
}

impl<W: Write> Metrics<W> {
    /// `# HELP` and `# TYPE` of a gauge.
    fn head(&mut self, name: &str, help: &str) -> io::Result<()> {
        writeln!(self.out, "# HELP {name} {help}\n# TYPE {name} gauge")
    }

    /// A series. The further labels are written as `verdict="exposed"`.
    fn series(&mut self, name: &str, labels: &[&str], value: impl Display) -> io::Result<()> {
        write!(self.out, "{name}{{{}", self.scan)?;
        for label in labels {
            write!(self.out, ",{label}")?;
        }
        writeln!(self.out, "}} {value}")
    }

    /// A gauge with one value.
    fn gauge(&mut self, name: &str, help: &str, value: impl Display) -> io::Result<()> {
        self.head(name, help)?;
        self.series(name, &[], value)
    }

    /// A gauge with a value for each word, which is the value of a label.
    fn gauge_by(
        &mut self,
        (name, label): (&str, &str),
        help: &str,
        counts: impl IntoIterator<Item = (&'static str, u64)>,
    ) -> io::Result<()> {
        self.head(name, help)?;
        for (word, count) in counts {
            self.series(name, &[&format!("{label}=\"{word}\"")], count)?;
        }
        Ok(())
    }

    /// A gauge with the number of findings for each severity and rule.
    fn findings<'a>(
        &mut self,
        name: &str,
        help: &str,
        findings: impl Iterator<Item = &'a Finding>,
    ) -> io::Result<()> {
        let mut counts: BTreeMap<(Severity, &str), u64> = BTreeMap::new();
        for finding in findings {
            let key = (finding.severity, finding.rule.id);
            *counts.entry(key).or_default() += 1;
        }
        self.head(name, help)?;
        for ((severity, rule), count) in counts {
            let labels = format!("severity=\"{severity}\",rule=\"{rule}\"");
            self.series(name, &[&labels], count)?;
        }
        Ok(())
    }
}

fn scan(metrics: &mut Metrics<impl Write>, results: &Results<'_>) -> io::Result<()> {
    let (summary, coverage) = (results.summary, &results.summary.coverage);
    metrics.gauge(
        "kubeknock_scan_start_timestamp_seconds",
        "When the scan began, in Unix time.",
        summary.started.as_second(),
    )?;
    metrics.gauge(
        "kubeknock_scan_duration_seconds",
        "How long the scan took.",
        format_args!("{:.3}", summary.elapsed.as_secs_f64()),
    )?;
    metrics.gauge(
        "kubeknock_scan_complete",
        "Whether every target was attempted, at every address that may be asked.",
        u8::from(coverage.is_complete()),
    )?;
    metrics.gauge(
        "kubeknock_gate_exit_code",
        "The exit code that the gate gave.",
        results.outcome.code,
    )?;
    metrics.gauge(
        "kubeknock_targets",
        "Targets in the set, exclusions taken out.",
        coverage.targets,
    )?;
    metrics.gauge(
        "kubeknock_named_targets",
        "Named targets.",
        coverage.named(),
    )?;
    metrics.gauge(
        "kubeknock_named_targets_covered",
        "Named targets that got a verdict.",
        coverage.covered(),
    )?;
    metrics.gauge_by(
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
    metrics.gauge_by(
        ("kubeknock_unreachable_endpoints", "kind"),
        "Unreachable endpoints by kind.",
        FailureKind::ALL.map(|kind| count(&coverage.unreachable, kind)),
    )?;
    metrics.gauge_by(
        ("kubeknock_unasked", "why"),
        "What was not asked of names, by reason.",
        LeftOutReason::ALL.map(|why| (why.as_str(), coverage.left_out_count(why))),
    )?;
    metrics.gauge(
        "kubeknock_not_attempted",
        "Targets and addresses that were not asked.",
        coverage.not_attempted,
    )?;
    let our_kinds = FailureKind::ALL
        .into_iter()
        .filter(|kind| kind.is_own_side());
    metrics.gauge_by(
        ("kubeknock_failed_here", "kind"),
        "Those of them that our own side failed at, by kind.",
        our_kinds.map(|kind| count(&coverage.own_side_failures, kind)),
    )
}

fn findings(metrics: &mut Metrics<impl Write>, results: &Results<'_>) -> io::Result<()> {
    metrics.findings(
        "kubeknock_findings",
        "Findings that count, by severity and rule.",
        results.counting_findings(),
    )?;
    metrics.findings(
        "kubeknock_carried_findings",
        "Findings carried from the baseline that nobody accepted, by severity and rule.",
        results.carried.iter().filter(|finding| finding.counts()),
    )?;
    let accepted = results.findings.iter().filter(|finding| finding.accepted());
    metrics.gauge(
        "kubeknock_accepted_findings",
        "Findings that somebody accepted.",
        accepted.count(),
    )
}

fn endpoints(
    metrics: &mut Metrics<impl Write>,
    reports: impl Iterator<Item: Borrow<EndpointReport>>,
) -> io::Result<()> {
    let verdicts = "kubeknock_endpoint_verdict";
    let certificates = "kubeknock_certificate_not_after_timestamp_seconds";
    metrics.head(
        verdicts,
        "The verdict on an endpoint: 1 at the verdict that it got.",
    )?;
    let mut certificate_ends = Vec::new();
    let has_series = |report: &EndpointReport| report.connected() || report.target.named;
    let reports = reports.filter(|report| has_series(report.borrow()));
    // Labels are cut, so two series can become equal, and the collector rejects a file with a duplicate series.
    let mut known_labels = HashSet::new();
    for report in reports.take(MAX_ENDPOINTS) {
        let report = report.borrow();
        let address = report.address().map(|address| address.to_string());
        let labels = format!(
            "target=\"{}\",address=\"{}\",server_name=\"{}\",label=\"{}\"",
            value(&report.target.to_string(), MAX_TEXT),
            address.unwrap_or_default(),
            value(
                report.target.server_name().as_deref().unwrap_or_default(),
                MAX_TEXT
            ),
            value(report.target.label.as_deref().unwrap_or_default(), MAX_TEXT),
        );
        if !known_labels.insert(labels.clone()) {
            continue;
        }
        let verdict = format!("verdict=\"{}\"", report.verdict);
        metrics.series(verdicts, &[&labels, &verdict], 1)?;
        if let Some(end) = report.certificate().and_then(|known| known.not_after) {
            certificate_ends.push((labels, end.as_second()));
        }
    }
    metrics.head(
        certificates,
        "When the serving certificate ends, in Unix time.",
    )?;
    for (labels, end) in certificate_ends {
        metrics.series(certificates, &[&labels], end)?;
    }
    Ok(())
}

/// The value of a label, with backslashes and quotes escaped.
fn value(text: &str, max: usize) -> String {
    escape(text, max).replace('\\', "\\\\").replace('"', "\\\"")
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
        sample::written(|out| write(out, &sample.results(), sample.reports.iter(), Some("night")))
    }

    #[test]
    fn the_metrics() {
        let metrics = text(&sample::carrying());
        insta::assert_snapshot!(metrics);
        let series: Vec<&str> = metrics
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| line.rsplit_once(' ').unwrap().0)
            .collect();
        let unique: BTreeSet<&str> = series.iter().copied().collect();
        assert_eq!(series.len(), unique.len(), "each series once");
        for one in series {
            assert!(one.contains("{scan=\"europe\""), "{one}");
        }
    }

    /// The name that the scan has, or else the given one. A hostile one ends neither its quotes nor its line, and long
    /// ones stay different.
    #[test]
    fn every_series_names_its_scan() {
        let mut sample = sample::mixed();
        let first = |sample: &Sample| {
            let metrics = text(sample);
            let line = metrics.lines().find(|line| !line.starts_with('#'));
            let (labels, _) = line.unwrap().rsplit_once(' ').unwrap();
            labels.split_once('{').unwrap().1.to_owned()
        };
        for (name, label) in [
            (None, "scan=\"night\"}".to_owned()),
            (
                Some("a\"} 1\n\\x".to_owned()),
                "scan=\"a\\\"} 1\\\\n\\\\x\"}".to_owned(),
            ),
            (
                Some("y".repeat(254) + "z"),
                format!("scan=\"{}z\"}}", "y".repeat(254)),
            ),
            (
                Some("y".repeat(300)),
                format!("scan=\"{}…\"}}", "y".repeat(254)),
            ),
        ] {
            sample.config.scan_name = name;
            assert_eq!(first(&sample), label);
        }
        let unnamed = sample::written(|out| {
            sample.config.scan_name = None;
            write(out, &sample.results(), sample.reports.iter(), None)
        });
        assert!(
            unnamed.contains("kubeknock_gate_exit_code{scan=\"kubeknock\"} 1\n"),
            "{unnamed}"
        );
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
        let mut hostile = sample::hostile();
        hostile.config.scan_name = Some("a\"} 1\n# TYPE \\\u{202e}".to_owned());
        for sample in [sample::carrying(), sample::empty(), hostile] {
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
            let shown = value(&text, MAX_TEXT);
            prop_assert!(!shown.contains('\n'));
            prop_assert!(!shown.replace("\\\\", "").replace("\\\"", "").contains(['"', '\\']), "{shown}");
        }
    }
}
