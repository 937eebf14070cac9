//! `junit`: a test case for each endpoint, which every CI server shows.
//!
//! A case fails on a finding that is high or critical, and on a medium one that tells what makes an endpoint
//! exposed: a default cluster passes, as it does at the default of `--fail-on`, and so does an endpoint
//! whose exposure somebody accepted. What else was found is its output. It
//! is an error where the verdict is inconclusive, or a named target got none: it ran and says nothing. It
//! is skipped where nothing answered. What was found of a specification as a whole stands at the one of
//! its endpoints that answered most; where there is no case of such a one (it was not asked, or its silent
//! addresses are only counted) it is a case of its own. Names say where and never what came out, so that
//! a case has a history.

use std::borrow::{Borrow, Cow};
use std::collections::HashMap;
use std::io::{self, Write as _};

use super::by_endpoint::ByEndpoint;
use super::escape::escape;
use super::wording::Wording;
use super::{Results, Spool, tell};
use crate::model::{EndpointReport, Finding, Host, Origin, Severity, Target, Verdict};

/// Characters of a text that is not ours.
const SHOWN: usize = 1000;

/// What stands in the head of the file, before the cases.
#[derive(Debug, Clone, Copy)]
struct Counts {
    cases: usize,
    failed: usize,
    unclear: usize,
    skipped: usize,
}

impl Counts {
    /// Counts the cases that [`suite()`] makes of the same records.
    fn of(results: &Results<'_>, reports: impl Iterator<Item: Borrow<EndpointReport>>) -> Self {
        let mut found = Found::new(results);
        let mut counts = Self {
            cases: 0,
            failed: 0,
            unclear: 0,
            skipped: 0,
        };
        for report in reports {
            let report = report.borrow();
            counts.count(&Outcome::of(report, &found.take(report)));
        }
        for whole in found.rest() {
            counts.count(&Outcome::without_endpoint(&whole.findings));
        }
        counts
    }

    fn count(&mut self, outcome: &Outcome<'_>) {
        self.cases += 1;
        match outcome {
            Outcome::Passed => {}
            Outcome::Failed(_) => self.failed += 1,
            Outcome::Unclear(..) => self.unclear += 1,
            Outcome::Skipped => self.skipped += 1,
        }
    }
}

/// Writes the suite. Its head has the counts, so the records are read twice.
pub(super) fn write(
    out: &mut dyn io::Write,
    results: &Results<'_>,
    records: &mut Spool,
) -> io::Result<()> {
    let counts = records.read(|records| Ok(Counts::of(results, records)))?;
    records.read(|records| suite(out, results, counts, records))
}

fn suite(
    out: &mut dyn io::Write,
    results: &Results<'_>,
    counts: Counts,
    reports: impl Iterator<Item: Borrow<EndpointReport>>,
) -> io::Result<()> {
    let mut out = io::BufWriter::new(out);
    let mut found = Found::new(results);
    let Counts {
        cases,
        failed,
        unclear,
        skipped,
    } = counts;
    let seconds = results.summary.elapsed.as_secs_f64();
    let started = format!("{:.0}", results.summary.started);
    writeln!(
        out,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"kubeknock\" tests=\"{cases}\" \
         failures=\"{failed}\" errors=\"{unclear}\" skipped=\"{skipped}\" time=\"{seconds:.3}\" timestamp=\"{}\">",
        started.trim_end_matches('Z')
    )?;
    for report in reports {
        let report = report.borrow();
        endpoint(&mut out, report, &found.take(report))?;
    }
    for whole in found.rest() {
        without_endpoint(&mut out, &whole)?;
    }
    writeln!(out, "  </testsuite>\n</testsuites>")?;
    out.flush()
}

fn endpoint(
    out: &mut impl io::Write,
    report: &EndpointReport,
    findings: &[&Finding],
) -> io::Result<()> {
    let target = report.target.to_string();
    let place = report
        .endpoint
        .as_ref()
        .map_or_else(|| target.clone(), ToString::to_string);
    let name = tell::named(&place, report.target.label.as_deref());
    let seconds = report.elapsed().as_secs_f64();
    let (class, name) = (text(&target), text(&name));
    writeln!(
        out,
        "    <testcase classname=\"{class}\" name=\"{name}\" time=\"{seconds:.3}\">"
    )?;
    let outcome = Outcome::of(report, findings);
    result(out, &outcome, &report.reason)?;
    writeln!(
        out,
        "      <system-out>{}: {}",
        report.verdict,
        text(&report.reason)
    )?;
    outcome
        .beside(findings)
        .try_for_each(|finding| told(out, finding))?;
    writeln!(out, "</system-out>\n    </testcase>")
}

