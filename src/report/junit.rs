//! `junit`: a test case for each endpoint, which every CI server shows.
//!
//! A case fails on a finding that is high or critical, and at an exposed endpoint on a medium one too: a
//! default cluster passes, as it does at the default of `--fail-on`. What else was found is its output. It
//! is an error where the verdict is inconclusive: it ran and says nothing. It is skipped where nothing
//! answered. Findings about no endpoint (a name that does not resolve, a specification) are cases of
//! their own. Names say where and never what came out, so that a case has a history.

use std::borrow::{Borrow, Cow};
use std::io::{self, Write as _};

use super::Results;
use super::by_endpoint::ByEndpoint;
use super::escape::escape;
use crate::model::{EndpointReport, Finding, Severity, Verdict};

/// Characters of a text that is not ours.
const SHOWN: usize = 1000;

/// What stands in the head of the file, before the cases.
#[derive(Debug, Clone, Copy)]
pub struct Counts {
    cases: usize,
    failed: usize,
    unclear: usize,
    skipped: usize,
}

impl Counts {
    /// Counts the cases that [`write()`] makes of the same records.
    pub fn of(results: &Results<'_>, reports: impl Iterator<Item: Borrow<EndpointReport>>) -> Self {
        let found = Found::new(results.findings);
        let elsewhere = found.elsewhere.len();
        let mut counts = Self { cases: elsewhere, failed: elsewhere, unclear: 0, skipped: 0 };
        for report in reports {
            counts.cases += 1;
            match found.outcome(report.borrow()) {
                Outcome::Passed => {}
                Outcome::Failed(_) => counts.failed += 1,
                Outcome::Unclear => counts.unclear += 1,
                Outcome::Skipped => counts.skipped += 1,
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
    let found = Found::new(results.findings);
    let Counts { cases, failed, unclear, skipped } = counts;
    let seconds = results.summary.elapsed.as_secs_f64();
    let started = format!("{:.0}", results.summary.started);
    writeln!(
        out,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"kubeknock\" tests=\"{cases}\" \
         failures=\"{failed}\" errors=\"{unclear}\" skipped=\"{skipped}\" time=\"{seconds:.3}\" timestamp=\"{}\">",
        started.trim_end_matches('Z')
    )?;
    for report in reports {
        case(&mut out, report.borrow(), &found)?;
    }
    for finding in &found.elsewhere {
        let about = text(finding.about.as_str());
        let rule = finding.rule.id;
        writeln!(out, "    <testcase classname=\"{about}\" name=\"{about}: {rule}\" time=\"0\">")?;
        failure(&mut out, &[finding])?;
        writeln!(out, "    </testcase>")?;
    }
    writeln!(out, "  </testsuite>\n</testsuites>")?;
    out.flush()
}

fn case(out: &mut impl io::Write, report: &EndpointReport, found: &Found<'_>) -> io::Result<()> {
    let place = report.endpoint.as_ref().map_or_else(|| report.target.to_string(), ToString::to_string);
    let (class, name) = (text(&report.target.to_string()), text(&place));
    let seconds = report.elapsed().as_secs_f64();
    writeln!(out, "    <testcase classname=\"{class}\" name=\"{name}\" time=\"{seconds:.3}\">")?;
    let reason = text(&report.reason);
    match found.outcome(report) {
        Outcome::Passed => {}
        Outcome::Failed(findings) => failure(out, &findings)?,
        Outcome::Unclear => writeln!(out, "      <error type=\"inconclusive\" message=\"{reason}\"/>")?,
        Outcome::Skipped => writeln!(out, "      <skipped message=\"{reason}\"/>")?,
    }
    writeln!(out, "      <system-out>{}: {reason}", report.verdict)?;
    for finding in found.at.of(report) {
        told(out, finding)?;
    }
    writeln!(out, "</system-out>\n    </testcase>")
}

/// One failure element, because readers of the format know no more.
fn failure(out: &mut impl io::Write, findings: &[&Finding]) -> io::Result<()> {
    let Some(worst) = findings.first() else { return Ok(()) };
    writeln!(out, "      <failure type=\"{}\" message=\"{}\">", worst.rule.id, text(&worst.said()))?;
    findings.iter().try_for_each(|finding| told(out, finding))?;
    writeln!(out, "      </failure>")
}

fn told(out: &mut impl io::Write, finding: &Finding) -> io::Result<()> {
    let Finding { severity, rule, remedy, .. } = finding;
    writeln!(out, "{severity} {}: {}\n  remedy: {}", rule.id, text(&finding.said()), text(remedy))
}

/// What became of a case.
enum Outcome<'a> {
    Passed,
    Failed(Vec<&'a Finding>),
    Unclear,
    Skipped,
}

/// What counts, notes apart, by where it was found.
struct Found<'a> {
    at: ByEndpoint<'a>,
    elsewhere: Vec<&'a Finding>,
}

impl<'a> Found<'a> {
    fn new(findings: &'a [Finding]) -> Self {
        let telling = findings.iter().filter(|finding| finding.counts() && finding.severity < Severity::Note);
        let (elsewhere, at): (Vec<_>, Vec<_>) = telling.partition(|finding| finding.sites.is_empty());
        Self { at: ByEndpoint::new(at), elsewhere }
    }

    fn outcome(&self, report: &EndpointReport) -> Outcome<'a> {
        let least = if report.verdict == Verdict::Exposed { Severity::Medium } else { Severity::High };
        let failing: Vec<&Finding> =
            self.at.of(report).iter().copied().filter(|finding| finding.severity <= least).collect();
        match report.verdict {
            _ if !failing.is_empty() => Outcome::Failed(failing),
            Verdict::Unreachable => Outcome::Skipped,
            Verdict::Inconclusive => Outcome::Unclear,
            _ => Outcome::Passed,
        }
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
    use super::super::skip;
    use super::*;

    fn written(sample: &Sample) -> String {
        let results = sample.results();
        let counts = Counts::of(&results, sample.reports.iter());
        sample::written(|out| write(out, &results, counts, sample.reports.iter()))
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
        assert_eq!((said("errors"), count("<error ")), (1, 1));
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
                skip::without("xmllint", "the JUnit schema");
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
