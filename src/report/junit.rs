//! `junit`: a test case for each endpoint, which every CI server shows.
//!
//! A case fails by its findings, skips where nothing answered. Findings about no endpoint (a name that
//! does not resolve, a specification) are cases of their own.

use std::borrow::{Borrow, Cow};
use std::collections::HashMap;
use std::io::{self, Write as _};

use super::Results;
use super::escape::escape;
use crate::model::{Endpoint, EndpointReport, Finding, Severity, Verdict};

/// Characters of a text that is not ours.
const SHOWN: usize = 1000;

/// What stands in the head of the file, before the cases.
#[derive(Debug, Clone, Copy)]
pub struct Counts {
    cases: usize,
    failed: usize,
    skipped: usize,
}

impl Counts {
    /// Counts the cases that [`write()`] makes of the same records.
    pub fn of(results: &Results<'_>, reports: impl Iterator<Item: Borrow<EndpointReport>>) -> Self {
        let failures = Failures::of(results.findings);
        let elsewhere = failures.elsewhere.len();
        let mut counts = Self { cases: elsewhere, failed: elsewhere, skipped: 0 };
        for report in reports {
            let report = report.borrow();
            counts.cases += 1;
            match failures.at(report) {
                [] if report.verdict == Verdict::Unreachable => counts.skipped += 1,
                [] => {}
                _ => counts.failed += 1,
            }
        }
        counts
    }
}

/// Writes the suite; `reports` in the order of the set.
pub fn write(
    out: &mut dyn io::Write,
    results: &Results<'_>,
    counts: Counts,
    reports: impl Iterator<Item: Borrow<EndpointReport>>,
) -> io::Result<()> {
    let mut out = io::BufWriter::new(out);
    let failures = Failures::of(results.findings);
    let Counts { cases, failed, skipped } = counts;
    let seconds = results.summary.elapsed.as_secs_f64();
    let attributes = format!(
        "tests=\"{cases}\" failures=\"{failed}\" errors=\"0\" skipped=\"{skipped}\" time=\"{seconds:.3}\""
    );
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites>")?;
    let started = format!("{:.0}", results.summary.started);
    writeln!(
        out,
        "  <testsuite name=\"kubeknock\" {attributes} timestamp=\"{}\">",
        started.trim_end_matches('Z')
    )?;
    for report in reports {
        let report = report.borrow();
        let place = report.endpoint.as_ref().map_or_else(|| report.target.to_string(), ToString::to_string);
        let seconds = report.elapsed().as_secs_f64();
        let name = format!("{place}: {}", report.verdict);
        write!(
            out,
            "    <testcase classname=\"{}\" name=\"{}\" time=\"{seconds:.3}\"",
            text(&report.target.to_string()),
            text(&name)
        )?;
        match failures.at(report) {
            [] if report.verdict == Verdict::Unreachable => {
                writeln!(out, ">\n      <skipped message=\"{}\"/>\n    </testcase>", text(&report.reason))?;
            }
            [] => writeln!(out, "/>")?,
            findings => case(&mut out, findings)?,
        }
    }
    for finding in &failures.elsewhere {
        let about = text(finding.about.as_str());
        write!(out, "    <testcase classname=\"{about}\" name=\"{about}: {}\" time=\"0\"", finding.rule.id)?;
        case(&mut out, &[finding])?;
    }
    writeln!(out, "  </testsuite>\n</testsuites>")?;
    out.flush()
}

/// The rest of a failing case. One failure element, because readers of the format know no more.
fn case(out: &mut impl io::Write, findings: &[&Finding]) -> io::Result<()> {
    let Some(worst) = findings.first() else { return Ok(()) };
    writeln!(out, ">\n      <failure type=\"{}\" message=\"{}\">", worst.rule.id, text(&worst.message))?;
    for finding in findings {
        let line = format!(
            "{} {}: {}\n  remedy: {}",
            finding.severity, finding.rule.id, finding.message, finding.remedy
        );
        for line in line.lines() {
            writeln!(out, "{}", text(line))?;
        }
    }
    writeln!(out, "      </failure>\n    </testcase>")
}

/// Findings that fail a case: what counts, notes apart.
struct Failures<'a> {
    at: HashMap<&'a Endpoint, Vec<&'a Finding>>,
    elsewhere: Vec<&'a Finding>,
}

impl<'a> Failures<'a> {
    fn of(findings: &'a [Finding]) -> Self {
        let mut failures = Self { at: HashMap::new(), elsewhere: Vec::new() };
        for finding in findings.iter().filter(|finding| finding.counts() && finding.severity < Severity::Note)
        {
            if finding.sites.is_empty() {
                failures.elsewhere.push(finding);
            }
            for site in &finding.sites {
                failures.at.entry(&site.endpoint).or_default().push(finding);
            }
        }
        failures
    }

    fn at(&self, report: &EndpointReport) -> &[&'a Finding] {
        report.endpoint.as_ref().and_then(|endpoint| self.at.get(endpoint)).map_or(&[], Vec::as_slice)
    }
}

/// Text for an attribute or an element. What XML 1.0 forbids is hidden text or a non-character.
fn text(text: &str) -> String {
    let mut out = String::new();
    for c in escape(text, SHOWN).chars() {
        let entity: Cow<'_, str> = match c {
            '&' => "&amp;".into(),
            '<' => "&lt;".into(),
            '>' => "&gt;".into(),
            '"' => "&quot;".into(),
            '\'' => "&apos;".into(),
            '\u{fffe}' | '\u{ffff}' => "\u{fffd}".into(),
            c => String::from(c).into(),
        };
        out.push_str(&entity);
    }
    out
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::super::sample::{self, Sample};
    use super::*;

    fn written(sample: &Sample) -> String {
        let mut out = Vec::new();
        let results = sample.results();
        let counts = Counts::of(&results, sample.reports.iter());
        write(&mut out, &results, counts, sample.reports.iter()).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_case_for_each_endpoint() {
        let suite = written(&sample::mixed());
        insta::assert_snapshot!(suite);
        let count = |tag: &str| suite.matches(tag).count();
        let said = |name: &str| {
            let rest = suite.split(&format!(" {name}=\"")).nth(1).unwrap();
            rest.split('"').next().unwrap().parse::<usize>().unwrap()
        };
        assert_eq!(said("tests"), count("<testcase "));
        assert_eq!(said("failures"), count("<failure "));
        assert_eq!(said("skipped"), count("<skipped "));
        assert!(written(&sample::empty()).contains("tests=\"0\""));
    }

    /// Against the schema of Jenkins' xunit plugin, as pytest ships it.
    #[test]
    fn the_usual_schema_holds() {
        let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/junit-10.xsd");
        for sample in [sample::mixed(), sample::empty(), sample::hostile()] {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("junit.xml");
            std::fs::write(&file, written(&sample)).unwrap();
            let output =
                Command::new("xmllint").args(["--noout", "--nonet", "--schema", schema]).arg(&file).output();
            let Ok(output) = output else {
                println!("SKIPPED: the JUnit schema: xmllint is not installed");
                return;
            };
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
    }

    proptest! {
        #[test]
        fn no_text_ends_its_place_and_all_is_xml(text in "\\PC*|[\\x00-\\u{2fff}\\u{fffe}\\u{ffff}<>&\"']{0,40}") {
            let shown = super::text(&text);
            prop_assert!(!shown.contains(['<', '>', '"', '\'', '\u{fffe}', '\u{ffff}']), "{shown}");
            prop_assert!(!shown.chars().any(char::is_control));
        }
    }
}