fn without_endpoint(
    out: &mut impl io::Write,
    Whole { seen, findings }: &Whole<'_>,
) -> io::Result<()> {
    let Some(first) = findings.first() else {
        return Ok(());
    };
    let (class, name) = (text(first.about.as_str()), text(&tell::about(first)));
    writeln!(
        out,
        "    <testcase classname=\"{class}\" name=\"{name}\" time=\"0\">"
    )?;
    let outcome = Outcome::without_endpoint(findings);
    result(out, &outcome, "")?;
    let seen: Vec<&str> = seen.iter().map(|verdict| verdict.as_str()).collect();
    let said = if seen.is_empty() {
        "not asked".to_owned()
    } else {
        format!("seen {}", seen.join(", "))
    };
    writeln!(out, "      <system-out>{said}")?;
    outcome
        .beside(findings)
        .try_for_each(|finding| told(out, finding))?;
    writeln!(out, "</system-out>\n    </testcase>")
}

fn result(out: &mut impl io::Write, outcome: &Outcome<'_>, reason: &str) -> io::Result<()> {
    match outcome {
        Outcome::Passed => Ok(()),
        Outcome::Failed(findings) => failure(out, findings),
        Outcome::Unclear(kind, why) => {
            writeln!(
                out,
                "      <error type=\"{kind}\" message=\"{}\"/>",
                text(why)
            )
        }
        Outcome::Skipped => writeln!(out, "      <skipped message=\"{}\"/>", text(reason)),
    }
}

/// One failure element, because readers of the format know no more.
fn failure(out: &mut impl io::Write, findings: &[&Finding]) -> io::Result<()> {
    let Some(worst) = findings.first() else {
        return Ok(());
    };
    writeln!(
        out,
        "      <failure type=\"{}\" message=\"{}\">",
        worst.rule.id,
        text(&tell::found(worst))
    )?;
    findings.iter().try_for_each(|finding| told(out, finding))?;
    writeln!(out, "      </failure>")
}

fn told(out: &mut impl io::Write, finding: &Finding) -> io::Result<()> {
    let Finding { severity, rule, .. } = finding;
    let (found, remedy) = (
        text(&tell::found(finding)),
        text(&tell::remedy_and_page(finding)),
    );
    writeln!(out, "{severity} {}: {found}\n  remedy: {remedy}", rule.id)
}

/// What became of a case.
enum Outcome<'a> {
    Passed,
    Failed(Vec<&'a Finding>),
    /// The kind of it, and why.
    Unclear(&'static str, Cow<'a, str>),
    Skipped,
}

impl<'a> Outcome<'a> {
    fn of(report: &'a EndpointReport, findings: &[&'a Finding]) -> Self {
        match (report.verdict, Self::settled(findings)) {
            (_, Some(failed @ Self::Failed(_))) => failed,
            (Verdict::Inconclusive, _) if report.target.expect != Some(Verdict::Inconclusive) => {
                Self::Unclear(
                    Verdict::Inconclusive.as_str(),
                    report.reason.as_str().into(),
                )
            }
            (_, Some(unclear)) => unclear,
            (Verdict::Unreachable | Verdict::NotAttempted, None) => Self::Skipped,
            (_, None) => Self::Passed,
        }
    }

    /// Never silently green: there is no endpoint that could be.
    fn without_endpoint(findings: &[&'a Finding]) -> Self {
        Self::settled(findings).unwrap_or(Self::Skipped)
    }

    /// The findings that its element does not tell.
    fn beside<'b>(&self, findings: &'b [&'a Finding]) -> impl Iterator<Item = &'b &'a Finding> {
        let failed = matches!(self, Self::Failed(_));
        findings
            .iter()
            .filter(move |finding| !failed || !fails(finding))
    }

    /// What the findings alone make of it.
    fn settled(findings: &[&'a Finding]) -> Option<Self> {
        let failing: Vec<&Finding> = findings
            .iter()
            .copied()
            .filter(|finding| fails(finding))
            .collect();
        if !failing.is_empty() {
            return Some(Self::Failed(failing));
        }
        // Of a specification as a whole it is only said that it is not what it should be.
        let whole = findings.iter().find(|finding| finding.index.is_none())?;
        Some(Self::Unclear(whole.rule.id, tell::found(whole)))
    }
}

/// Whether a finding fails its case.
fn fails(finding: &Finding) -> bool {
    let exposes = !finding.open.is_empty();
    finding.severity
        <= if exposes {
            Severity::Medium
        } else {
            Severity::High
        }
}

/// What counts, notes apart, until its case is made.
struct Found<'a> {
    at: ByEndpoint<'a>,
    whole: HashMap<&'a Origin, Whole<'a>>,
    /// Their wordings, by the host that they name.
    worded: HashMap<Host, Vec<(Wording<'a>, &'a Origin)>>,
}

/// What was found of a specification as a whole.
#[derive(Default)]
struct Whole<'a> {
    /// The verdicts seen at its endpoints, most open first.
    seen: &'a [Verdict],
    findings: Vec<&'a Finding>,
}

impl<'a> Found<'a> {
    fn new(results: &Results<'a>) -> Self {
        let telling = |finding: &&Finding| finding.counts() && finding.severity < Severity::Note;
        let (whole, at): (Vec<_>, Vec<_>) = results
            .findings
            .iter()
            .filter(telling)
            .partition(|finding| finding.index.is_none());
        let mut this = Self {
            at: ByEndpoint::new(at),
            whole: HashMap::new(),
            worded: HashMap::new(),
        };
        for finding in whole {
            this.whole
                .entry(&*finding.origin)
                .or_default()
                .findings
                .push(finding);
        }
        for spec in &results.summary.coverage.specs {
            let Some(whole) = this.whole.get_mut(&*spec.origin) else {
                continue;
            };
            whole.seen = &spec.seen;
            if let Some(wording) = Wording::of(&spec.origin.text) {
                let of_host = this.worded.entry(wording.host().clone()).or_default();
                of_host.push((wording, &*spec.origin));
            }
        }
        this
    }

    /// What stands at an endpoint's case, worst first. What is said of its specification as a whole
    /// stands at one case only.
    fn take(&mut self, report: &EndpointReport) -> Vec<&'a Finding> {
        let mut findings = self.at.of(report).to_vec();
        let target = &report.target;
        let worded = self.worded.get(&target.host).into_iter().flatten();
        let others = worded.filter(|(wording, origin)| also_names(target, wording, origin));
        for origin in others.map(|(_, origin)| *origin).chain([&*target.origin]) {
            if self
                .whole
                .get(origin)
                .is_some_and(|whole| whole.seen.first() == Some(&report.verdict))
            {
                findings.extend(
                    self.whole
                        .remove(origin)
                        .into_iter()
                        .flat_map(|whole| whole.findings),
                );
            }
        }
        findings.sort_by_key(|finding| finding.severity);
        findings
    }

    /// What has no endpoint: the findings of a specification are one case.
    fn rest(self) -> Vec<Whole<'a>> {
        let mut rest: Vec<Whole<'_>> = self.whole.into_values().collect();
        rest.sort_by(|one, other| {
            let key = |whole: &Whole<'a>| whole.findings.first().map(|finding| finding.order_key());
            key(one).cmp(&key(other))
        });
        rest
    }
}

/// Whether a specification that is not the first one names the target too.
fn also_names(target: &Target, wording: &Wording<'_>, origin: &Origin) -> bool {
    match target.specs.len() {
        // Merged scans: which specifications name it is no longer known.
        0 => origin.text == target.origin.text || (wording.has_port() && wording.names(target)),
        // The first one alone.
        1 => false,
        _ => wording.names(target),
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
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::super::sample::{self, Sample};
    use super::super::skip;
    use super::*;
    use crate::model::{Identity, SpecCoverage, SpecId};

    fn written(sample: &Sample) -> String {
        sample::written(|out| write(out, &sample.results(), &mut sample.records()))
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
        assert_eq!(said("tests"), sample::mixed().reports.len());
        assert!(written(&sample::empty()).contains("tests=\"0\""));
    }

    /// A sample whose only finding is that this record's target got no verdict.
    fn not_covered(record: usize, seen: Vec<Verdict>) -> String {
        let sample = sample::mixed();
        let origin = Arc::clone(&sample.reports[record].target.origin);
        missing(sample, &origin, seen)
    }

    /// A sample whose only finding is that a specification got no verdict.
    fn missing(mut sample: Sample, origin: &Arc<Origin>, seen: Vec<Verdict>) -> String {
        let spec = SpecCoverage::of(Arc::clone(origin), true, None, None, seen);
        let finding = Finding {
            about: Identity::of_specification(origin),
            origin: Arc::clone(origin),
            index: None,
            sites: Vec::new(),
            severity: Severity::Low,
            acceptance: None,
            ..sample.findings[0].clone()
        };
        sample.findings = vec![finding];
        sample.summary.coverage.specs = vec![spec];
        written(&sample)
    }

    #[test]
    fn a_target_without_a_verdict_is_one_error_and_no_case_more() {
        let mixed = sample::mixed().reports.len();
        let head = |suite: &str| suite.lines().nth(2).unwrap().trim().to_owned();
        // Refused, a name that does not resolve, inconclusive: an error already.
        for (record, seen, errors) in [
            (12, Verdict::Unreachable, 2),
            (10, Verdict::Unreachable, 2),
            (7, Verdict::Inconclusive, 1),
        ] {
            let suite = not_covered(record, vec![seen]);
            let said = format!("tests=\"{mixed}\" failures=\"0\" errors=\"{errors}\"");
            assert!(head(&suite).contains(&said), "{suite}");
            assert_eq!(
                suite.matches("low resources-exposed: ").count(),
                1,
                "{suite}"
            );
        }
        // Not asked: it has no endpoint.
        let suite = not_covered(12, Vec::new());
        assert!(
            head(&suite).contains(&format!(
                "tests=\"{}\" failures=\"0\" errors=\"2\"",
                mixed + 1
            )),
            "{suite}"
        );
        assert!(
            suite.contains("name=\"192.0.2.99 (prod-eu-3)\" time=\"0\">\n      <error type="),
            "{suite}"
        );
        assert!(suite.contains("<system-out>not asked\n"), "{suite}");
    }

    #[test]
    fn what_two_specifications_name_is_one_case() {
        let cases = sample::mixed().reports.len();
        let refused = |specs: &[u32]| {
            let mut sample = sample::mixed();
            sample.reports[12].target.specs = specs.iter().copied().map(SpecId).collect();
            sample
        };
        let again = |sample: &Sample, scheme| {
            sample::origin(900, &format!("{scheme}{}", sample.reports[12].target))
        };
        // Of a scan, and of merged ones.
        for specs in [&[12, 900][..], &[]] {
            for scheme in ["https://", ""] {
                let sample = refused(specs);
                let origin = again(&sample, scheme);
                let suite = missing(sample, &origin, vec![Verdict::Unreachable]);
                assert!(
                    suite.contains(&format!("tests=\"{cases}\" failures=\"0\" errors=\"2\"")),
                    "{suite}"
                );
                assert!(!suite.contains("not asked"), "{suite}");
            }
        }
        // Its first specification alone names it: what was seen was seen elsewhere, and that is said.
        let sample = refused(&[12]);
        let origin = again(&sample, "https://");
        let suite = missing(
            sample,
            &origin,
            vec![Verdict::Inconclusive, Verdict::Unreachable],
        );
        assert!(
            suite.contains(&format!("tests=\"{}\"", cases + 1)),
            "{suite}"
        );
        assert!(
            suite.contains("<system-out>seen inconclusive, unreachable\n"),
            "{suite}"
        );
    }

    /// The gate lets both through.
    #[test]
    fn what_is_accepted_or_expected_passes() {
        let mut sample = sample::mixed();
        let head = |sample: &Sample| written(sample).lines().nth(2).unwrap().trim().to_owned();
        // Somebody accepted the exposure: what is left is medium.
        let medium = |open: &[&str]| Finding {
            severity: Severity::Medium,
            open: open.iter().map(|path| (*path).to_owned()).collect(),
            ..sample::mixed().findings[0].clone()
        };
        sample.findings = vec![medium(&[])];
        assert!(
            head(&sample).contains("failures=\"0\" errors=\"1\""),
            "{}",
            head(&sample)
        );
        sample.findings = vec![medium(&[]), medium(&["/metrics"])];
        assert!(
            head(&sample).contains("failures=\"1\" errors=\"1\""),
            "{}",
            head(&sample)
        );
        assert_eq!(
            written(&sample)
                .matches("medium resources-exposed: ")
                .count(),
            2,
            "each told once"
        );
        for report in &mut sample.reports {
            report.target.expect = Some(report.verdict);
        }
        sample.findings.clear();
        assert!(
            head(&sample).contains("failures=\"0\" errors=\"0\""),
            "{}",
            head(&sample)
        );
    }

    /// Against the schema of Jenkins' xunit plugin, as pytest ships it.
    #[test]
    fn the_usual_schema_holds() {
        let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/junit-10.xsd");
        for sample in [sample::mixed(), sample::empty(), sample::hostile()] {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("junit.xml");
            std::fs::write(&file, written(&sample)).unwrap();
            let output = Command::new("xmllint")
                .args(["--noout", "--nonet", "--schema", schema])
                .arg(&file)
                .output();
            let Ok(output) = output else {
                skip::without("xmllint", "the JUnit schema");
                return;
            };
            assert!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
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
